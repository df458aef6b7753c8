#pragma once

#include "challenge-web/server/replies.h"
#include "challenge-web/server/transport.h"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/span_body.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <algorithm>
#include <array>
#include <memory>

// The HTTP conversation on one stream, for tls_connection.cpp and plain_connection.cpp only: this is the expensive part
// to compile. What is not a template is in http_convert.cpp and event_stream.h.

namespace stepgate::challenge_web::server
{

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

using WireResponse = http::response<http::span_body<const char>>;

// http_convert.cpp
[[nodiscard]] Request to_request(http::request<http::string_body>&& message, const std::string& client_address);
/// Views `response`, which must outlive the write.
[[nodiscard]] WireResponse to_wire(const Response& response, unsigned version, bool keep_alive, bool head);
/// What to say before closing; nullopt for a connection that is broken or silent.
[[nodiscard]] std::optional<Response> reply_to_read_error(boost::system::error_code code);
[[nodiscard]] std::string event_stream_head(const Response& response);

template <class Stream>
asio::awaitable<bool> write_response(Transport& transport, Stream& stream, const Response& response, unsigned version,
                                     bool keep_alive, bool head)
{
    boost::system::error_code code;
    auto token = asio::redirect_error(asio::use_awaitable, code);
    auto message = to_wire(response, version, keep_alive, head);
    beast::get_lowest_layer(stream).expires_after(transport.limits().request);
    co_await http::async_write(stream, message, token);
    co_return !code && keep_alive;
}

inline constexpr std::chrono::milliseconds drain_patience{500};

/// Reads what the client still sends after an early refusal, for a moment: closing with unread bytes resets the
/// connection and the client might never see the answer.
template <class Stream>
asio::awaitable<void> drain(Stream& stream, std::chrono::milliseconds patience)
{
    boost::system::error_code code;
    auto token = asio::redirect_error(asio::use_awaitable, code);
    std::array<char, 4096> scratch;
    beast::get_lowest_layer(stream).expires_after(patience);
    for (int reads = 0; reads < 64 && !code; ++reads) {
        co_await stream.async_read_some(asio::buffer(scratch), token);
    }
}

/// Events until the session, the client or the server ends. It leaves the stream closed.
template <class Stream>
asio::awaitable<void> run_event_stream(Transport& transport, std::shared_ptr<Stream> stream, const Response& response)
{
    using Clock = std::chrono::steady_clock;
    const auto& limits = transport.limits();
    auto subscription = transport.site().hub().subscribe(response.stream->user, response.stream->session);
    if (!subscription)
        co_return;
    boost::system::error_code code;
    auto token = asio::redirect_error(asio::use_awaitable, code);
    const auto executor = co_await asio::this_coro::executor;
    auto timer = std::make_shared<asio::steady_timer>(executor);
    subscription->on_ready([executor, timer] { asio::post(executor, [timer] { timer->cancel(); }); });

    // A client sends nothing on this connection; whatever comes, most likely its end, ends the stream.
    auto& lowest = beast::get_lowest_layer(*stream);
    lowest.expires_never();
    auto scratch = std::make_shared<std::array<char, 64>>();
    stream->async_read_some(
        asio::buffer(*scratch),
        [stream, scratch, subscription](boost::system::error_code, std::size_t) { subscription->end("closed"); });

    const auto started = Clock::now();
    const auto over = started + response.stream->remaining;
    auto next_comment = started + limits.keep_alive;
    auto next_check = started + limits.session_check;
    std::string text = event_stream_head(response) + format_event("ready", "{}");
    for (bool last = false; !code && !last;) {
        const auto now = Clock::now();
        if (now >= next_check) {
            next_check = now + limits.session_check;
            const bool alive = co_await transport.session_alive(response.stream->session);
            if (!alive)
                subscription->end("session_ended");
        }
        if (now >= over)
            subscription->end("session_ended");
        auto batch = subscription->take();
        text += batch.text;
        if (batch.ended) {
            last = true;
            text += format_event("end", R"({"reason":")" + *batch.ended + "\"}");
        }
        if (text.empty() && now >= next_comment)
            text = ": keep-alive\n\n";
        if (!text.empty()) {
            next_comment = Clock::now() + limits.keep_alive;
            lowest.expires_after(limits.request); // for the write only: the read is pending already
            co_await asio::async_write(*stream, asio::buffer(text), token);
            text.clear();
            continue;
        }
        timer->expires_at(std::min({next_comment, next_check, over}));
        co_await timer->async_wait(token);
        code = {}; // cancelled: there is something new
    }
    subscription->on_ready({});
    lowest.close();
}

/// Requests and answers until either side wants no more. True: the stream is still open and wants a clean end.
template <class Stream>
asio::awaitable<bool> run_http(Transport& transport, Transport::Entry entry, std::shared_ptr<Stream> stream,
                               Transport::Handler handler)
{
    const auto& limits = transport.limits();
    boost::system::error_code code;
    auto token = asio::redirect_error(asio::use_awaitable, code);
    auto& lowest = beast::get_lowest_layer(*stream);
    beast::flat_buffer buffer(limits.header_bytes + limits.body_bytes);
    for (bool more = true; more;) {
        if (buffer.size() == 0) {
            if (transport.stopping())
                co_return true;
            entry->idle = true;
            lowest.expires_after(limits.idle);
            const auto room = buffer.prepare(std::min<std::size_t>(4096, limits.header_bytes));
            const std::size_t read = co_await stream->async_read_some(room, token);
            if (code)
                co_return code == asio::error::eof;
            buffer.commit(read);
        }
        entry->idle = false;
        http::request_parser<http::string_body> parser;
        parser.header_limit(static_cast<std::uint32_t>(limits.header_bytes));
        parser.body_limit(limits.body_bytes);
        lowest.expires_after(limits.request);
        co_await http::async_read(*stream, buffer, parser, token);
        if (code) {
            const auto refusal = reply_to_read_error(code);
            if (!refusal)
                co_return false;
            (void)co_await write_response(transport, *stream, *refusal, 11, false, false);
            co_await drain(*stream, drain_patience);
            co_return true;
        }
        const auto started = std::chrono::steady_clock::now();
        const unsigned version = parser.get().version();
        const bool head = parser.get().method() == http::verb::head;
        const bool keep_alive = parser.get().keep_alive();
        const Request request = to_request(parser.release(), entry->address);
        const Response response = co_await transport.handle(handler, request);
        if (response.hold_for.count() > 0) {
            asio::steady_timer hold(stream->get_executor(), started + response.hold_for);
            lowest.expires_never();
            co_await hold.async_wait(token);
        }
        if (response.stream) {
            co_await run_event_stream(transport, stream, response);
            co_return false;
        }
        more =
            co_await write_response(transport, *stream, response, version, keep_alive && !transport.stopping(), head);
    }
    co_return true;
}

} // namespace stepgate::challenge_web::server
