#include "challenge-web/server/server.h"
#include "tests/unit/web/site_fixture.h"
#include "tests/unit/web/tls_client.h"

#include <boost/json/serialize.hpp>

#include <fstream>
#include <thread>

namespace stepgate::tests
{
namespace server_test
{

using std::chrono::milliseconds;

/// A World served over real sockets. Its own Site is not used; requests go to the server's.
class Served
{
  public:
    explicit Served(server::TransportLimits transport = {}, server::ApiLimits api = {})
    {
        server::ServerOptions options;
        options.public_url = origin;
        options.listen = {"127.0.0.1", 0};
        options.admin = server::Endpoint{"127.0.0.1", 0};
        options.certificate_file = certificate.certificate_file();
        options.key_file = certificate.key_file();
        options.workers = 2;
        options.transport = transport;
        options.api = api;
        auto started = server::Server::start(std::move(options), world.dependencies());
        if (started.has_error())
            throw std::runtime_error(started.error().message());
        running = std::move(*started);
    }
    /// The cookie header of a session of alice.
    std::string session()
    {
        world.add_user("alice");
        accounts::WebSession session;
        const std::string token(43, 'A');
        session.token_hash = server::token_hash(token);
        session.user = "alice";
        session.csrf = "csrf";
        session.strong = true;
        session.created = session.last_seen = world.now;
        session.expires = world.now + std::chrono::hours{12};
        EXPECT_TRUE(world.users.add_web_session(session).has_value());
        return "Cookie: __Host-stepgate=" + token + "\r\nX-CSRF-Token: csrf\r\nOrigin: https://stepgate.example\r\n";
    }
    TestCertificate certificate;
    World world;
    std::unique_ptr<server::Server> running;
};

std::string get(const std::string& path, const std::string& headers = "")
{
    return "GET " + path + " HTTP/1.1\r\nHost: stepgate.example\r\n" + headers + "\r\n";
}

TEST(Server, AnswersOverTlsAndKeepsTheConnection)
{
    Served served;
    TlsClient client(served.running->port());
    for (int i = 0; i < 3; ++i) {
        client.send(get("/api/v1/session"));
        const auto answer = client.read_response();
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 401 ")) << answer;
        EXPECT_NE(answer.find("Strict-Transport-Security: "), std::string::npos);
        EXPECT_NE(answer.find("\"not_signed_in\""), std::string::npos);
    }
    client.send(get("/inbox"));
    EXPECT_NE(client.read_response().find("<!doctype html>"), std::string::npos);
}

TEST(Server, PipelinedRequestsAreAnsweredInOrder)
{
    Served served;
    TlsClient client(served.running->port());
    client.send(get("/healthz") + get("/missing.js") + get("/readyz"));
    EXPECT_TRUE(client.read_response().starts_with("HTTP/1.1 200"));
    EXPECT_TRUE(client.read_response().starts_with("HTTP/1.1 404"));
    EXPECT_TRUE(client.read_response().starts_with("HTTP/1.1 200"));
}

TEST(Server, HeadHasNoBody)
{
    Served served;
    TlsClient client(served.running->port());
    client.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n" + get("/healthz"));
    const auto head = client.read_head();
    EXPECT_NE(head.find("Content-Length: 15"), std::string::npos) << head;
    EXPECT_TRUE(client.read_response().starts_with("HTTP/1.1 200"));
}

TEST(Server, RequestWithACookieReachesTheHandler)
{
    Served served;
    TlsClient client(served.running->port());
    client.send(get("/api/v1/session", served.session()));
    EXPECT_NE(client.read_response().find(R"("user":"alice")"), std::string::npos);
}

TEST(Server, OldTlsIsRefused)
{
    Served served;
    EXPECT_THROW(TlsClient(served.running->port(), TLS1_1_VERSION), std::exception);
    EXPECT_NO_THROW(TlsClient(served.running->port(), TLS1_2_VERSION));
}

TEST(Server, WhoLeavesOutTlsIsTold)
{
    Served served;
    PlainClient client(served.running->port());
    client.send(get("/c/VGUOLKiUFDKIOC11gC2E7g"));
    const auto answer = client.read_to_end();
    EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 400");
    EXPECT_NE(answer.find("the address begins with https://"), std::string::npos);
    TlsClient other(served.running->port());
    other.send(get("/"));
    EXPECT_EQ(other.read_response().substr(0, 12), "HTTP/1.1 200");
}

TEST(Server, SizeLimits)
{
    struct Row {
        const char* name;
        std::string request;
        const char* status;
    };
    server::TransportLimits limits;
    limits.body_bytes = 100;
    limits.header_bytes = 400;
    Served served(limits);
    const auto post = [](const std::string& headers, const std::string& body) {
        return "POST /api/v1/session/totp HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n" + body;
    };
    const Row rows[] = {
        {"declared too large", post("Content-Length: 101\r\n", ""), "413"},
        {"at the limit", post("Content-Length: 100\r\n", std::string(100, 'x')), "403"},
        {"chunks too large", post("Transfer-Encoding: chunked\r\n", "80\r\n" + std::string(128, 'x') + "\r\n0\r\n\r\n"),
         "413"},
        {"headers too large", get("/", "X-Long: " + std::string(500, 'x') + "\r\n"), "431"},
        {"not HTTP", "hello\r\n\r\n", "400"},
        {"two lengths", post("Content-Length: 1\r\nContent-Length: 2\r\n", "xx"), "400"},
        {"chunks", post("Transfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n"), "411"},
        {"an unknown coding", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), "411"},
        {"chunks that are not last", post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"), "411"},
        {"no host", "GET / HTTP/1.1\r\n\r\n", "400"},
        {"two hosts", get("/", "Host: other.example\r\n"), "400"},
        {"length and chunks", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), "400"},
    };
    for (const auto& row : rows) {
        TlsClient client(served.running->port());
        client.send(row.request);
        EXPECT_EQ(client.read_response().substr(0, 12), std::string{"HTTP/1.1 "} + row.status) << row.name;
    }
}

TEST(Server, WhatOthersMayCutElsewhereIsNoSecondRequest)
{
    Served served;
    TlsClient client(served.running->port());
    client.send("POST /api/v1/session/totp HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n" +
                get("/healthz"));
    EXPECT_EQ(client.read_response().substr(0, 12), "HTTP/1.1 411");
    EXPECT_EQ(client.read_response(), "");
}

TEST(Server, SlowClientsAreCutOff)
{
    server::TransportLimits limits;
    limits.handshake = milliseconds{2000}; // a busy machine's clients get through it
    limits.request = milliseconds{150};
    limits.idle = milliseconds{300};
    Served served(limits);
    struct Row {
        const char *name, *bytes;
    };
    const Row rows[] = {
        {"half a header", "GET / HTTP/1.1\r\nHost:"},
        {"header, no body", "POST /api/v1/session/totp HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nx"},
        {"nothing at all", ""},
    };
    for (const auto& row : rows) {
        TlsClient client(served.running->port());
        client.send(row.bytes);
        EXPECT_EQ(client.read_to_end(), "") << row.name;
    }
    PlainClient silent(served.running->port()); // never starts the handshake
    EXPECT_EQ(silent.read_to_end(), "");
}

TEST(Server, OneByteAtATimeDoesNotEarnMoreTime)
{
    server::TransportLimits limits;
    limits.request = milliseconds{200};
    Served served(limits);
    TlsClient client(served.running->port());
    // Sends as long as the server takes bytes; each one within the limit, the request as a whole not.
    const auto slow = client.drip("GET / HTTP/1.1\r\nX: " + std::string(10'000, 'a'), milliseconds{20});
    EXPECT_LT(slow, 1000U);
}

TEST(Server, ConnectionLimitPerAddress)
{
    server::TransportLimits limits;
    limits.connections_per_address = 2;
    Served served(limits);
    TlsClient first(served.running->port()), second(served.running->port());
    EXPECT_THROW(TlsClient(served.running->port()), std::exception);
    second.close();
    first.send(get("/healthz"));
    EXPECT_TRUE(first.read_response().starts_with("HTTP/1.1 200"));
}

TEST(Server, EventStreamDelivers)
{
    server::TransportLimits limits;
    limits.keep_alive = milliseconds{50};
    Served served(limits);
    served.world.held.observe([&](const challenges::Event& event) { served.running->on_challenge(event); });
    const auto session = served.session();
    TlsClient client(served.running->port());
    client.send(get("/api/v1/events", session));
    const auto head = client.read_head();
    EXPECT_NE(head.find("Content-Type: text/event-stream"), std::string::npos) << head;
    EXPECT_NE(head.find("Cache-Control: no-store"), std::string::npos);
    EXPECT_EQ(client.read_until("\n\n"), "event: ready\ndata: {}\n\n");
    const auto held = served.world.hold("alice");
    EXPECT_NE(client.read_until("event: challenge\n"), "");
    EXPECT_NE(client.read_until("\n\n").find("\"id\":\"" + held.id), std::string::npos);
    EXPECT_NE(client.read_until(": keep-alive\n\n"), "");
    TlsClient other(served.running->port());
    other.send("DELETE /api/v1/session HTTP/1.1\r\nHost: x\r\n" + session + "\r\n");
    EXPECT_TRUE(other.read_response().starts_with("HTTP/1.1 204"));
    EXPECT_NE(client.read_to_end().find("event: end\ndata: {\"reason\":\"session_ended\"}\n\n"), std::string::npos);
}

TEST(Server, EventStreamEndsWhenItsSessionIsGone)
{
    server::TransportLimits limits;
    limits.session_check = milliseconds{50};
    Served served(limits);
    TlsClient client(served.running->port());
    client.send(get("/api/v1/events", served.session()));
    EXPECT_NE(client.read_until("event: ready"), "");
    EXPECT_TRUE(served.world.users.remove_web_sessions_of("alice").has_value());
    EXPECT_NE(client.read_to_end().find("session_ended"), std::string::npos);
}

TEST(Server, AClosedStreamMakesRoomAtOnce)
{
    server::ApiLimits api;
    api.streams_per_user = 1;
    Served served({}, api);
    const auto headers = served.session();
    {
        TlsClient first(served.running->port());
        first.send(get("/api/v1/events", headers));
        EXPECT_NE(first.read_until("event: ready"), "");
        TlsClient second(served.running->port());
        second.send(get("/api/v1/events", headers));
        EXPECT_TRUE(second.read_response().starts_with("HTTP/1.1 429"));
    }
    std::string status;
    for (int tries = 0; tries < 200 && !status.starts_with("HTTP/1.1 200"); ++tries) {
        TlsClient again(served.running->port());
        again.send(get("/api/v1/events", headers));
        status = again.read_head();
    }
    EXPECT_TRUE(status.starts_with("HTTP/1.1 200")) << status;
}

TEST(Server, RefusedSignInsTakeTheSameTime)
{
    server::ApiLimits api;
    api.refused_sign_in = milliseconds{300};
    Served served({}, api);
    served.world.add_user("alice");
    for (const auto* user : {"alice", "nobody"}) {
        const std::string body = R"({"user":")" + std::string{user} + R"(","password":"x","code":"000000"})";
        TlsClient client(served.running->port());
        const auto started = std::chrono::steady_clock::now();
        client.send("POST /api/v1/session/totp HTTP/1.1\r\nHost: x\r\nOrigin: https://stepgate.example\r\n"
                    "Content-Type: application/json\r\nContent-Length: " +
                    std::to_string(body.size()) + "\r\n\r\n" + body);
        EXPECT_TRUE(client.read_response().starts_with("HTTP/1.1 401")) << user;
        EXPECT_GE(std::chrono::steady_clock::now() - started, milliseconds{300}) << user;
    }
}

TEST(Server, AdminListenerServesThreeAddressesInPlain)
{
    Served served;
    struct Row {
        const char *path, *status, *body;
    };
    const Row rows[] = {{"/healthz", "200", "ok\n"},
                        {"/readyz", "200", "ready\n"},
                        {"/metrics", "200", "stepgate_up 1\n"},
                        {"/", "404", "not found\n"},
                        {"/api/v1/session", "404", "not found\n"}};
    for (const auto& row : rows) {
        PlainClient client(served.running->admin_port());
        client.send("GET " + std::string{row.path} + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        const auto answer = client.read_to_end();
        EXPECT_EQ(answer.substr(0, 12), std::string{"HTTP/1.1 "} + row.status) << row.path;
        EXPECT_TRUE(answer.ends_with(row.body)) << row.path;
    }
}

TEST(Server, StopEndsStreamsAndIdleConnections)
{
    Served served;
    TlsClient stream(served.running->port()), idle(served.running->port());
    stream.send(get("/api/v1/events", served.session()));
    EXPECT_NE(stream.read_until("event: ready"), "");
    idle.send(get("/healthz"));
    EXPECT_NE(idle.read_response(), "");
    const auto started = std::chrono::steady_clock::now();
    served.running->stop();
    EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds{8})
        << "no deadline of a connection, of which the first is 10 s, had to be waited for";
    EXPECT_NE(stream.read_to_end().find("shutdown"), std::string::npos);
    served.running->stop();
}

TEST(Server, NewCertificatesForNewConnections)
{
    Served served;
    TlsClient before(served.running->port());
    const auto old_name = before.certificate_name();
    served.certificate.replace("second.example");
    ASSERT_TRUE(served.running->reload_certificates().has_value());
    TlsClient after(served.running->port());
    EXPECT_EQ(after.certificate_name(), "second.example");
    EXPECT_EQ(old_name, "stepgate.example");
    std::ofstream(served.certificate.certificate_file()) << "not a certificate";
    EXPECT_EQ(served.running->reload_certificates().error(), server::errc::certificate_unreadable);
    EXPECT_EQ(TlsClient(served.running->port()).certificate_name(), "second.example") << "the old one stays";
    before.send(get("/healthz"));
    EXPECT_NE(before.read_response(), "");
}

TEST(Server, StartFailuresHaveReasons)
{
    World world;
    TestCertificate certificate, other;
    const auto start = [&](auto change) {
        server::ServerOptions options;
        options.public_url = origin;
        options.listen = {"127.0.0.1", 0};
        options.certificate_file = certificate.certificate_file();
        options.key_file = certificate.key_file();
        change(options);
        auto started = server::Server::start(std::move(options), world.dependencies());
        return started.has_error() ? started.error() : boost::system::error_code{};
    };
    using server::errc;
    EXPECT_EQ(start([](auto&) {}), boost::system::error_code{});
    EXPECT_EQ(start([](auto& o) { o.public_url = "http://x"; }), errc::invalid_public_url);
    EXPECT_EQ(start([](auto& o) { o.certificate_file = "/missing"; }), errc::certificate_unreadable);
    EXPECT_EQ(start([](auto& o) { o.key_file = "/missing"; }), errc::key_unreadable);
    EXPECT_EQ(start([&](auto& o) { o.key_file = other.key_file(); }), errc::key_mismatch);
    EXPECT_EQ(start([](auto& o) { o.listen->host = "no such host"; }), errc::cannot_resolve);
    Served running;
    EXPECT_EQ(start([&](auto& o) { o.listen->port = running.running->port(); }), errc::cannot_listen);

    const auto plain = [](auto& o) { o.certificate_file = o.key_file = ""; };
    EXPECT_EQ(start(plain), boost::system::error_code{});
    EXPECT_EQ(start([&](auto& o) {
                  plain(o);
                  o.listen->host = "0.0.0.0";
              }),
              errc::plain_for_others);
    EXPECT_EQ(start([&](auto& o) { o.certificate_file = ""; }), errc::certificate_unreadable);
}

} // namespace server_test
} // namespace stepgate::tests
