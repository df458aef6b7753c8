#include "challenge-web/server/http_loop.h"

namespace stepgate::challenge_web::server
{

asio::awaitable<void> serve_plain(Transport& transport, Transport::Entry entry, asio::ip::tcp::socket socket,
                                  Transport::Handler handler)
{
    auto stream = std::make_shared<beast::tcp_stream>(std::move(socket));
    entry->close = [weak = std::weak_ptr(stream)] {
        if (const auto live = weak.lock())
            live->close();
    };
    const bool open = co_await run_http(transport, entry, stream, handler);
    boost::system::error_code ignored;
    if (open)
        stream->socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

} // namespace stepgate::challenge_web::server
