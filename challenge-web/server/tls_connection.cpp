#include "challenge-web/server/http_loop.h"

#include <boost/asio/ssl/stream.hpp>

namespace stepgate::challenge_web::server
{

asio::awaitable<void> serve_tls(Transport& transport, Transport::Entry entry, asio::ip::tcp::socket socket)
{
    boost::system::error_code code;
    auto token = asio::redirect_error(asio::use_awaitable, code);
    const auto context = transport.tls();
    auto stream = std::make_shared<asio::ssl::stream<beast::tcp_stream>>(std::move(socket), *context);
    auto& lowest = beast::get_lowest_layer(*stream);
    entry->close = [weak = std::weak_ptr(stream)] {
        if (const auto live = weak.lock())
            beast::get_lowest_layer(*live).close();
    };
    lowest.expires_after(transport.limits().handshake);
    co_await stream->async_handshake(asio::ssl::stream_base::server, token);
    if (code)
        co_return;
    const bool open = co_await run_http(transport, entry, stream, &Site::handle);
    if (!open)
        co_return;
    // The client's close_notify is a courtesy: a server that stops does not wait long for it.
    constexpr std::chrono::milliseconds hurried{200};
    entry->idle = true;
    lowest.expires_after(transport.stopping() ? std::min(hurried, transport.limits().shutdown)
                                              : transport.limits().shutdown);
    co_await stream->async_shutdown(token);
}

} // namespace stepgate::challenge_web::server
