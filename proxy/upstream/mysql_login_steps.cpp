#include "proxy/upstream/mysql_login_steps.h"

#include "protocols/mysql/command.h"
#include "protocols/mysql/reply.h"

#include <boost/asio/ip/address.hpp>

#include <utility>

namespace stepgate::proxy::upstream
{

namespace my = protocols::mysql;

namespace
{

std::string text_of(const my::Err& err)
{
    return std::to_string(err.code) + " " + std::string{err.message};
}

/// Nobody can stand between us and a server on this machine.
bool is_this_machine(const std::string& host)
{
    boost::system::error_code ec;
    const auto address = boost::asio::ip::make_address(host, ec);
    return ec ? host == "localhost" : address.is_loopback();
}

Failure protocol(std::string why)
{
    return {Failure::Kind::protocol, std::move(why)};
}

} // namespace

/// Class 28, and what names our account, is no business of the client's.
Failure mysql_failure(wire::View payload)
{
    constexpr std::uint16_t unknown_database = 1049, too_many_connections = 1040, no_right_to_database = 1044;
    const auto err = my::decode_err(payload);
    if (!err)
        return {Failure::Kind::protocol, "malformed ERR_Packet"};
    if (err->code == no_right_to_database)
        return {Failure::Kind::database, text_of(*err)};
    // 08S01, of the connection: as when the server waited too long for the login.
    const bool connection = err->code == too_many_connections || err->sqlstate == "08S01";
    if (err->code != unknown_database && !connection)
        return {Failure::Kind::credentials, text_of(*err)};
    return {Failure::Kind::refused, text_of(*err), {payload.begin(), payload.end()}};
}

my::Capabilities agreed_with(const MySqlGreeting& greeting, const MySqlLogin& login)
{
    using my::Capability;
    auto agreed = login.capabilities | Capability::protocol_41 | Capability::secure_connection |
                  Capability::plugin_auth | Capability::plugin_auth_lenenc_client_data | Capability::connect_attrs;
    agreed = agreed.without(Capability::ssl | Capability::connect_with_db);
    if (!login.database.empty())
        agreed = agreed | Capability::connect_with_db;
    return agreed & (greeting.capabilities | Capability::connect_with_db | Capability::progress_obsolete);
}

MySqlLoginSteps::MySqlLoginSteps(MySqlLogin login, bool tls, const std::string& host)
    : login_{std::move(login)}, machine_{
                                    my::ClientLogin::Settings{login_.password, tls, nullptr, is_this_machine(host)}}
{
}

std::optional<Failure> MySqlLoginSteps::begin(const MySqlGreeting& greeting, std::uint8_t sequence, wire::Bytes& out)
{
    my::Greeting seen;
    seen.nonce = greeting.nonce;
    seen.plugin = greeting.plugin;
    auto action = machine_.on(seen);
    const auto* answer = std::get_if<my::ClientLogin::Answer>(&action);
    if (answer == nullptr)
        return protocol("the login could not begin");
    my::HandshakeResponse response;
    response.capabilities = login_.capabilities;
    response.largest_packet = login_.largest_packet;
    response.collation = static_cast<std::uint8_t>(login_.collation); // all that there is room for
    response.user = login_.user;
    response.auth = answer->auth;
    response.database = login_.database;
    response.plugin = answer->plugin;
    response.attributes = my::Attributes{login_.attributes};
    my::encode_handshake_response(out, sequence, response);
    return std::nullopt;
}

/// The answer to the greeting's nonce serves servers that use it again; the others switch to a new one.
std::optional<Failure> MySqlLoginSteps::begin_again(const MySqlGreeting& greeting, wire::Bytes& out)
{
    auto action = machine_.start(greeting.plugin, greeting.nonce);
    const auto* answer = std::get_if<my::ClientLogin::Answer>(&action);
    if (answer == nullptr)
        return protocol("the login could not begin");
    my::ChangeUser change;
    change.user = login_.user;
    change.auth = answer->auth;
    change.database = login_.database;
    change.collation = login_.collation;
    change.plugin = answer->plugin;
    change.attributes = my::Attributes{login_.attributes};
    my::encode_change_user(out, change, login_.capabilities);
    return std::nullopt;
}

std::optional<Failure> MySqlLoginSteps::act(my::ClientLogin::Action action, std::uint8_t sequence, wire::Bytes& out)
{
    if (const auto* respond = std::get_if<my::ClientLogin::Respond>(&action))
        my::encode_auth_response(out, sequence, respond->data);
    else if (const auto* fail = std::get_if<my::ClientLogin::Fail>(&action))
        return Failure{Failure::Kind::credentials, make_error_code(fail->error).message()};
    return std::nullopt;
}

std::optional<Failure> MySqlLoginSteps::on(const my::Frame& frame, wire::Bytes& out)
{
    constexpr std::byte more_data{0x01}, auth_switch{0xfe};
    const auto sequence = static_cast<std::uint8_t>(frame.last + 1);
    if (frame.payload.empty())
        return protocol("an empty message during login");
    const auto first = frame.payload.front();
    if (first == my::err_header)
        return mysql_failure(frame.payload);
    if (first == my::ok_header) {
        if (!machine_.may_be_accepted())
            return protocol("accepted before it was proven who logs in");
        done_ = true;
        return std::nullopt;
    }
    if (first == auth_switch) {
        const auto request = my::decode_auth_switch(frame.payload);
        return request ? act(machine_.on(*request), sequence, out) : protocol(request.error().message());
    }
    if (first == more_data) {
        const auto more = my::decode_auth_more_data(frame.payload);
        return more ? act(machine_.on_more(*more), sequence, out) : protocol(more.error().message());
    }
    return protocol("unexpected message during login");
}

} // namespace stepgate::proxy::upstream
