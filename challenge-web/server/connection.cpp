#include "challenge-web/server/http_convert.h"
#include "challenge-web/server/replies.h"
#include "challenge-web/server/transport.h"
#include "challenge-web/server/web_stream.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/read_size.hpp>
#include <boost/beast/http/parser.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace stepgate::challenge_web::server
{

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace
{

using StreamPtr = std::shared_ptr<WebStream>;
using Parser = http::request_parser<http::string_body>;

constexpr std::chrono::milliseconds drain_patience{500};
constexpr std::size_t most_at_once = 65536; // bytes of one read

asio::awaitable<bool> write_response(Transport& transport, WebStream& stream, const Response& response,
                                     unsigned version, bool keep_alive, bool head)
{
    error_code failed;
    stream.lowest().expires_after(transport.limits().request);
    std::string text = response_head(response, version, keep_alive);
    std::string_view body = head ? std::string_view{} : body_of(response);
    if (body.size() <= most_at_once) { // one packet more costs more than the copy
        text += body;
        body = {};
    }
    co_await stream.write(text, failed);
    if (!failed && !body.empty()) {
        co_await stream.write(body, failed);
    }
    co_return !failed && keep_alive;
}

/// Reads what the client still sends after an early refusal, for a moment: closing with unread bytes resets the
/// connection and the client might never see the answer.
asio::awaitable<void> drain(WebStream& stream)
{
    error_code failed;
    std::array<char, 4096> scratch;
    stream.lowest().expires_after(drain_patience);
    for (int reads = 0; reads < 64 && !failed; ++reads) {
        [[maybe_unused]] const std::size_t read = co_await stream.read_some(asio::buffer(scratch), failed);
    }
}

/// What is wrong with what cannot be read. The stream has no use behind it.
asio::awaitable<void> refuse(Transport& transport, WebStream& stream, const Response& refusal)
{
    (void)co_await write_response(transport, stream, refusal, 11, false, false);
    co_await drain(stream);
}

/// A client sends nothing on a stream of events; whatever comes, most likely its end, ends the stream.
asio::awaitable<void> end_with_client(StreamPtr stream, std::shared_ptr<Subscription> subscription)
{
    error_code ignored;
    std::array<char, 64> scratch;
    stream->lowest().expires_never(); // for this read: a write that is under way keeps its deadline
    (void)co_await stream->read_some(asio::buffer(scratch), ignored);
    subscription->end("closed");
}

/// Events until the session, the client or the server ends. It leaves the stream closed.
asio::awaitable<void> run_event_stream(Transport& transport, StreamPtr stream, const Response& response)
{
    using Clock = std::chrono::steady_clock;
    const auto& limits = transport.limits();
    auto subscription = transport.site().hub().subscribe(response.stream->user, response.stream->session);
    if (!subscription)
        co_return;
    error_code failed;
    const auto executor = co_await asio::this_coro::executor;
    auto timer = std::make_shared<asio::steady_timer>(executor);
    subscription->on_ready([executor, timer] { asio::post(executor, [timer] { timer->cancel(); }); });
    asio::co_spawn(executor, end_with_client(stream, subscription), asio::detached);

    const auto started = Clock::now();
    const auto over = started + response.stream->remaining;
    auto next_comment = started + limits.keep_alive;
    auto next_check = started + limits.session_check;
    std::string text = event_stream_head(response) + format_event("ready", "{}");
    for (bool last = false; !failed && !last;) {
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
            stream->lowest().expires_after(limits.request); // for the write only: the read is pending already
            co_await stream->write(text, failed);
            text.clear();
            continue;
        }
        timer->expires_at(std::min({next_comment, next_check, over}));
        error_code cancelled; // there is something new
        auto token = asio::redirect_error(asio::use_awaitable, cancelled);
        co_await timer->async_wait(token);
    }
    subscription->on_ready({});
    stream->lowest().close();
}

/// One request, of which `buffer` may have the beginning; what is behind it stays there.
asio::awaitable<void> read_request(WebStream& stream, beast::flat_buffer& buffer, Parser& parser, error_code& failed)
{
    parser.eager(true); // the body too
    for (;;) {
        if (buffer.size() > 0) {
            buffer.consume(parser.put(buffer.data(), failed));
            if (failed == http::error::need_more)
                failed = {};
            if (failed || parser.is_done())
                co_return;
        }
        const std::size_t room = beast::read_size(buffer, most_at_once);
        if (room == 0) {
            failed = http::error::buffer_overflow;
            co_return;
        }
        const std::size_t read = co_await stream.read_some(buffer.prepare(room), failed);
        if (failed == asio::error::eof)
            failed = http::error::partial_message;
        if (failed)
            co_return;
        buffer.commit(read);
    }
}

/// Waits for the first bytes of a request.
asio::awaitable<void> await_request(Transport& transport, WebStream& stream, beast::flat_buffer& buffer,
                                    error_code& failed)
{
    const auto& limits = transport.limits();
    stream.lowest().expires_after(limits.idle);
    const auto room = buffer.prepare(std::min<std::size_t>(4096, limits.header_bytes));
    const std::size_t read = co_await stream.read_some(room, failed);
    buffer.commit(read);
}

/// Requests and answers until either side wants no more. True: the stream is still open and wants a clean end.
asio::awaitable<bool> run_http(Transport& transport, Transport::Entry entry, StreamPtr stream,
                               Transport::Handler handler)
{
    const auto& limits = transport.limits();
    error_code failed;
    beast::flat_buffer buffer(limits.header_bytes + limits.body_bytes);
    for (bool more = true; more;) {
        if (buffer.size() == 0) {
            if (transport.stopping())
                co_return true;
            entry->idle = true;
            co_await await_request(transport, *stream, buffer, failed);
            if (failed)
                co_return failed == asio::error::eof;
        }
        entry->idle = false;
        Parser parser;
        parser.header_limit(static_cast<std::uint32_t>(limits.header_bytes));
        parser.body_limit(limits.body_bytes);
        stream->lowest().expires_after(limits.request);
        co_await read_request(*stream, buffer, parser, failed);
        if (failed) {
            const auto refusal = reply_to_read_error(failed);
            if (!refusal)
                co_return false;
            co_await refuse(transport, *stream, *refusal);
            co_return true;
        }
        if (const auto refusal = refuse_framing(parser.get())) {
            co_await refuse(transport, *stream, *refusal);
            co_return true;
        }
        const auto started = std::chrono::steady_clock::now();
        const unsigned version = parser.get().version();
        const bool head = parser.get().method() == http::verb::head;
        const bool keep_alive = parser.get().keep_alive();
        const auto address = entry->forwarded ? client_behind(parser.get(), entry->address) : entry->address;
        const Request request = to_request(parser.release(), address);
        const Response response = co_await transport.handle(handler, request);
        if (response.hold_for.count() > 0) {
            asio::steady_timer hold(stream->lowest().get_executor(), started + response.hold_for);
            stream->lowest().expires_never();
            auto token = asio::redirect_error(asio::use_awaitable, failed);
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

asio::awaitable<void> serve(Transport& transport, Transport::Entry entry, StreamPtr stream, Transport::Handler handler)
{
    entry->close = [weak = std::weak_ptr(stream)] {
        if (const auto live = weak.lock())
            live->lowest().close();
    };
    error_code failed;
    stream->lowest().expires_after(transport.limits().handshake);
    co_await stream->begin(failed);
    if (failed) {
        const auto refusal = reply_to_read_error(failed);
        const auto plain = refusal ? plain_stream(stream->lowest().release_socket()) : nullptr;
        if (plain) {
            co_await refuse(transport, *plain, *refusal);
        }
        co_return;
    }
    const bool open = co_await run_http(transport, entry, stream, handler);
    if (!open)
        co_return;
    // The client's close_notify is a courtesy: a server that stops does not wait long for it.
    constexpr std::chrono::milliseconds hurried{200};
    entry->idle = true;
    stream->lowest().expires_after(transport.stopping() ? std::min(hurried, transport.limits().shutdown)
                                                        : transport.limits().shutdown);
    co_await stream->end();
}

} // namespace

asio::awaitable<void> serve_plain(Transport& transport, Transport::Entry entry, asio::ip::tcp::socket socket,
                                  Transport::Handler handler)
{
    return serve(transport, entry, plain_stream(std::move(socket)), handler);
}

asio::awaitable<void> serve_tls(Transport& transport, Transport::Entry entry, asio::ip::tcp::socket socket)
{
    return serve(transport, entry, tls_stream(std::move(socket), transport.tls()), &Site::handle);
}

} // namespace stepgate::challenge_web::server
