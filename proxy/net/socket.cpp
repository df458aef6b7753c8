#include "proxy/net/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace stepgate::proxy::net
{

using boost::asio::ip::tcp;
using boost::system::error_code;

namespace
{

error_code system_error(int number)
{
    return {number, boost::system::system_category()};
}

bool is_within_this_machine(const Socket& socket)
{
    tcp::endpoint peer;
    auto size = static_cast<socklen_t>(peer.capacity());
    return ::getpeername(socket.native_handle(), peer.data(), &size) == 0 && peer.address().is_loopback();
}

} // namespace

Socket::Socket(Executor executor, int descriptor) : executor_{executor}
{
    (void)assign(descriptor);
}

Socket& Socket::operator=(Socket&& other) noexcept
{
    if (this == &other)
        return *this;
    close();
    executor_ = other.executor_;
    descriptor_ = std::exchange(other.descriptor_, -1);
    key_ = other.key_;
    return *this;
}

error_code Socket::assign(int descriptor)
{
    error_code failed;
    key_ = executor_.context().add(descriptor, failed);
    if (failed)
        ::close(descriptor);
    else
        descriptor_ = descriptor;
    return failed;
}

Task<error_code> Socket::connect(boost::asio::ip::tcp::endpoint to)
{
    close();
    const int descriptor = ::socket(to.data()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (descriptor < 0)
        co_return system_error(errno);
    // Before the loop has it: a socket that is neither connected nor connecting counts as hung up.
    const bool done = ::connect(descriptor, to.data(), static_cast<socklen_t>(to.size())) == 0;
    if (!done && errno != EINPROGRESS) {
        const auto failed = system_error(errno);
        ::close(descriptor);
        co_return failed;
    }
    const auto refused = assign(descriptor);
    if (refused || done)
        co_return refused;
    const auto ended = co_await writable();
    if (ended)
        co_return ended;
    int outcome = 0;
    socklen_t size = sizeof outcome;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &outcome, &size) != 0)
        outcome = errno;
    if (outcome != 0)
        close();
    co_return system_error(outcome);
}

void Socket::cancel()
{
    if (is_open())
        executor_.context().cancel(key_);
}

void Socket::close()
{
    if (!is_open())
        return;
    executor_.context().remove(key_);
    ::close(std::exchange(descriptor_, -1));
}

void tune(const Socket& socket)
{
    const int on = 1, idle = 60, interval = 15,
              probes = 4; // each of these is an optimisation: nothing to do if it fails
    ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    // Nothing is congested there: the algorithm that computes least, which every kernel has.
    if (constexpr std::string_view least = "reno"; is_within_this_machine(socket))
        ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_CONGESTION, least.data(), least.size());
}

} // namespace stepgate::proxy::net
