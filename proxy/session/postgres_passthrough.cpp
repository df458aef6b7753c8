#include "protocols/postgres/authentication.h"
#include "protocols/postgres/report.h"
#include "protocols/postgres/scram_verifier.h"
#include "proxy/session/postgres_front_door.h"
#include "proxy/upstream/messages.h"

namespace stepgate::proxy::session
{

namespace pg = protocols::postgres;

namespace
{

/// One login that the server decides; the proxy only passes messages on.
class PassThrough
{
  public:
    PassThrough(net::Stream& client, net::Buffer& from_client, net::Stream& server, net::Buffer& from_server,
                upstream::Greeting& greeting)
        : client_{client}, from_client_{from_client}, server_{server}, from_server_{from_server}, greeting_{greeting}
    {
    }
    net::Task<std::optional<Rejected>> run(const ClientStartup& startup);

  private:
    enum class Next : std::uint8_t { server, client, done };

    std::optional<Rejected> on(const pg::Frame& frame, wire::Bytes& to_client);
    std::optional<Rejected> on_authentication(const pg::Frame& frame, wire::Bytes& to_client);
    net::Task<std::optional<Rejected>> pass_client_message();
    static void offer_without_binding(const pg::AuthenticationSasl& offer, wire::Bytes& to_client);

    net::Stream& client_;
    net::Buffer& from_client_;
    net::Stream& server_;
    net::Buffer& from_server_;
    upstream::Greeting& greeting_;
    Next next_ = Next::server;
    bool accepted_ = false;
};

void append(wire::Bytes& to, wire::View bytes)
{
    to.insert(to.end(), bytes.begin(), bytes.end());
}

Rejected server_broke_protocol()
{
    return {Rejected::Kind::upstream, "08P01", "the server broke the protocol during login"};
}

void PassThrough::offer_without_binding(const pg::AuthenticationSasl& offer, wire::Bytes& to_client)
{
    std::vector<std::string_view> mechanisms;
    for (const auto mechanism : offer.mechanisms)
        if (mechanism != pg::scram_sha_256_plus)
            mechanisms.push_back(mechanism);
    pg::encode_authentication_sasl(to_client, mechanisms);
}

std::optional<Rejected> PassThrough::on_authentication(const pg::Frame& frame, wire::Bytes& to_client)
{
    const auto message = pg::decode_authentication(frame);
    if (!message)
        return server_broke_protocol();
    if (std::holds_alternative<pg::AuthenticationOk>(*message)) {
        accepted_ = true; // the session says it once it is ready itself
        return std::nullopt;
    }
    if (const auto* offer = std::get_if<pg::AuthenticationSasl>(&*message))
        offer_without_binding(*offer, to_client);
    else
        append(to_client, frame.bytes);
    if (!std::holds_alternative<pg::AuthenticationSaslFinal>(*message))
        next_ = Next::client;
    return std::nullopt;
}

std::optional<Rejected> PassThrough::on(const pg::Frame& frame, wire::Bytes& to_client)
{
    if (frame.is(pg::Backend::error_response)) {
        Rejected rejected{Rejected::Kind::login, "28000", "the server refused the login"};
        append(rejected.as_is, frame.bytes);
        return rejected;
    }
    if (!accepted_ && frame.is(pg::Backend::authentication))
        return on_authentication(frame, to_client);
    if (!accepted_ && frame.is(pg::Backend::negotiate_protocol_version))
        return std::nullopt; // the session negotiates for itself; towards the server it asked for 3.0
    if (accepted_ && frame.is(pg::Backend::key_data)) {
        const auto key = pg::decode_key_data(frame);
        if (!key)
            return server_broke_protocol();
        greeting_.process = key->process;
        greeting_.key.assign(key->key.begin(), key->key.end());
        return std::nullopt;
    }
    if (accepted_ && frame.is(pg::Backend::ready_for_query)) {
        next_ = Next::done;
        return std::nullopt;
    }
    if (frame.is(pg::Backend::notice_response) || (accepted_ && frame.is(pg::Backend::parameter_status))) {
        append(greeting_.messages, frame.bytes);
        return std::nullopt;
    }
    return server_broke_protocol();
}

net::Task<std::optional<Rejected>> PassThrough::pass_client_message()
{
    const auto frame =
        co_await upstream::next_message(client_, from_client_, pg::MessageFramer{pg::Side::frontend, pg::login_limit});
    if (!frame)
        co_return Rejected{};
    if (!frame->is(pg::Frontend::password))
        co_return Rejected{Rejected::Kind::protocol, "08P01", "unexpected message during login"};
    const auto lost = co_await server_.write_all(frame->bytes);
    from_client_.consume(frame->bytes.size());
    if (lost)
        co_return Rejected{Rejected::Kind::upstream, "08006", "the server closed the connection during login"};
    next_ = Next::server;
    co_return std::nullopt;
}

net::Task<std::optional<Rejected>> PassThrough::run(const ClientStartup& startup)
{
    pg::Startup packet;
    packet.version = {3, 0};
    packet.parameters.emplace_back("user", startup.user);
    for (const auto& [name, value] : startup.parameters)
        packet.parameters.emplace_back(name, value);
    wire::Bytes out;
    pg::encode_startup(out, packet);
    const auto failed = co_await server_.write_all(out);
    if (failed)
        co_return Rejected{Rejected::Kind::upstream, "08006", "the server closed the connection during login"};
    while (next_ != Next::done) {
        if (next_ == Next::client) {
            auto rejected = co_await pass_client_message();
            if (rejected)
                co_return rejected;
            continue;
        }
        const auto frame = co_await upstream::next_message(server_, from_server_,
                                                           pg::MessageFramer{pg::Side::backend, pg::login_limit});
        if (!frame)
            co_return Rejected{Rejected::Kind::upstream, "08006", "the server closed the connection during login"};
        out.clear();
        auto rejected = on(*frame, out);
        from_server_.consume(frame->bytes.size());
        if (rejected)
            co_return rejected;
        const auto lost = co_await client_.write_all(out);
        if (lost)
            co_return Rejected{};
    }
    co_return std::nullopt;
}

} // namespace

net::Task<std::optional<Rejected>> pass_login_through(net::Stream& client, net::Buffer& from_client,
                                                      net::Stream& server, net::Buffer& from_server,
                                                      const ClientStartup& startup, upstream::Greeting& greeting)
{
    PassThrough pass{client, from_client, server, from_server, greeting};
    co_return co_await pass.run(startup);
}

} // namespace stepgate::proxy::session
