#include "relay.h"

#include "protocols/postgres/startup.h"

#include <gtest/gtest.h>

#include <thread>

namespace stepgate::test
{
namespace entry_test
{

namespace pg = protocols::postgres;

void expect_fatal(Peer& client, std::string_view code, std::string_view text)
{
    const auto fatal = client.receive();
    ASSERT_EQ(fatal.type, 'E');
    EXPECT_EQ(fatal.code(), code);
    EXPECT_NE(fatal.text().find(text), std::string::npos) << fatal.text();
    EXPECT_EQ(client.receive().type, 0);
}

wire::Bytes packet(void (*encode)(wire::Bytes&))
{
    wire::Bytes out;
    encode(out);
    return out;
}

TEST(Login, WrongPasswordUnknownAndDisabledUsersLookAlike)
{
    Relay relay;
    for (const auto* user : {"alice", "nobody", "carol"}) {
        SCOPED_TRACE(user);
        auto client = relay.connect();
        const std::string password = user == std::string_view{"carol"} ? "correct horse" : "wrong";
        relay.log_in(client, user, password);
        expect_fatal(client, "28P01", "password authentication failed for user \"" + std::string{user} + "\"");
    }
    EXPECT_EQ(relay.proxy->metrics().logins_failed, 3U);
}

TEST(Login, TheServersRefusalIsPassedOn)
{
    Relay relay;
    auto client = relay.connect();
    relay.log_in(client, "alice", "correct horse");
    EXPECT_EQ(client.receive().type, 'R');
    auto server = relay.accept();
    EXPECT_FALSE(server.receive_startup().bytes.empty());
    server.send(error("3D000", "FATAL"));
    expect_fatal(client, "3D000", "the server says no");
}

TEST(Login, TheAccountsTroublesAreNot)
{
    Relay relay;
    auto client = relay.connect();
    relay.log_in(client, "alice", "correct horse");
    EXPECT_EQ(client.receive().type, 'R');
    auto server = relay.accept();
    EXPECT_FALSE(server.receive_startup().bytes.empty());
    server.send(error("28P01", "FATAL"));
    expect_fatal(client, "08006", "does not accept stepgate's account");
}

TEST(Login, AServerThatSaysNothingIsGivenUp)
{
    Relay::Setup setup;
    setup.listener.upstream.connect_timeout = std::chrono::seconds{0};
    Relay relay{std::move(setup)};
    auto client = relay.connect();
    relay.log_in(client, "alice", "correct horse");
    EXPECT_EQ(client.receive().type, 'R');
    expect_fatal(client, "08006", "cannot reach the server of listener \"test\"");
    EXPECT_EQ(relay.proxy->metrics().upstream_failures, 1U);
}

TEST(Login, TheServerGetsTheListenersAccount)
{
    Relay relay;
    auto client = relay.connect();
    relay.log_in(client, "alice", "correct horse");
    EXPECT_EQ(client.receive().type, 'R');
    auto server = relay.accept();
    const auto startup = server.receive_startup();
    const auto decoded = pg::decode_startup_packet({0, startup.bytes});
    ASSERT_TRUE(decoded);
    EXPECT_EQ(std::get<pg::Startup>(*decoded).find("user"), "app");
    EXPECT_EQ(std::get<pg::Startup>(*decoded).find("database"), "alice");
    EXPECT_EQ(std::get<pg::Startup>(*decoded).find("client_encoding"), "UTF8");
}

TEST(Login, NewerVersionsAreNegotiated)
{
    Relay relay;
    auto client = relay.connect();
    client.send(startup("alice", {{"_pq_.new", "1"}}, 7));
    const auto answer = client.receive();
    EXPECT_EQ(answer.type, 'v');
    const auto frame = answer.frame();
    const auto decoded = pg::decode_negotiate_protocol_version(frame);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->newest_minor, 2);
    EXPECT_EQ(decoded->unknown_options.size(), 1U);
    EXPECT_EQ(client.receive().type, 'R');
}

TEST(Login, PerUserLimit)
{
    Relay::Setup setup;
    setup.limits.connections_per_user = 1;
    Relay relay{std::move(setup)};
    auto first = relay.session();
    auto client = relay.connect();
    relay.log_in(client, "alice", "correct horse");
    EXPECT_EQ(client.receive().type, 'R');
    expect_fatal(client, "53300", "of user \"alice\"");
    auto bob = relay.session("bob");
}

TEST(Login, LimitInAll)
{
    Relay::Setup setup;
    setup.limits.connections = 1;
    Relay relay{std::move(setup)};
    auto first = relay.session();
    auto client = relay.connect();
    client.send(startup("alice"));
    expect_fatal(client, "53300", "too many connections");
}

TEST(Login, ADeadlineEndsHalfALogin)
{
    Relay::Setup setup;
    setup.limits.login = std::chrono::milliseconds{1};
    Relay relay{std::move(setup)};
    auto client = relay.connect();
    expect_fatal(client, "57014", "took too long");
    EXPECT_EQ(relay.proxy->metrics().logins_failed, 1U);
}

TEST(Login, ADeadlineIsToldInTheMiddleOfAnAuthentication)
{
    Relay::Setup setup;
    setup.limits.login = std::chrono::milliseconds{500};
    Relay relay{std::move(setup)};
    auto client = relay.connect();
    client.send(startup("alice"));
    EXPECT_EQ(client.receive().type, 'R');
    expect_fatal(client, "57014", "took too long");
}

TEST(Door, StartupKeysThatAreNotAllowed)
{
    Relay relay;
    auto client = relay.connect();
    relay.log_in(client, "alice", "correct horse", {{"role", "postgres"}});
    EXPECT_EQ(client.receive().type, 'R');
    expect_fatal(client, "42501", "\"role\" is not allowed through stepgate (rule default.startup_key)");
}

TEST(Door, ReplicationNeedsARule)
{
    Relay relay;
    auto client = relay.connect();
    relay.log_in(client, "alice", "correct horse", {{"replication", "database"}});
    EXPECT_EQ(client.receive().type, 'R');
    expect_fatal(client, "42501",
                 "replication connections are not allowed through stepgate (rule default.startup_key)");
}

constexpr const char* replication_for_alice = R"(
[[rule]]
id = "replicas"
when = {startup_key = ["replication", "role"], user = {in = ["alice"]}}
then = "allow"
)";

