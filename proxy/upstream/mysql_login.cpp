#include "protocols/mysql/client_login.h"
#include "protocols/mysql/reply.h"
#include "proxy/upstream/messages.h"
#include "proxy/upstream/mysql_server.h"

#include <boost/asio/ip/address.hpp>

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

/// Class 28, and what names our account, is no business of the client's.
Failure on_error(wire::View payload)
{
    constexpr std::uint16_t unknown_database = 1049, too_many_connections = 1040, no_right_to_database = 1044;
    const auto err = my::decode_err(payload);
    if (!err)
        return {Failure::Kind::protocol, "malformed ERR_Packet"};
    if (err->code == no_right_to_database)
        return {Failure::Kind::database, text_of(*err)};
    if (err->code != unknown_database && err->code != too_many_connections)
        return {Failure::Kind::credentials, text_of(*err)};
    return {Failure::Kind::refused, text_of(*err), {payload.begin(), payload.end()}};
}

Failure protocol(std::string why)
{
    return {Failure::Kind::protocol, std::move(why)};
}

/// One login after the greeting, message by message: what to send is appended to `out`. No sockets.
class Login
{
  public:
    Login(const MySqlLogin& login, bool tls, bool this_machine)
        : login_{login}, machine_{my::ClientLogin::Settings{login.password, tls, nullptr, this_machine}}
    {
    }

    std::optional<Failure> begin(const MySqlGreeting& greeting, std::uint8_t sequence, wire::Bytes& out);
    /// nullopt: go on.
    std::optional<Failure> on(const my::Frame& frame, wire::Bytes& out);
    [[nodiscard]] bool done() const { return done_; }

  private:
    std::optional<Failure> act(my::ClientLogin::Action action, std::uint8_t sequence, wire::Bytes& out);

    const MySqlLogin& login_;
    my::ClientLogin machine_;
    bool done_ = false;
};

std::optional<Failure> Login::begin(const MySqlGreeting& greeting, std::uint8_t sequence, wire::Bytes& out)
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
    response.collation = login_.collation;
    response.user = login_.user;
    response.auth = answer->auth;
    response.database = login_.database;
    response.plugin = answer->plugin;
    response.attributes = my::Attributes{login_.attributes};
    my::encode_handshake_response(out, sequence, response);
    return std::nullopt;
}

std::optional<Failure> Login::act(my::ClientLogin::Action action, std::uint8_t sequence, wire::Bytes& out)
{
    if (const auto* respond = std::get_if<my::ClientLogin::Respond>(&action))
        my::encode_auth_response(out, sequence, respond->data);
    else if (const auto* fail = std::get_if<my::ClientLogin::Fail>(&action))
        return Failure{Failure::Kind::credentials, make_error_code(fail->error).message()};
    return std::nullopt;
}

std::optional<Failure> Login::on(const my::Frame& frame, wire::Bytes& out)
{
    constexpr std::byte more_data{0x01}, auth_switch{0xfe};
    const auto sequence = static_cast<std::uint8_t>(frame.last + 1);
    if (frame.payload.empty())
        return protocol("an empty message during login");
    const auto first = frame.payload.front();
    if (first == my::err_header)
        return on_error(frame.payload);
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

} // namespace

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
        co_return on_error(frame->payload);
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
    login.capabilities = login.capabilities | Capability::protocol_41 | Capability::secure_connection |
                         Capability::plugin_auth | Capability::plugin_auth_lenenc_client_data |
                         Capability::connect_attrs;
    login.capabilities = login.capabilities.without(Capability::ssl | Capability::connect_with_db);
    if (!login.database.empty())
        login.capabilities = login.capabilities | Capability::connect_with_db;
    login.capabilities =
        login.capabilities & (greeting.capabilities | Capability::connect_with_db | Capability::progress_obsolete);
    wire::Bytes out;
    if (target.tls_mode != net::ClientTlsMode::disable) {
        if (!greeting.capabilities.has(Capability::ssl))
            co_return failure(target, Failure::Kind::tls, "the server does not offer TLS");
        login.capabilities = login.capabilities | Capability::ssl;
        my::encode_ssl_request(out, sequence++, {login.capabilities, login.largest_packet, login.collation});
        const auto lost = co_await stream.write_all(out);
        if (lost)
            co_return failure(target, Failure::Kind::unreachable, "closed the connection");
        out.clear();
        const auto refused = co_await stream.connect_tls(target.tls, target.host, target.tls_mode);
        if (refused)
            co_return failure(target, Failure::Kind::tls, "TLS handshake failed (certificate not accepted?)");
    }
    Login steps{login, stream.encrypted(), is_this_machine(target.host)};
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

} // namespace stepgate::proxy::upstream
