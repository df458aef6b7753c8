#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <memory>
#include <string_view>

namespace boost::asio::ssl
{
class context;
}

namespace stepgate::challenge_web::server
{

/// The bytes of a connection, with TLS or without, so that the HTTP conversation is compiled once. Every wait ends at
/// the deadline of `lowest()`.
class WebStream
{
  public:
    WebStream() = default;
    WebStream(const WebStream&) = delete;
    WebStream& operator=(const WebStream&) = delete;
    virtual ~WebStream() = default;

    [[nodiscard]] virtual boost::asio::awaitable<std::size_t> read_some(boost::asio::mutable_buffer into,
                                                                        boost::system::error_code& failed) = 0;
    /// All of it.
    [[nodiscard]] virtual boost::asio::awaitable<void> write(std::string_view bytes,
                                                             boost::system::error_code& failed) = 0;
    /// Deadlines, and an end without courtesies.
    [[nodiscard]] virtual boost::beast::tcp_stream& lowest() = 0;
    /// TLS handshake; nothing without TLS.
    [[nodiscard]] virtual boost::asio::awaitable<void> begin(boost::system::error_code& failed) = 0;
    /// close_notify (RFC 8446 6.1) or the end of what is sent.
    [[nodiscard]] virtual boost::asio::awaitable<void> end() = 0;
};

[[nodiscard]] std::shared_ptr<WebStream> plain_stream(boost::asio::ip::tcp::socket socket);
[[nodiscard]] std::shared_ptr<WebStream> tls_stream(boost::asio::ip::tcp::socket socket,
                                                    std::shared_ptr<boost::asio::ssl::context> context);

} // namespace stepgate::challenge_web::server
