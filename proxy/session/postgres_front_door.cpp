#include "proxy/session/postgres_front_door.h"

#include "protocols/postgres/errc.h"
#include "protocols/postgres/framer.h"
#include "protocols/postgres/startup.h"
#include "proxy/upstream/messages.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace stepgate::proxy::session
{

namespace pg = protocols::postgres;

namespace
{

Rejected refused(std::string sqlstate, std::string message, std::string hint = {})
{
    return {Rejected::Kind::refused, std::move(sqlstate), std::move(message), std::move(hint)};
}

Rejected broke_protocol(const boost::system::error_code& error)
{
    if (error.category() != pg::postgres_category())
        return {};
    return {Rejected::Kind::protocol, std::string{pg::sqlstate(static_cast<pg::errc>(error.value()))}, error.message()};
}

/// One connection's way to its start-up packet.
class Door
{
  public:
    Door(net::Stream& client, net::Buffer& in, const Listening& listening, const Certificates& certificates)
        : client_{client}, in_{in}, tls_{listening.options.tls}, certificates_{certificates}
    {
    }
    net::Task<Knock> answer();

  private:
    net::Task<std::optional<Rejected>> start_tls(bool direct);
    net::Task<std::optional<Rejected>> on_ssl_request();
    net::Task<bool> starts_with_tls();
    net::Task<bool> say(char answer);
    Knock on_startup(const pg::Startup& startup) const;

    net::Stream& client_;
    net::Buffer& in_;
    const net::ServerTlsOptions& tls_;
    const Certificates& certificates_;
};

/// Looks at the first byte without taking it: a ClientHello belongs to OpenSSL.
net::Task<bool> Door::starts_with_tls()
{
    std::array<std::byte, 1> first{};
    for (;;) {
        const auto seen = ::recv(client_.socket().native_handle(), first.data(), 1, MSG_PEEK);
        if (seen == 1)
            co_return pg::StartupFramer::is_tls(first);
        if (seen == 0 || (errno != EAGAIN && errno != EINTR))
            co_return false; // the next read finds out what happened
        client_.socket().drained();
        const auto failed = co_await client_.socket().worth_a_look();
        if (failed)
            co_return false;
    }
}

net::Task<bool> Door::say(char answer)
{
    const std::array<std::byte, 1> byte{static_cast<std::byte>(answer)};
    const auto failed = co_await client_.write_all(byte);
    co_return !failed;
}

net::Task<std::optional<Rejected>> Door::start_tls(bool direct)
{
    auto context = certificates_.server; // named: g++ 12 loses temporaries of a co_await
    const auto failed = co_await client_.accept_tls(std::move(context));
    if (failed)
        co_return Rejected{Rejected::Kind::protocol, {}, {}, {}, "TLS handshake failed: " + client_.why_tls_failed()};
    if (direct && !client_.alpn_agreed())
        co_return Rejected{Rejected::Kind::protocol, {}, {}, {}, "direct TLS without ALPN"};
    co_return std::nullopt;
}

net::Task<std::optional<Rejected>> Door::on_ssl_request()
{
    if (client_.encrypted())
        co_return broke_protocol(pg::errc::unexpected_message);
    if (!in_.empty()) // sent before TLS, to be read as if it came inside
        co_return Rejected{Rejected::Kind::protocol, {}, {}, {}, "bytes in clear text behind SSLRequest"};
    const bool offered = certificates_.server != nullptr;
    const bool said = co_await say(offered ? 'S' : 'N');
    if (!said)
        co_return Rejected{};
    if (!offered)
        co_return std::nullopt;
    co_return co_await start_tls(false);
}

Knock Door::on_startup(const pg::Startup& startup) const
{
    const auto refuse = [&startup](std::string sqlstate, std::string message, std::string hint) {
        auto rejected = refused(std::move(sqlstate), std::move(message), std::move(hint));
        for (const auto& [name, value] : startup.parameters)
            if (name == "user")
                rejected.user = value;
        return rejected;
    };
    if (tls_.mode == net::ServerTlsMode::require && !client_.encrypted())
        return refuse("28000", "this listener of stepgate accepts TLS connections only", "Use sslmode=require.");
    auto checked = check_startup(startup);
    if (auto* refusal = std::get_if<StartupRefusal>(&checked))
        return refuse(refusal->sqlstate, refusal->message, refusal->hint);
    return std::move(std::get<ClientStartup>(checked));
}

net::Task<Knock> Door::answer()
{
    const bool direct = co_await starts_with_tls();
    if (direct) {
        if (!certificates_.server)
            co_return Rejected{Rejected::Kind::protocol, {}, {}, {}, "direct TLS, but the listener has none"};
        auto rejected = co_await start_tls(true);
        if (rejected)
            co_return std::move(*rejected);
    }
    // SSLRequest, GSSENCRequest, each at most once, then what the client came for.
    for (int packets = 0; packets < 3; ++packets) {
        const auto frame = co_await upstream::next_startup_packet(client_, in_, pg::StartupFramer{});
        if (!frame)
            co_return broke_protocol(frame.error());
        const auto packet = pg::decode_startup_packet(*frame);
        if (!packet)
            co_return broke_protocol(packet.error());
        if (const auto* startup = std::get_if<pg::Startup>(&*packet)) {
            auto knock = on_startup(*startup);
            in_.consume(frame->bytes.size());
            co_return knock;
        }
        if (const auto* cancel = std::get_if<pg::CancelRequest>(&*packet))
            co_return CancelWish{cancel->process, {cancel->key.begin(), cancel->key.end()}};
        in_.consume(frame->bytes.size());
        if (std::holds_alternative<pg::SslRequest>(*packet)) {
            auto rejected = co_await on_ssl_request();
            if (rejected)
                co_return std::move(*rejected);
        } else {
            const bool said = co_await say('N'); // GSSENCRequest: not offered
            if (!said)
                co_return Rejected{};
        }
    }
    co_return broke_protocol(pg::errc::unexpected_message);
}

} // namespace

net::Task<Knock> answer_the_door(net::Stream& client, net::Buffer& in, const Listening& listening,
                                 const Certificates& certificates)
{
    Door door{client, in, listening, certificates};
    co_return co_await door.answer();
}

} // namespace stepgate::proxy::session
