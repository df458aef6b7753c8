#include "relay.h"

#include "proxy/session/postgres_cancel_call.h"

#include <gtest/gtest.h>

// Checked once with the protection taken out: with the owners not compared, AnotherUserCannot fails.

namespace stepgate::test
{
namespace cancel_test
{

using proxy::session::cancelled_processes;

std::vector<std::int32_t> named(std::string_view sql, const std::vector<wire::Bytes>& bind_message = {})
{
    policies::statement::Facts facts;
    facts.statements.emplace_back().calls = {"pg_catalog.pg_cancel_backend"};
    if (bind_message.empty()) {
        const auto found = cancelled_processes(sql, facts, nullptr);
        return found ? *found : std::vector<std::int32_t>{};
    }
    const auto bind = protocols::postgres::decode_bind({'B', bind_message.front()});
    const auto found = cancelled_processes(sql, facts, &*bind);
    return found ? *found : std::vector<std::int32_t>{};
}

TEST(CancelCall, NamesProcesses)
{
    using Numbers = std::vector<std::int32_t>;
    EXPECT_EQ(named("select pg_cancel_backend(4711)"), Numbers{4711});
    EXPECT_EQ(named("SELECT pg_catalog.PG_CANCEL_BACKEND ( '12'::int ) , \"pg_cancel_backend\"(13)"),
              (Numbers{12, 13}));
    EXPECT_EQ(named("select pg_cancel_backend(4700 + 11)"), Numbers{});
    EXPECT_EQ(named("select pg_cancel_backend(pid) from pg_stat_activity"), Numbers{});
    EXPECT_EQ(named("select 'pg_cancel_backend(1)' /* pg_cancel_backend(2) */"), Numbers{});
    EXPECT_EQ(named("select pg_cancel_backend($1)"), Numbers{});
    EXPECT_EQ(named("select pg_cancel_backend($2::int4)", {bind("", "", {"1", "22"})}), Numbers{22});
    EXPECT_EQ(named("select pg_cancel_backend($3)", {bind("", "", {"1", "22"})}), Numbers{});
}

TEST(CancelCall, IsNotLookedForInOtherStatements)
{
    EXPECT_EQ(cancelled_processes("select pg_cancel_backend(1)", {}, nullptr), nullptr);
}

Relay::Setup lenient()
{
    Relay::Setup setup;
    setup.policy = R"(
[[rule]]
id = "delete-without-where"
when = {statement = ["delete"], where = ["missing"]}
then = {challenge = {level = 1}}
[default]
opaque = "allow"
)";
    return setup;
}

void hold(Relay::Session& session)
{
    session.client.send(query("delete from orders"));
    ASSERT_EQ(session.client.receive().type, 'N');
}

/// The proxy has one thread: what the statement before these posted has run when they are done.
void round_trips(Relay::Session& session)
{
    for (int i = 0; i < 5; ++i) {
        session.client.send(query("select 1"));
        ASSERT_EQ(session.server.receive().type, 'Q');
        session.server.send({complete("SELECT 1"), ready()});
        ASSERT_EQ(session.client.receive_types(2), "CZ");
    }
}

TEST(CancelBackend, EndsTheHoldOfTheSameUser)
{
    Relay relay{lenient()};
    auto held = relay.session();
    auto other = relay.session();
    hold(held);
    other.client.send(query("select pg_cancel_backend(4711)"));
    EXPECT_EQ(other.server.receive().type, 'Q');
    EXPECT_TRUE(held.client.nothing()); // the server has not said yes
    other.server.send({complete("SELECT 1"), ready()});
    EXPECT_EQ(other.client.receive_types(2), "CZ");
    const auto error = held.client.receive();
    EXPECT_EQ(error.code(), "57014");
    EXPECT_EQ(error.text(), "canceling statement due to user request");
    EXPECT_EQ(held.client.receive().type, 'Z');
    EXPECT_TRUE(held.server.nothing());
    EXPECT_TRUE(relay.pending().empty());
}

TEST(CancelBackend, WithTheProcessAsAParameter)
{
    Relay relay{lenient()};
    auto held = relay.session();
    auto other = relay.session();
    hold(held);
    other.client.send({parse("", "select pg_cancel_backend($1)"), bind("", "", {"4711"}), execute(), sync()});
    EXPECT_EQ(other.server.receive_types(4), "PBES");
    other.server.send({raw('1'), raw('2'), complete("SELECT 1"), ready()});
    EXPECT_EQ(held.client.receive().code(), "57014");
}

TEST(CancelBackend, AnotherUserCannot)
{
    Relay relay{lenient()};
    auto held = relay.session();
    auto bob = relay.session("bob");
    hold(held);
    bob.client.send(query("select pg_cancel_backend(4711)"));
    EXPECT_EQ(bob.server.receive().type, 'Q');
    bob.server.send({complete("SELECT 1"), ready()});
    EXPECT_EQ(bob.client.receive_types(2), "CZ");
    round_trips(bob);
    EXPECT_TRUE(held.client.nothing());
    EXPECT_EQ(relay.pending().size(), 1U);
}

TEST(CancelBackend, OnlyWhenTheServerSaysYes)
{
    Relay relay{lenient()};
    auto held = relay.session();
    auto other = relay.session();
    hold(held);
    other.client.send(query("select pg_cancel_backend(4711)"));
    EXPECT_EQ(other.server.receive().type, 'Q');
    other.server.send({error("42501"), ready()});
    EXPECT_EQ(other.client.receive_types(2), "EZ");
    round_trips(other);
    EXPECT_TRUE(held.client.nothing());
    EXPECT_EQ(relay.pending().size(), 1U);
}

} // namespace cancel_test
} // namespace stepgate::test
