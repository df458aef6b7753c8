#include "proxy/net/listener.h"

#include "proxy/net/errc.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <exception>

namespace stepgate::proxy::net
{

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace
{

constexpr int at_a_stretch = 64; // connections accepted before sessions get their turn
constexpr auto pause_when_full = std::chrono::milliseconds{100};

error_code last_error()
{
    return {errno, boost::system::system_category()};
}

bool out_of_resources(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

} // namespace

error_code Listener::bind(const std::string& address, std::uint16_t port)
{
    error_code ec;
    const auto ip = asio::ip::make_address(address, ec);
    if (ec)
        return errc::bad_address;
    const tcp::endpoint end_point{ip, port};
    const int descriptor = ::socket(end_point.data()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return last_error();
    const int on = 1;
    const bool bound = ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                       ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 &&
                       ::bind(descriptor, end_point.data(), static_cast<socklen_t>(end_point.size())) == 0 &&
                       ::listen(descriptor, SOMAXCONN) == 0;
    ec = bound ? error_code{} : last_error();
    socket_ = Socket{socket_.get_executor(), descriptor};
    if (ec)
        socket_.close();
    return ec;
}

std::uint16_t Listener::port() const
{
    tcp::endpoint end_point;
    socklen_t size = static_cast<socklen_t>(end_point.capacity());
    if (::getsockname(socket_.native_handle(), end_point.data(), &size) != 0)
        return 0;
    end_point.resize(size);
    return end_point.port();
}

void Listener::start(OnAccept on_accept, OnProblem on_problem)
{
    on_accept_ = std::move(on_accept);
    on_problem_ = std::move(on_problem);
    asio::co_spawn(socket_.get_executor(), accept_until_closed(), [](std::exception_ptr failure) {
        if (failure)
            std::rethrow_exception(failure); // only a bug or no memory: ends the thread's run, and says so
    });
}

Task<void> Listener::accept_until_closed()
{
    const Executor executor = socket_.get_executor();
    Timer pause{executor};
    bool told = false;
    for (int accepted = 1; socket_.is_open(); ++accepted) {
        tcp::endpoint from;
        socklen_t size = static_cast<socklen_t>(from.capacity());
        const int descriptor = ::accept4(socket_.native_handle(), from.data(), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor >= 0) {
            from.resize(size);
            on_accept_(Socket{executor, descriptor}, from);
            told = false;
            if (accepted % at_a_stretch == 0) {
                co_await asio::post(executor, asio::use_awaitable_t<Executor>{});
            }
            continue;
        }
        const auto why = last_error();
        if (why.value() == EAGAIN) {
            socket_.drained();
            const auto ended = co_await socket_.worth_a_look();
            if (ended)
                co_return;
        } else if (out_of_resources(why.value())) {
            if (on_problem_ && !std::exchange(told, true))
                on_problem_(why);
            co_await pause.wait_for(pause_when_full);
        } else if (why.value() == EBADF || why.value() == EINVAL) {
            co_return; // closed
        }              // else the client was gone already
    }
}

void Listener::close()
{
    socket_.close();
}

} // namespace stepgate::proxy::net
