#include "relay.h"

#include "proxy/upstream/database_catalog.h"

#include "policies/rules/policy.h"
#include "protocols/postgres/authentication.h"
#include "protocols/postgres/framer.h"
#include "protocols/postgres/query.h"
#include "protocols/postgres/reply.h"
#include "protocols/postgres/report.h"
#include "protocols/postgres/scram_client.h"
#include "protocols/postgres/scram_verifier.h"
#include "protocols/postgres/startup.h"
#include "protocols/wire/writer.h"
#include "proxy/upstream/random.h"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <thread>

namespace stepgate::test
{

namespace pg = protocols::postgres;
namespace ch = challenge_web::challenges;

namespace
{

constexpr std::string_view password = "correct horse";

// One rule a verdict; everything else is allowed.
constexpr const char* usual_policy = R"(
[[rule]]
id = "delete-without-where"
when = {statement = ["update", "delete"], where = ["missing", "always_true"]}
then = {challenge = {level = 1}}
because = "Rewrites or deletes every row"
[[rule]]
id = "no-truncate"
when = {statement = ["truncate"]}
then = "deny"
because = "Nobody truncates here"
[[rule]]
id = "watch-comments"
when = {statement = ["comment"]}
then = "notify"
because = "Comments are watched"
)";

void give_patience(int descriptor)
{
    const timeval patience{30, 0};
    ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

std::string verifier()
{
    static const std::string text =
        pg::format_verifier(*pg::make_verifier(password, wire::Bytes(16, std::byte{7}), 4096));
    return text;
}

sockaddr_in loopback(std::uint16_t port)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

} // namespace

std::string Message::body() const
{
    return bytes.size() < 5 ? "" : std::string{wire::as_text(wire::View{bytes}.subspan(5))};
}
std::string Message::code() const
{
    const auto report = pg::decode_report(frame());
    return report ? std::string{report->code} : "no report";
}
std::string Message::text() const
{
    const auto report = pg::decode_report(frame());
    return report ? std::string{report->message} : "no report";
}

Peer::Peer(int descriptor) : descriptor_{descriptor}
{
    if (descriptor_ < 0)
        throw std::runtime_error("no connection");
    give_patience(descriptor_);
}

void Peer::close()
{
    if (descriptor_ >= 0)
        ::close(descriptor_);
    descriptor_ = -1;
}

void Peer::reset()
{
    const linger hard{1, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close();
}

void Peer::send(wire::View bytes)
{
    while (!bytes.empty()) {
        const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0)
            return; // the other side closed: what is received next shows it
        bytes = bytes.subspan(static_cast<std::size_t>(sent));
    }
}

void Peer::send(const std::vector<wire::Bytes>& messages)
{
    wire::Bytes all;
    for (const auto& one : messages)
        all.insert(all.end(), one.begin(), one.end());
    send(all);
}

bool Peer::fill()
{
    std::array<std::byte, 4096> buffer{};
    errno = 0;
    const auto got = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        ADD_FAILURE() << "nothing came";
    if (got <= 0) // closed() looks at errno: 0, or a reset
        return false;
    left_.insert(left_.end(), buffer.begin(), buffer.begin() + got);
    return true;
}

Message Peer::receive()
{
    const pg::MessageFramer backend{pg::Side::backend}, frontend{pg::Side::frontend};
    for (;;) {
        auto framed = backend.next(left_);
        if (std::holds_alternative<pg::errc>(framed))
            framed = frontend.next(left_);
        if (const auto* frame = std::get_if<pg::Frame>(&framed)) {
            Message message{frame->type, {frame->bytes.begin(), frame->bytes.end()}};
            left_.erase(left_.begin(), left_.begin() + static_cast<std::ptrdiff_t>(message.bytes.size()));
            return message;
        }
        if (!fill())
            return {};
    }
}

Message Peer::receive_startup()
{
    for (;;) {
        const auto framed = pg::StartupFramer{}.next(left_);
        if (const auto* frame = std::get_if<pg::Frame>(&framed)) {
            Message message{0, {frame->bytes.begin(), frame->bytes.end()}};
            left_.erase(left_.begin(), left_.begin() + static_cast<std::ptrdiff_t>(message.bytes.size()));
            return message;
        }
        if (!fill())
            return {};
    }
}

char Peer::receive_byte()
{
    if (left_.empty() && !fill())
        return '\0';
    const auto byte = static_cast<char>(left_.front());
    left_.erase(left_.begin());
    return byte;
}

std::string Peer::receive_types(std::size_t count)
{
    std::string types;
    while (types.size() < count) {
        const auto message = receive();
        if (message.type == 0)
            break;
        types.push_back(message.type);
    }
    return types;
}

bool Peer::nothing()
{
    std::byte one{};
    return left_.empty() && ::recv(descriptor_, &one, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

bool Peer::closed()
{
    while (fill())
        left_.clear();
    return errno != EAGAIN;
}

wire::Bytes query(std::string_view sql)
{
    wire::Bytes out;
    pg::encode_query(out, sql);
    return out;
}
wire::Bytes parse(std::string_view name, std::string_view sql)
{
    wire::Bytes out;
    pg::encode_parse(out, name, sql);
    return out;
}
wire::Bytes raw(char type, std::string_view body)
{
    wire::Bytes out;
    wire::Writer writer{out};
    writer.character(type);
    writer.int32(static_cast<std::int32_t>(body.size() + 4));
    writer.text(body);
    return out;
}
wire::Bytes bind(std::string_view portal, std::string_view statement, const std::vector<std::string>& values)
{
    wire::Bytes body;
    wire::Writer writer{body};
    writer.c_string(portal);
    writer.c_string(statement);
    writer.int16(0);
    writer.int16(static_cast<std::int16_t>(values.size()));
    for (const auto& value : values) {
        writer.int32(static_cast<std::int32_t>(value.size()));
        writer.text(value);
    }
    writer.int16(0);
    return raw('B', wire::as_text(body));
}
wire::Bytes execute(std::string_view portal)
{
    return raw('E', std::string{portal} + std::string(5, '\0'));
}
wire::Bytes sync()
{
    return raw('S');
}
wire::Bytes complete(std::string_view tag)
{
    wire::Bytes out;
    pg::encode_command_complete(out, tag);
    return out;
}
wire::Bytes ready(char status)
{
    wire::Bytes out;
    pg::encode_ready_for_query(out, static_cast<pg::Transaction>(status));
    return out;
}
wire::Bytes error(std::string_view code, std::string_view severity)
{
    wire::Bytes out;
    pg::encode_error(out, {severity, code, "the server says no"});
    return out;
}
wire::Bytes startup(std::string_view user, const std::vector<std::pair<std::string, std::string>>& more,
                    std::uint16_t minor)
{
    pg::Startup packet;
    packet.version = {3, minor};
    packet.parameters.emplace_back("user", user);
    for (const auto& [name, value] : more)
        packet.parameters.emplace_back(name, value);
    wire::Bytes out;
    pg::encode_startup(out, packet);
    return out;
}

std::shared_ptr<const policies::rules::Policy> make_policy(const std::string& toml)
{
    const std::vector<policies::rules::PolicySource> sources{{"test.toml", toml}};
    auto loaded = policies::rules::load_policy(sources);
    if (!std::holds_alternative<std::shared_ptr<const policies::rules::Policy>>(loaded))
        throw std::runtime_error("the test's policy does not load");
    return std::get<std::shared_ptr<const policies::rules::Policy>>(loaded);
}

Relay::Relay(Setup setup)
{
    std::string name = (std::filesystem::temp_directory_path() / "stepgate-session-XXXXXX").string();
    directory = ::mkdtemp(name.data());
    listening_ = ::socket(AF_INET, SOCK_STREAM, 0);
    auto address = loopback(0);
    socklen_t length = sizeof address;
    if (::bind(listening_, reinterpret_cast<sockaddr*>(&address), length) != 0 || ::listen(listening_, 16) != 0)
        throw std::runtime_error("cannot listen");
    ::getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &length);
    give_patience(listening_);

    proxy::audit::WriterOptions options;
    options.directory = directory / "journal";
    options.flush_every = std::chrono::milliseconds{1};
    options.files = setup.files;
    options.submit_bytes = setup.submit_bytes;
    auto opened = proxy::audit::Writer::open(options);
    if (!opened)
        throw std::runtime_error(opened.error().message);
    writer = std::move(*opened);

    proxy::session::Services services;
    services.audit = writer.get();
    services.challenges = &challenges;
    services.live_sessions = &live_sessions;
    services.public_url = "https://stepgate.example";
    services.find_user = [told =
                              setup.on_relay_thread](std::string_view user) -> std::optional<proxy::session::WireUser> {
        if (told)
            told();
        if (user == "alice" || user == "bob")
            return proxy::session::WireUser{verifier(), {}, false};
        if (user == "carol")
            return proxy::session::WireUser{verifier(), {}, true};
        return std::nullopt;
    };
    if (setup.catalog) {
        auto database = std::make_shared<proxy::upstream::DatabaseCatalog>(
            "test", "shop", [] {}, [] {});
        database->publish(setup.catalog, database->covers(), true);
        services.database_of = [database](const std::string&, const std::string&) { return database; };
    }
    services.estimate_impact = setup.estimate_impact;
    proxy = std::make_unique<proxy::session::Proxy>(std::move(services),
                                                    proxy::session::ProxyOptions{1, setup.hold, setup.limits});
    auto& listener = setup.listener;
    listener.name = "test";
    listener.upstream.host = "127.0.0.1";
    listener.upstream.port = ntohs(address.sin_port);
    listener.upstream.tls.mode = proxy::net::ClientTlsMode::disable;
    listener.upstream.user = "app";
    policy = make_policy(setup.policy.empty() ? usual_policy : setup.policy);
    const auto problem = proxy->start({listener}, policy);
    if (!problem.empty())
        throw std::runtime_error(problem);
    port_ = proxy->port("test");
}

Relay::~Relay()
{
    stop();
    ::close(listening_);
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
}

void Relay::stop()
{
    proxy->stop();
    writer.reset();
}

Peer Relay::connect()
{
    const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
    const auto address = loopback(port_);
    if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw std::runtime_error("cannot connect to the proxy");
    return Peer{descriptor};
}

Peer Relay::accept()
{
    return Peer{::accept(listening_, nullptr, nullptr)};
}

void Relay::log_in(Peer& client, std::string_view user, std::string_view its_password,
                   const std::vector<std::pair<std::string, std::string>>& more)
{
    client.send(startup(user, more));
    pg::ScramClient scram{{std::string{its_password}, proxy::upstream::random_nonce()}};
    for (;;) {
        const auto message = client.receive();
        ASSERT_EQ(message.type, 'R');
        const auto frame = message.frame();
        const auto decoded = pg::decode_authentication(frame);
        ASSERT_TRUE(decoded);
        wire::Bytes out;
        if (const auto* offer = std::get_if<pg::AuthenticationSasl>(&*decoded)) {
            const auto action = scram.on(*offer);
            const auto& initial = std::get<pg::ScramClient::Initial>(action);
            pg::encode_sasl_initial_response(out, {initial.mechanism, wire::as_bytes(initial.response)});
        } else if (const auto* next = std::get_if<pg::AuthenticationSaslContinue>(&*decoded)) {
            const auto action = scram.on(*next);
            pg::encode_sasl_response(out, wire::as_bytes(std::get<pg::ScramClient::Respond>(action).response));
            client.send(out);
            return; // what comes next tells success from failure
        }
        client.send(out);
    }
}

void Relay::greet(Peer& server)
{
    ASSERT_FALSE(server.receive_startup().bytes.empty());
    welcome(server);
}

void Relay::welcome(Peer& server)
{
    let_in(server);
    answer_start_state(server);
}

void Relay::let_in(Peer& server)
{
    wire::Bytes out;
    pg::encode_authentication_ok(out);
    pg::encode_parameter_status(out, {"client_encoding", "UTF8"});
    pg::encode_parameter_status(out, {"standard_conforming_strings", "on"});
    const wire::Bytes key(4, std::byte{9});
    pg::encode_key_data(out, {4711, key});
    pg::encode_ready_for_query(out, pg::Transaction::idle);
    server.send(out);
}

void Relay::answer_start_state(Peer& server)
{
    ASSERT_EQ(server.receive().type, 'Q');
    wire::Bytes out;
    for (const char* value : {"app", "\"$user\", public", "on", "off", "origin"})
        pg::encode_only_value(out, value);
    pg::encode_ready_for_query(out, pg::Transaction::idle);
    server.send(out);
}

Relay::Session Relay::session(std::string_view user)
{
    auto client = connect();
    log_in(client, user, password);
    EXPECT_EQ(client.receive().type, 'R'); // SASLFinal
    auto server = accept();
    greet(server);
    Session made{std::move(client), std::move(server), 0, {}};
    for (;;) {
        const auto message = made.client.receive();
        if (message.type == 'K') {
            const auto frame = message.frame();
            const auto key = pg::decode_key_data(frame);
            made.process = key->process;
            made.key = wire::as_text(key->key);
        }
        if (message.type == 'Z')
            return made;
        if (message.type == 0)
            throw std::runtime_error("the login failed");
    }
}

std::vector<ch::Snapshot> Relay::pending(const std::string& user)
{
    std::vector<ch::Snapshot> waiting;
    for (auto& one : challenges.of_user(user))
        if (one.state == ch::State::pending)
            waiting.push_back(std::move(one));
    return waiting;
}

bool Relay::nothing_pending()
{
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    while (!pending().empty() && std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    return pending().empty();
}

void Relay::approve(const ch::Snapshot& challenge)
{
    ch::Proof proof;
    proof.user = challenge.question.user;
    proof.factor = "passkey";
    proof.kind = "possession";
    proof.phishing_resistant = proof.user_verified = true;
    proof.credential = "key of " + proof.user;
    const auto state = challenges.prove(challenge.id, challenge.digest, proof, std::chrono::system_clock::now());
    ASSERT_TRUE(state);
    ASSERT_EQ(*state, ch::State::approved);
}

} // namespace stepgate::test
