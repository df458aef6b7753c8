#include "protocols/wire/writer.h"
#include "proxy/upstream/postgres_server.h"

#include <array>

namespace stepgate::proxy::upstream
{

namespace pg = protocols::postgres;

namespace
{

/// Reads exactly one byte: what follows belongs to TLS, and nothing sent before TLS may count as sent inside it.
net::Task<char> read_answer(net::Stream& stream)
{
    std::array<std::byte, 1> answer{};
    for (;;) {
        const auto [status, bytes] = stream.try_read(answer);
        if (status == net::Io::done)
            co_return static_cast<char>(answer[0]);
        if (status != net::Io::would_block)
            co_return '\0';
        const auto ec = co_await stream.readable();
        if (ec)
            co_return '\0';
    }
}

} // namespace

net::Task<std::optional<Failure>> open(net::Stream& stream, const Target& target)
{
    auto unreachable = co_await connect(stream, target);
    if (unreachable)
        co_return unreachable;
    if (target.tls_mode == net::ClientTlsMode::disable)
        co_return std::nullopt;

    wire::Bytes request;
    pg::encode_ssl_request(request);
    const auto lost = co_await stream.write_all(request);
    if (lost)
        co_return failure(target, Failure::Kind::unreachable, "closed the connection");
    const char answer = co_await read_answer(stream);
    if (answer != 'S')
        co_return failure(target, Failure::Kind::tls, "the server does not offer TLS");
    const auto refused = co_await stream.connect_tls(target.tls, target.host, target.tls_mode);
    if (refused)
        co_return failure(target, Failure::Kind::tls, "TLS handshake failed: " + stream.why_tls_failed());
    co_return std::nullopt;
}

net::Task<void> send_cancel(net::Executor executor, Target target, std::int32_t process, wire::Bytes key)
{
    const auto kept = short_conversation(executor);
    auto& stream = *kept;
    const auto failed = co_await open(stream, target);
    if (failed)
        co_return;
    wire::Bytes request;
    pg::encode_cancel_request(request, {process, key});
    const auto lost = co_await stream.write_all(request);
    if (lost)
        co_return;
    stream.finish_writing();
    std::array<std::byte, 16> nothing{};
    // The server closes when it has signalled: waiting for that keeps cancel and statement in order.
    while (stream.try_read(nothing).status == net::Io::would_block) {
        const auto ended = co_await stream.readable();
        if (ended)
            break;
    }
}

} // namespace stepgate::proxy::upstream
