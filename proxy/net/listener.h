#pragma once

#include "proxy/net/socket.h"

#include <cstdint>
#include <functional>
#include <string>

namespace stepgate::proxy::net
{

/// Accepts connections on one loop. Several of them, one a thread, share a port through SO_REUSEPORT: the kernel
/// spreads new connections. Used on its loop's thread only; outlives the loop's last run.
class Listener
{
  public:
    using OnAccept = std::function<void(Socket socket, const boost::asio::ip::tcp::endpoint& from)>;
    using OnProblem = std::function<void(const boost::system::error_code& why)>;

    explicit Listener(Loop& loop) : socket_{loop.get_executor()} {}

    [[nodiscard]] boost::system::error_code bind(const std::string& address, std::uint16_t port);
    [[nodiscard]] std::uint16_t port() const;
    /// Accepts until `close`. `on_problem`: connections wait because descriptors or memory are used up; told once until
    /// one is accepted again.
    void start(OnAccept on_accept, OnProblem on_problem = {});
    void close();

  private:
    [[nodiscard]] Task<void> accept_until_closed();

    Socket socket_;
    OnAccept on_accept_;
    OnProblem on_problem_;
};

} // namespace stepgate::proxy::net
