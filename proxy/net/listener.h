#pragma once

#include "proxy/net/stream.h"

#include <cstdint>
#include <functional>
#include <string>

namespace stepgate::proxy::net
{

/// Accepts connections on one io_context. Several of them, one a thread, share a port through SO_REUSEPORT: the kernel
/// spreads new connections. Used on its io_context's thread only; outlives the io_context's last run.
class Listener
{
  public:
    using OnAccept = std::function<void(Socket socket, const boost::asio::ip::tcp::endpoint& from)>;

    explicit Listener(boost::asio::io_context& io);

    [[nodiscard]] boost::system::error_code bind(const std::string& address, std::uint16_t port);
    [[nodiscard]] std::uint16_t port() const;
    /// Accepts until `close`.
    void start(OnAccept on_accept);
    void close();

  private:
    [[nodiscard]] Task<void> accept_until_closed();

    boost::asio::io_context& io_;
    boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, Executor> acceptor_;
    OnAccept on_accept_;
};

} // namespace stepgate::proxy::net
