#include "proxy/net/send_batch.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <mutex>

namespace stepgate::proxy::net
{

namespace
{

// io_submit cannot be told MSG_NOSIGNAL: a peer that went away must be an error, not a signal.
void ignore_broken_pipes()
{
    static std::once_flag once;
    std::call_once(once, [] { std::signal(SIGPIPE, SIG_IGN); });
}

std::span<const std::byte> bytes_of(const iocb& write)
{
    return {reinterpret_cast<const std::byte*>(write.aio_buf), write.aio_nbytes};
}

} // namespace

// The system call itself. In a program with threads glibc's send, being a cancellation point (pthreads(7)), adds two
// atomic operations; nobody cancels a thread here.
std::int64_t send_now(int descriptor, std::span<const std::byte> bytes)
{
    std::int64_t sent = 0;
    do
        sent = ::syscall(SYS_sendto, descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL, nullptr, 0);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

SendBatch::SendBatch(How how)
{
    ignore_broken_pipes();
    for (std::size_t i = 0; i < most; ++i)
        pointers_[i] = &writes_[i];
    if (how == How::singly || ::syscall(SYS_io_setup, most, &context_) != 0)
        context_ = 0;
}

SendBatch::~SendBatch()
{
    if (context_ != 0)
        ::syscall(SYS_io_destroy, context_);
}

void SendBatch::add(int descriptor, std::uint64_t tag, std::span<const std::byte> bytes)
{
    iocb& write = writes_[count_++];
    write = {};
    write.aio_data = tag;
    write.aio_lio_opcode = IOCB_CMD_PWRITE;
    write.aio_fildes = static_cast<std::uint32_t>(descriptor);
    write.aio_buf = reinterpret_cast<std::uint64_t>(bytes_.data() + used_);
    write.aio_nbytes = bytes.size();
    std::ranges::copy(bytes, bytes_.data() + used_);
    used_ += bytes.size();
}

std::span<const SendBatch::Unsent> SendBatch::send()
{
    unsent_.clear();
    // A single one has nothing to share.
    for (std::size_t i = count_ > 1 ? submit() : 0; i < count_; ++i)
        note(writes_[i], send_now(static_cast<int>(writes_[i].aio_fildes), bytes_of(writes_[i])));
    count_ = used_ = 0;
    return unsent_;
}

/// Gives how many, of the first, the system took: all, unless it has no AIO for us.
std::size_t SendBatch::submit()
{
    if (context_ == 0)
        return 0;
    const auto taken = ::syscall(SYS_io_submit, context_, count_, pointers_.data());
    if (taken <= 0)
        return 0;
    std::array<io_event, most> events{};
    const auto seen = ::syscall(SYS_io_getevents, context_, taken, taken, events.data(), nullptr);
    for (std::size_t i = 0; i < static_cast<std::size_t>(std::max(seen, 0L)); ++i)
        note(*reinterpret_cast<const iocb*>(events[i].obj), events[i].res);
    return static_cast<std::size_t>(taken);
}

void SendBatch::note(const iocb& write, std::int64_t sent_or_error)
{
    const auto bytes = bytes_of(write);
    const auto sent = static_cast<std::size_t>(std::max<std::int64_t>(sent_or_error, 0));
    if (sent < bytes.size())
        unsent_.push_back(
            {write.aio_data, bytes.subspan(sent), sent_or_error < 0 ? static_cast<int>(-sent_or_error) : EAGAIN});
}

} // namespace stepgate::proxy::net
