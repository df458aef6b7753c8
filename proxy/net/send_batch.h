#pragma once

#include <linux/aio_abi.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace stepgate::proxy::net
{

/// send(2) that neither blocks nor raises a signal: bytes, or -errno.
[[nodiscard]] std::int64_t send_now(int descriptor, std::span<const std::byte> bytes);

/// Small writes to many sockets that leave with one system call, by Linux's AIO (io_submit(2)): on sockets it does each
/// at once, as send(2) would. After every call that wakes somebody the scheduler may give this thread's processor away;
/// in a proxy that is every send, and here one in a batch (ARCHITECTURE.md has the figures). Where the system has no
/// AIO or none left (fs.aio-max-nr), each is sent by itself.
///
/// One write of a socket at most: a second could overtake the rest of the first. Not thread-safe.
class SendBatch
{
  public:
    /// Of one write, in bytes: beyond it the copy costs more than the call.
    static constexpr std::size_t largest = 2048;

    enum class How : std::uint8_t { together, singly };
    explicit SendBatch(How how = How::together);
    ~SendBatch();
    SendBatch(const SendBatch&) = delete;
    SendBatch& operator=(const SendBatch&) = delete;

    [[nodiscard]] bool empty() const { return count_ == 0; }
    [[nodiscard]] bool full() const { return count_ == most; }
    /// Takes a copy of `bytes`, at most `largest` of them; not when full. The descriptor stays open until `send`.
    void add(int descriptor, std::uint64_t tag, std::span<const std::byte> bytes);

    /// What a socket did not take, and errno: EAGAIN, or why it takes nothing any more.
    struct Unsent {
        std::uint64_t tag = 0;
        std::span<const std::byte> bytes;
        int error = 0;
    };
    /// Sends all, and is empty. Valid until the next `add`.
    [[nodiscard]] std::span<const Unsent> send();

  private:
    // More spare no time here, and keep those who wait for the first longer.
    static constexpr std::size_t most = 16;

    [[nodiscard]] std::size_t submit();
    void note(const iocb& write, std::int64_t sent_or_error);

    aio_context_t context_ = 0; // 0: none to be had
    std::array<iocb, most> writes_{};
    std::array<iocb*, most> pointers_{};
    std::array<std::byte, most * largest> bytes_{};
    std::size_t count_ = 0, used_ = 0;
    std::vector<Unsent> unsent_;
};

} // namespace stepgate::proxy::net
