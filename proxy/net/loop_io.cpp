#include "proxy/net/loop.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace stepgate::proxy::net
{

namespace
{

bool blocks(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK;
}

/// Of bytes, or -errno.
IoResult outcome(std::int64_t moved)
{
    if (moved > 0)
        return {Io::done, static_cast<std::size_t>(moved)};
    if (moved == 0)
        return {Io::closed};
    return {blocks(static_cast<int>(-moved)) ? Io::would_block : Io::failed};
}

// As `send_now`: the system call itself.
IoResult receive_now(int descriptor, std::span<std::byte> into)
{
    std::int64_t moved = 0;
    do
        moved = ::syscall(SYS_recvfrom, descriptor, into.data(), into.size(), 0, nullptr, nullptr);
    while (moved < 0 && errno == EINTR);
    return outcome(moved < 0 ? -errno : moved);
}

} // namespace

void Loop::read_ahead(std::span<const epoll_event> events)
{
    for (std::size_t i = 0; i < events.size(); ++i) {
        Place* place = find(Key::unpacked(events[i].data.u64));
        const bool wanted = place != nullptr && place->reader && place->reading && place->ahead.empty();
        if (!wanted || place->large || events[i].events != EPOLLIN)
            continue;
        const auto room = std::span{read_ahead_}.subspan(i * small_read, small_read);
        if (const auto [status, bytes] = receive_now(place->descriptor, room); status == Io::done) {
            place->ahead = room.first(bytes);
            place->more = bytes == room.size();
        }
    }
}

/// What its reader has not read yet.
void Loop::keep_unread(Key key)
{
    Place* place = find(key);
    if (place == nullptr || place->ahead.empty() || !place->unread.empty())
        return;
    place->unread.assign(place->ahead.begin(), place->ahead.end());
    place->ahead = place->unread;
}

IoResult Loop::read(Key key, std::span<std::byte> into)
{
    Place* place = find(key);
    if (place == nullptr)
        return {Io::failed};
    if (!place->ahead.empty())
        return take_ahead(key, *place, into);
    const auto outcome = receive_now(place->descriptor, into);
    place->large = outcome.bytes > small_read;
    if (outcome.status == Io::would_block || (outcome.status == Io::done && outcome.bytes < into.size()))
        drained(key);
    return outcome;
}

IoResult Loop::take_ahead(Key key, Place& place, std::span<std::byte> into)
{
    const auto taken = place.ahead.first(std::min(place.ahead.size(), into.size()));
    std::ranges::copy(taken, into.begin());
    place.ahead = place.ahead.subspan(taken.size());
    if (place.ahead.empty()) {
        place.unread = {};
        if (!place.more)
            drained(key);
    }
    return {Io::done, taken.size()};
}

IoResult Loop::write(Key key, std::span<const std::byte> from)
{
    Place* place = find(key);
    if (place == nullptr || place->lost)
        return {Io::failed};
    const bool small = from.size() <= SendBatch::largest && runs_here();
    if (place->batch == batch_number_ || (small && batch_.full()))
        send_batch();
    if (!place->unsent.empty())
        return {Io::would_block};
    if (!small)
        return outcome(send_now(place->descriptor, from));
    batch_.add(place->descriptor, key.packed(), from);
    place->batch = batch_number_;
    return {Io::done, from.size()};
}

Io Loop::flush(Key key)
{
    Place* place = find(key);
    if (place == nullptr)
        return Io::failed;
    if (place->batch == batch_number_)
        send_batch();
    if (place->lost)
        return Io::failed;
    return place->unsent.empty() ? Io::done : Io::would_block;
}

void Loop::send_batch()
{
    if (batch_.empty())
        return;
    for (const auto& [tag, bytes, error] : batch_.send()) {
        Place& place = *find(Key::unpacked(tag)); // `remove` sends first
        place.lost = !blocks(error);
        if (place.lost)
            continue;
        place.unsent.assign(bytes.begin(), bytes.end());
        watch(Key::unpacked(tag).index, true);
    }
    ++batch_number_;
}

/// What a batch has left. False: something is left still.
bool Loop::send_unsent(Place& place)
{
    std::size_t sent = 0;
    while (sent < place.unsent.size()) {
        const auto [status, bytes] = outcome(send_now(place.descriptor, std::span{place.unsent}.subspan(sent)));
        if (status == Io::would_block) {
            place.unsent.erase(place.unsent.begin(), place.unsent.begin() + static_cast<std::ptrdiff_t>(sent));
            return false;
        }
        place.lost = status != Io::done;
        if (place.lost)
            break;
        sent += bytes;
    }
    place.unsent = {};
    return true;
}

} // namespace stepgate::proxy::net
