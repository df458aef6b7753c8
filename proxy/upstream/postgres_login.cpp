#include "protocols/postgres/authentication.h"
#include "protocols/postgres/md5.h"
#include "protocols/postgres/reply.h"
#include "protocols/postgres/report.h"
#include "protocols/postgres/scram_client.h"
#include "proxy/upstream/messages.h"
#include "proxy/upstream/postgres_server.h"
#include "proxy/upstream/random.h"

namespace stepgate::proxy::upstream
{

namespace pg = protocols::postgres;

namespace
{

/// One login, message by message: what to send is appended to `out`. No sockets.
class Login
{
  public:
    Login(const Account& account, bool encrypted, wire::Bytes channel_binding, Greeting& greeting)
        : account_{account}, encrypted_{encrypted}, greeting_{greeting}, scram_{pg::ScramClient::Settings{
                                                                             account.password, random_nonce(),
                                                                             std::move(channel_binding), false,
                                                                             account.keys.get()}}
    {
    }

    /// nullopt: go on.
    std::optional<Failure> on(const pg::Frame& frame, wire::Bytes& out);
    [[nodiscard]] bool done() const { return done_; }

  private:
    std::optional<Failure> on_authentication(const pg::Frame& frame, wire::Bytes& out);
    std::optional<Failure> on_scram(const pg::ScramClient::Action& action, wire::Bytes& out);
    std::optional<Failure> on_error(const pg::Frame& frame) const;
    static Failure protocol(std::string_view why) { return {Failure::Kind::protocol, std::string{why}}; }
    static Failure credentials(std::string_view why) { return {Failure::Kind::credentials, std::string{why}}; }

    const Account& account_;
    bool encrypted_;
    Greeting& greeting_;
    pg::ScramClient scram_;
    bool scram_started_ = false, accepted_ = false, done_ = false;
};

std::optional<Failure> Login::on(const pg::Frame& frame, wire::Bytes& out)
{
    if (frame.is(pg::Backend::error_response))
        return on_error(frame);
    if (frame.is(pg::Backend::notice_response) || (accepted_ && frame.is(pg::Backend::parameter_status))) {
        greeting_.messages.insert(greeting_.messages.end(), frame.bytes.begin(), frame.bytes.end());
        return std::nullopt;
    }
    if (!accepted_ && frame.is(pg::Backend::authentication))
        return on_authentication(frame, out);
    if (!accepted_ && frame.is(pg::Backend::negotiate_protocol_version))
        return std::nullopt; // we asked for 3.0 and no options: nothing to give up
    if (accepted_ && frame.is(pg::Backend::key_data)) {
        const auto key = pg::decode_key_data(frame);
        if (!key)
            return protocol("malformed BackendKeyData");
        greeting_.process = key->process;
        greeting_.key.assign(key->key.begin(), key->key.end());
        return std::nullopt;
    }
    if (accepted_ && frame.is(pg::Backend::ready_for_query)) {
        done_ = true;
        return std::nullopt;
    }
    return protocol("unexpected message during login");
}

std::optional<Failure> Login::on_error(const pg::Frame& frame) const
{
    const auto report = pg::decode_report(frame);
    if (!report)
        return protocol("malformed ErrorResponse");
    std::string text{report->code};
    text.append(" ").append(report->message);
    // Class 28 speaks of our account, which is no business of the client's.
    if (report->code.starts_with("28"))
        return Failure{Failure::Kind::credentials, std::move(text)};
    return Failure{Failure::Kind::refused, std::move(text), {frame.bytes.begin(), frame.bytes.end()}};
}

std::optional<Failure> Login::on_authentication(const pg::Frame& frame, wire::Bytes& out)
{
    const auto message = pg::decode_authentication(frame);
    if (!message)
        return protocol("asks for an authentication method that stepgate does not speak");
    if (std::holds_alternative<pg::AuthenticationOk>(*message)) {
        if (scram_started_ && !scram_.verified())
            return credentials("the server accepted without proving that it knows the password");
        accepted_ = true;
        return std::nullopt;
    }
    if (std::holds_alternative<pg::AuthenticationCleartext>(*message)) {
        if (!encrypted_ && !account_.allow_cleartext)
            return credentials("asks for the password in clear text over a connection without TLS");
        pg::encode_password(out, account_.password);
        return std::nullopt;
    }
    if (const auto* md5 = std::get_if<pg::AuthenticationMd5>(&*message)) {
        const auto answer = pg::md5_password(account_.user, account_.password, md5->salt);
        if (!answer)
            return credentials("asks for MD5, which this system does not offer");
        pg::encode_password(out, *answer);
        return std::nullopt;
    }
    if (const auto* sasl = std::get_if<pg::AuthenticationSasl>(&*message)) {
        scram_started_ = true;
        return on_scram(scram_.on(*sasl), out);
    }
    if (const auto* more = std::get_if<pg::AuthenticationSaslContinue>(&*message))
        return on_scram(scram_.on(*more), out);
    return on_scram(scram_.on(std::get<pg::AuthenticationSaslFinal>(*message)), out);
}

std::optional<Failure> Login::on_scram(const pg::ScramClient::Action& action, wire::Bytes& out)
{
    if (const auto* initial = std::get_if<pg::ScramClient::Initial>(&action))
        pg::encode_sasl_initial_response(out, {initial->mechanism, wire::as_bytes(initial->response)});
    else if (const auto* respond = std::get_if<pg::ScramClient::Respond>(&action))
        pg::encode_sasl_response(out, wire::as_bytes(respond->response));
    else if (const auto* fail = std::get_if<pg::ScramClient::Fail>(&action))
        return credentials(make_error_code(fail->error).message());
    return std::nullopt;
}

wire::Bytes startup_packet(const Account& account, const Parameters& parameters)
{
    pg::Startup startup;
    startup.version = {3, 0};
    startup.parameters.emplace_back("user", account.user);
    for (const auto& [name, value] : parameters)
        startup.parameters.emplace_back(name, value);
    wire::Bytes out;
    pg::encode_startup(out, startup);
    return out;
}

} // namespace

net::Task<std::optional<Failure>> login(net::Stream& stream, net::Buffer& buffer, Account account,
                                        Parameters parameters, Greeting& greeting)
{
    wire::Bytes out = startup_packet(account, parameters);
    Login login{account, stream.encrypted(), stream.peer_end_point_hash(), greeting};
    const pg::MessageFramer framer{pg::Side::backend, pg::login_limit};
    while (!login.done()) {
        const auto lost = co_await stream.write_all(out);
        if (lost)
            co_return Failure{Failure::Kind::unreachable, "closed the connection during login"};
        out.clear();
        const auto frame = co_await next_message(stream, buffer, framer);
        if (!frame)
            co_return Failure{Failure::Kind::protocol, frame.error().message()};
        auto failed = login.on(*frame, out);
        buffer.consume(frame->bytes.size());
        if (failed)
            co_return failed;
    }
    co_return std::nullopt;
}

} // namespace stepgate::proxy::upstream