TEST(Door, ARuleAllowsReplicationToSomebody)
{
    Relay::Setup setup;
    setup.policy = replication_for_alice;
    Relay relay{std::move(setup)};
    auto bob = relay.connect();
    relay.log_in(bob, "bob", "correct horse", {{"replication", "true"}});
    EXPECT_EQ(bob.receive().type, 'R');
    expect_fatal(bob, "42501", "replication connections are not allowed");

    auto client = relay.connect();
    relay.log_in(client, "alice", "correct horse", {{"replication", "database"}});
    EXPECT_EQ(client.receive().type, 'R');
    auto server = relay.accept();
    const auto asked = server.receive_startup();
    EXPECT_NE(wire::as_text(asked.bytes).find(std::string("replication\0database", 20)), std::string_view::npos);
    relay.welcome(server); // it can run SQL: names are looked up somewhere
    while (client.receive().type != 'Z') {
    }
    // Its own commands pass; SQL is judged as everywhere.
    client.send(query("IDENTIFY_SYSTEM"));
    EXPECT_EQ(server.receive().body(), std::string("IDENTIFY_SYSTEM") + '\0');
    server.send({complete("IDENTIFY_SYSTEM"), ready()});
    EXPECT_EQ(client.receive_types(2), "CZ");
    client.send(query("select purge()"));
    const auto held = client.receive();
    EXPECT_EQ(held.type, 'N');
    EXPECT_TRUE(server.nothing());
}

TEST(Door, AReplicationStreamFlowsBothWays)
{
    Relay::Setup setup;
    setup.policy = replication_for_alice;
    Relay relay{std::move(setup)};
    auto client = relay.connect();
    relay.log_in(client, "alice", "correct horse", {{"replication", "true"}});
    EXPECT_EQ(client.receive().type, 'R');
    auto server = relay.accept();
    EXPECT_FALSE(server.receive_startup().bytes.empty());
    relay.let_in(server);
    while (client.receive().type != 'Z') {
    }
    client.send(query("START_REPLICATION SLOT s LOGICAL 0/0"));
    EXPECT_EQ(server.receive().type, 'Q');
    server.send({raw('W', std::string(3, '\0')), raw('d', "row")});
    EXPECT_EQ(client.receive_types(2), "Wd");
    client.send(raw('d', "feedback"));
    EXPECT_EQ(server.receive().body(), "feedback");
    client.send(raw('c'));
    EXPECT_EQ(server.receive().type, 'c');
    server.send({raw('c'), complete("COPY 0"), ready()});
    EXPECT_EQ(client.receive_types(3), "cCZ");
    client.send(query("select 1"));
    EXPECT_EQ(server.receive().type, 'Q');
}

TEST(Door, WithoutTlsTheAnswerIsNo)
{
    Relay relay;
    auto client = relay.connect();
    client.send(packet(pg::encode_ssl_request));
    EXPECT_EQ(client.receive_byte(), 'N');
    client.send(wire::Bytes{std::byte{0}, std::byte{0}, std::byte{0}, std::byte{8}, std::byte{4}, std::byte{210},
                            std::byte{22}, std::byte{48}}); // GSSENCRequest: 80877104
    EXPECT_EQ(client.receive_byte(), 'N');
    client.send(startup("alice"));
    EXPECT_EQ(client.receive().type, 'R');
}

