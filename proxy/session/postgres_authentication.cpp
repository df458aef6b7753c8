#include "protocols/postgres/authentication.h"
#include "protocols/postgres/report.h"
#include "protocols/postgres/scram_server.h"
#include "proxy/session/postgres_front_door.h"
#include "proxy/session/verifiers.h"
#include "proxy/upstream/messages.h"
#include "proxy/upstream/random.h"

#include <algorithm>

namespace stepgate::proxy::session
{

namespace pg = protocols::postgres;

namespace
{

Rejected login_failed(const std::string& user, std::string log)
{
    return {
        Rejected::Kind::login, "28P01", "password authentication failed for user \"" + user + "\"", {}, std::move(log)};
}

std::optional<Rejected> check_certificate(const net::Stream& client, const std::string& user)
{
    const auto names = client.peer_names();
    if (names.empty())
        return Rejected{Rejected::Kind::login,
                        "28000",
                        "this listener of stepgate asks for a client certificate",
                        {},
                        "no client certificate"};
    if (std::ranges::find(names, user) == names.end())
        return Rejected{Rejected::Kind::login,
                        "28000",
                        "the client certificate is not one of user \"" + user + "\"",
                        {},
                        "the client certificate names somebody else"};
    return std::nullopt;
}

/// Unknown and disabled users get a verifier that nothing matches, so that the exchange takes its usual course.
std::optional<pg::ScramServer::Settings> settings_for(const std::string& user, const std::optional<WireUser>& found,
                                                      wire::View secret)
{
    pg::ScramServer::Settings settings;
    settings.nonce = upstream::random_nonce();
    if (found) {
        if (auto usable = usable_verifiers(*found); !usable.all.empty()) {
            settings.verifier = std::move(usable.all.front());
            usable.all.erase(usable.all.begin());
            settings.others = std::move(usable.all);
            return settings;
        }
    }
    settings.known_user = false;
    auto mock = pg::mock_verifier(user, secret);
    if (!mock)
        return std::nullopt;
    settings.verifier = std::move(*mock);
    return settings;
}

/// Sends what the machine says; true while the exchange goes on.
struct Exchange {
    net::Stream& client;
    net::Buffer& in;
    pg::ScramServer machine;
    pg::ScramServer::Action action = pg::ScramServer::Reject{pg::errc::unexpected_message};
    boost::system::error_code broken = {};

    net::Task<bool> hear(bool first)
    {
        const auto frame =
            co_await upstream::next_message(client, in, pg::MessageFramer{pg::Side::frontend, pg::login_limit});
        if (!frame) {
            broken = frame.error();
            co_return false;
        }
        if (first)
            on_first(*frame);
        else
            on_next(*frame);
        in.consume(frame->bytes.size());
        co_return !broken;
    }

  private:
    void on_first(const pg::Frame& frame)
    {
        if (const auto message = pg::decode_sasl_initial_response(frame))
            action = machine.on(*message);
        else
            broken = message.error();
    }
    void on_next(const pg::Frame& frame)
    {
        if (const auto message = pg::decode_sasl_response(frame))
            action = machine.on(*message);
        else
            broken = message.error();
    }
};

Rejected broken_exchange(const boost::system::error_code& error)
{
    if (error.category() != pg::postgres_category())
        return {};
    return {Rejected::Kind::protocol, std::string{pg::sqlstate(static_cast<pg::errc>(error.value()))}, error.message()};
}

Rejected rejected_exchange(pg::errc error, const std::string& user)
{
    if (error == pg::errc::wrong_password) {
        auto rejected = login_failed(user, "wrong password or unknown user");
        rejected.guess = true;
        return rejected;
    }
    const auto code = make_error_code(error);
    return {Rejected::Kind::login, std::string{pg::sqlstate(error)}, code.message(), {}, code.message()};
}

net::Task<std::optional<Rejected>> scram(net::Stream& client, net::Buffer& in, pg::ScramServer::Settings settings,
                                         const std::string& user)
{
    Exchange exchange{client, in, pg::ScramServer{std::move(settings)}};
    wire::Bytes out;
    pg::encode_authentication_sasl(out, exchange.machine.mechanisms());
    bool first = true;
    for (;;) {
        const auto lost = co_await client.write_all(out);
        if (lost)
            co_return Rejected{};
        const bool heard = co_await exchange.hear(first);
        if (!heard)
            co_return broken_exchange(exchange.broken);
        first = false;
        out.clear();
        if (const auto* go_on = std::get_if<pg::ScramServer::Continue>(&exchange.action)) {
            pg::encode_authentication_sasl_continue(out, wire::as_bytes(go_on->data));
        } else if (const auto* accept = std::get_if<pg::ScramServer::Accept>(&exchange.action)) {
            pg::encode_authentication_sasl_final(out, wire::as_bytes(accept->data));
            const auto last = co_await client.write_all(out);
            if (last)
                co_return Rejected{};
            co_return std::nullopt;
        } else {
            co_return rejected_exchange(std::get<pg::ScramServer::Reject>(exchange.action).error, user);
        }
    }
}

} // namespace

net::Task<std::optional<Rejected>> authenticate(net::Stream& client, net::Buffer& in, const Listening& listening,
                                                const Certificates& certificates, const ClientStartup& startup,
                                                const Shared& shared, std::vector<std::string>& groups)
{
    if (!listening.options.tls.client_ca_file.empty() && client.encrypted())
        if (auto rejected = check_certificate(client, startup.user))
            co_return rejected;
    const auto found = shared.services.find_user ? shared.services.find_user(startup.user) : std::nullopt;
    const auto& secret = shared.services.audit->redaction_key();
    auto settings = settings_for(startup.user, found, std::as_bytes(std::span{secret}));
    if (!settings)
        co_return Rejected{
            Rejected::Kind::login, "XX000", "stepgate cannot check passwords now", {}, "no mock verifier"};
    if (client.encrypted())
        settings->channel_binding = certificates.server_hash;
    auto rejected = co_await scram(client, in, std::move(*settings), startup.user);
    if (!rejected && found)
        groups = found->groups;
    co_return rejected;
}

} // namespace stepgate::proxy::session
