#include "protocols/mysql/command.h"
#include "protocols/mysql/reply.h"
#include "proxy/upstream/messages.h"
#include "proxy/upstream/mysql_login_steps.h"

#include <string>
#include <utility>

namespace stepgate::proxy::upstream
{

namespace my = protocols::mysql;

net::Task<net::result<my::Frame>> next_mysql_message(net::Stream& stream, net::Buffer& buffer,
                                                     my::MessageFramer& framer)
{
    for (;;) {
        const auto framed = framer.next(buffer.data());
        if (const auto* frame = std::get_if<my::Frame>(&framed))
            co_return *frame;
        if (const auto* error = std::get_if<my::errc>(&framed))
            co_return make_error_code(*error);
        const auto failed = co_await read_more(stream, buffer);
        if (failed)
            co_return failed;
    }
}

net::Task<std::optional<Failure>> greet(net::Stream& stream, net::Buffer& buffer, Target target,
                                        MySqlGreeting& greeting)
{
    auto unreachable = co_await connect(stream, target);
    if (unreachable)
        co_return unreachable;
    my::MessageFramer framer{my::login_limit};
    const auto frame = co_await next_mysql_message(stream, buffer, framer);
    if (!frame)
        co_return failure(target, Failure::Kind::unreachable, frame.error().message());
    if (!frame->payload.empty() && frame->payload.front() == my::err_header)
        co_return mysql_failure(frame->payload);
    const auto decoded = my::decode_greeting(frame->payload);
    if (!decoded)
        co_return failure(target, Failure::Kind::protocol, decoded.error().message());
    greeting.version = decoded->server_version;
    greeting.plugin = decoded->plugin;
    greeting.thread = decoded->thread;
    greeting.nonce = decoded->nonce;
    greeting.capabilities = decoded->capabilities;
    greeting.collation = decoded->collation;
    greeting.status = decoded->status;
    buffer.consume(frame->bytes.size());
    if (!buffer.empty())
        co_return failure(target, Failure::Kind::protocol, "more than a greeting before the login");
    co_return std::nullopt;
}

net::Task<std::optional<Failure>> login(net::Stream& stream, net::Buffer& buffer, Target target,
                                        const MySqlGreeting& greeting, MySqlLogin login)
{
    using my::Capability;
    std::uint8_t sequence = 1;
    login.capabilities = agreed_with(greeting, login);
    wire::Bytes out;
    if (target.tls_mode != net::ClientTlsMode::disable) {
        if (!greeting.capabilities.has(Capability::ssl))
            co_return failure(target, Failure::Kind::tls, "the server does not offer TLS");
        login.capabilities = login.capabilities | Capability::ssl;
        my::encode_ssl_request(out, sequence++,
                               {login.capabilities, login.largest_packet, static_cast<std::uint8_t>(login.collation)});
        const auto lost = co_await stream.write_all(out);
        if (lost)
            co_return failure(target, Failure::Kind::unreachable, "closed the connection");
        out.clear();
        const auto refused = co_await stream.connect_tls(target.tls, target.host, target.tls_mode);
        if (refused)
            co_return failure(target, Failure::Kind::tls, "TLS handshake failed (certificate not accepted?)");
    }
    const bool tls = stream.encrypted();
    MySqlLoginSteps steps{std::move(login), tls, target.host};
    auto failed = steps.begin(greeting, sequence, out);
    my::MessageFramer framer{my::login_limit};
    while (!failed && !steps.done()) {
        const auto lost = co_await stream.write_all(out);
        if (lost)
            co_return failure(target, Failure::Kind::unreachable, "closed the connection during login");
        out.clear();
        const auto frame = co_await next_mysql_message(stream, buffer, framer);
        if (!frame)
            co_return failure(target, Failure::Kind::protocol, frame.error().message());
        failed = steps.on(*frame, out);
        buffer.consume(frame->bytes.size());
    }
    co_return failed;
}

net::Task<void> send_kill(net::Executor executor, Target target, MySqlLogin login, std::uint32_t thread)
{
    const auto stream = short_conversation(executor);
    net::BufferPool pool;
    net::Buffer buffer{pool};
    MySqlGreeting greeting;
    const auto unreachable = co_await greet(*stream, buffer, target, greeting);
    if (unreachable)
        co_return;
    const auto capabilities = login.capabilities;
    const auto refused = co_await upstream::login(*stream, buffer, std::move(target), greeting, std::move(login));
    if (refused)
        co_return;
    wire::Bytes kill;
    my::encode_query(kill, "KILL " + std::to_string(thread), capabilities);
    const auto lost = co_await stream->write_all(kill);
    if (lost)
        co_return;
    my::MessageFramer framer{my::login_limit};
    (void)co_await next_mysql_message(*stream, buffer, framer); // done, whatever it says
}

} // namespace stepgate::proxy::upstream