TEST(Door, ClearTextBehindSslRequestIsNeverRead)
{
    Relay relay;
    auto client = relay.connect();
    auto bytes = packet(pg::encode_ssl_request);
    const auto more = startup("alice");
    bytes.insert(bytes.end(), more.begin(), more.end());
    client.send(bytes);
    EXPECT_EQ(client.receive_byte(), '\0');
    EXPECT_EQ(relay.proxy->metrics().protocol_errors, 1U);
}

TEST(Door, GarbageIsRefusedAndNothingIsConnected)
{
    struct Row {
        const char* name;
        std::string bytes;
    };
    const Row rows[] = {
        {"http", "GET / HTTP/1.1\r\n\r\n"},
        {"length too small", std::string("\0\0\0\4", 4)},
        {"length negative", std::string("\xff\xff\xff\xff", 4)},
        {"protocol 2", std::string("\0\0\0\10\0\2\0\0", 8)},
        {"direct TLS without TLS", std::string("\x16\x03\x01\x02\x00", 5)},
    };
    Relay relay;
    for (const auto& row : rows) {
        SCOPED_TRACE(row.name);
        auto client = relay.connect();
        client.send(wire::as_bytes(row.bytes));
        EXPECT_TRUE(client.closed());
    }
}

TEST(Protocol, BrokenMessagesEndTheSessionAndReachNobody)
{
    struct Row {
        const char* name;
        wire::Bytes bytes;
        const char* sqlstate;
    };
    wire::Bytes huge = raw('Q', "x");
    huge[1] = std::byte{0x7f};
    wire::Bytes short_length = raw('Q', "x");
    short_length[4] = std::byte{3};
    const Row rows[] = {
        {"unknown type", raw('y', "boo"), "08P01"},
        {"larger than the limit", huge, "54000"},
        {"length below its own", short_length, "08P01"},
        {"query without its end", raw('Q', "select 1"), "08P01"},
        {"query with two ends", raw('Q', std::string("a\0b\0", 4)), "08P01"},
        {"bind cut short", raw('B', std::string("\0\0\0\1", 4)), "08P01"},
        {"password out of turn", raw('p', std::string("x\0", 2)), "08P01"},
        {"sync with a body", raw('S', "x"), "08P01"},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.name);
        Relay relay;
        auto session = relay.session();
        session.client.send(row.bytes);
        expect_fatal(session.client, row.sqlstate, "");
        session.client.close();
        EXPECT_EQ(session.server.receive().type, 'X');
        EXPECT_EQ(session.server.receive().type, 0);
    }
}

TEST(Protocol, AServerThatMakesNoSenseEndsTheSession)
{
    Relay relay;
    auto session = relay.session();
    session.server.send(ready()); // nobody asked
    expect_fatal(session.client, "08P01", "lost track");
    EXPECT_TRUE(session.server.closed());
}

TEST(Relaying, ByteByByteIsTheSame)
{
    Relay relay;
    auto session = relay.session();
    for (const std::byte byte : query("select 1"))
        session.client.send(wire::Bytes{byte});
    EXPECT_EQ(session.server.receive().body(), std::string("select 1") + '\0');
    for (const auto& message : {raw('D', std::string(2, '\0')), complete("SELECT 1"), ready()})
        for (const std::byte byte : message)
            session.server.send(wire::Bytes{byte});
    EXPECT_EQ(session.client.receive_types(3), "DCZ");
}

TEST(Relaying, LargeMessagesBothWays)
{
    Relay relay;
    auto session = relay.session();
    const std::string sql = "select '" + std::string(300'000, 'x') + "'";
    session.client.send(query(sql));
    EXPECT_EQ(session.server.receive().body(), sql + '\0');
    const std::string row(500'000, 'y');
    session.server.send({raw('D', row), complete("SELECT 1"), ready()});
    EXPECT_EQ(session.client.receive().body(), row);
    EXPECT_EQ(session.client.receive_types(2), "CZ");
}

TEST(Relaying, NotificationsComeAtAnyTime)
{
    Relay relay;
    auto session = relay.session();
    session.server.send(raw('A', std::string("\0\0\0\1c\0p\0", 8)));
    EXPECT_EQ(session.client.receive().type, 'A');
}

TEST(Drain, IdleSessionsEndAtOnceBusyOnesWhenTheyAreDone)
{
    Relay relay;
    auto idle = relay.session();
    auto busy = relay.session("bob");
    busy.client.send(query("select 1"));
    EXPECT_EQ(busy.server.receive().type, 'Q');
    std::jthread drains{[&relay] { relay.proxy->drain(std::chrono::seconds{10}); }};
    expect_fatal(idle.client, "57P01", "shutting down");
    idle.client.close();
    busy.server.send({complete("SELECT 1"), ready()});
    EXPECT_EQ(busy.client.receive_types(2), "CZ");
    expect_fatal(busy.client, "57P01", "shutting down");
    busy.client.close();
}

} // namespace entry_test
} // namespace stepgate::test
