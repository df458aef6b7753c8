#include "proxy/net/listener.h"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>

#include <sys/socket.h>

#include <chrono>
#include <exception>

namespace stepgate::proxy::net
{

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

Listener::Listener(asio::io_context& io) : io_(io), acceptor_(io.get_executor())
{
}

error_code Listener::bind(const std::string& address, std::uint16_t port)
{
    error_code ec;
    const auto ip = asio::ip::make_address(address, ec);
    if (ec)
        return errc::bad_address;
    const tcp::endpoint end_point{ip, port};
    acceptor_.open(end_point.protocol(), ec);
    if (ec)
        return ec;
    acceptor_.set_option(asio::socket_base::reuse_address(true), ec);
    const int on = 1;
    if (::setsockopt(acceptor_.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
        return {errno, boost::system::system_category()};
    acceptor_.bind(end_point, ec);
    if (!ec)
        acceptor_.listen(asio::socket_base::max_listen_connections, ec);
    return ec;
}

std::uint16_t Listener::port() const
{
    error_code ec;
    const auto end_point = acceptor_.local_endpoint(ec);
    return ec ? std::uint16_t{0} : end_point.port();
}

void Listener::start(OnAccept on_accept)
{
    on_accept_ = std::move(on_accept);
    asio::co_spawn(io_.get_executor(), accept_until_closed(), [](std::exception_ptr failure) {
        if (failure)
            std::rethrow_exception(failure); // only a bug or no memory: ends the thread's run, and says so
    });
}

Task<void> Listener::accept_until_closed()
{
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor> pause{
        io_.get_executor()};
    while (acceptor_.is_open()) {
        Socket socket{io_.get_executor()};
        tcp::endpoint from;
        auto [ec] = co_await acceptor_.async_accept(socket, from, use_task);
        if (!ec) {
            on_accept_(std::move(socket), from);
            continue;
        }
        if (ec == asio::error::operation_aborted)
            co_return;
        // Out of descriptors or memory, or the client was gone already: a pause instead of a busy loop.
        pause.expires_after(std::chrono::milliseconds{ec == asio::error::connection_aborted ? 0 : 100});
        co_await pause.async_wait(use_task);
    }
}

void Listener::close()
{
    error_code ignored;
    acceptor_.close(ignored);
}

} // namespace stepgate::proxy::net
