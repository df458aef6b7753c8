#include "hold_steps.h"

#include <gtest/gtest.h>

namespace stepgate::test
{
namespace extended_test
{

using namespace hold_steps;

/// Parses, binds and executes it: the Parse passes, and what follows waits.
void expect_held_at_execution(Relay::Session& session)
{
    session.client.send({parse("", risky), bind("", ""), execute(), sync()});
    EXPECT_EQ(session.server.receive_types(2), "PH");
    session.server.send(raw('1'));
    EXPECT_EQ(session.client.receive().type, '1');
    expect_held(session);
}

TEST(Extended, PassesWithoutAWord)
{
    Relay relay;
    auto session = relay.session();
    session.client.send(
        {parse("", "select $1"), bind("", "", {"5"}), raw('D', std::string("P\0", 2)), execute(), sync()});
    EXPECT_EQ(session.server.receive_types(5), "PBDES");
    session.server.send({raw('1'), raw('2'), raw('n'), complete("SELECT 1"), ready()});
    EXPECT_EQ(session.client.receive_types(5), "12nCZ");
}

TEST(Extended, PrepareIsNotHeldExecutionIs)
{
    Relay relay;
    auto session = relay.session();
    session.client.send({parse("s1", risky), sync()});
    EXPECT_EQ(session.server.receive_types(2), "PS");
    session.server.send({raw('1'), ready()});
    EXPECT_EQ(session.client.receive_types(2), "1Z");
    session.client.send({bind("", "s1"), execute(), sync()});
    expect_held(session);
    relay.approve();
    EXPECT_EQ(session.client.receive().type, 'N');
    EXPECT_EQ(session.server.receive_types(3), "BES");
    session.server.send({raw('2'), complete("DELETE 3"), ready()});
    EXPECT_EQ(session.client.receive_types(3), "2CZ");
    session.client.send({bind("", "s1"), execute(), sync()}); // once more: asked again
    expect_held(session);
}

TEST(Extended, TheSecondExecutionOfAGroupIsHeldAfterTheFirstRan)
{
    Relay relay;
    auto session = relay.session();
    session.client.send(
        {parse("", "select 1"), bind("", ""), execute(), parse("", risky), bind("", ""), execute(), sync()});
    EXPECT_EQ(session.server.receive_types(5), "PBEPH"); // Flush is ours: the server answers what it has
    session.server.send({raw('1'), raw('2'), complete("SELECT 1"), raw('1')});
    EXPECT_EQ(session.client.receive_types(4), "12C1");
    expect_held(session);
    relay.approve();
    EXPECT_EQ(session.client.receive().type, 'N');
    EXPECT_EQ(session.server.receive_types(3), "BES");
    session.server.send({raw('2'), complete("DELETE 3"), ready()});
    EXPECT_EQ(session.client.receive_types(3), "2CZ");
}

std::chrono::seconds time_to_answer(Relay& relay)
{
    const auto challenge = relay.pending().at(0);
    return std::chrono::duration_cast<std::chrono::seconds>(challenge.expires - challenge.opened);
}

TEST(Extended, ThereIsTimeToAnswerOutsideATransaction)
{
    Relay relay;
    auto session = relay.session();
    expect_held_at_execution(session);
    EXPECT_EQ(time_to_answer(relay), proxy::session::HoldOptions{}.timeout);
}

TEST(Extended, ThereIsLessTimeWhereSomethingRanBefore)
{
    Relay relay;
    auto session = relay.session();
    session.client.send({parse("", "insert into t values (1)"), bind("", ""), execute(), parse("", risky), bind("", ""),
                         execute(), sync()});
    EXPECT_EQ(session.server.receive_types(5), "PBEPH");
    session.server.send({raw('1'), raw('2'), complete("INSERT 0 1"), raw('1')});
    EXPECT_EQ(session.client.receive_types(4), "12C1");
    expect_held(session);
    EXPECT_EQ(time_to_answer(relay), proxy::session::HoldOptions{}.in_transaction);
    relay.approve();
    EXPECT_EQ(session.client.receive().type, 'N');
    EXPECT_EQ(session.server.receive_types(3), "BES");
    session.server.send({raw('2'), complete("DELETE 3"), ready()});
    EXPECT_EQ(session.client.receive_types(3), "2CZ");

    expect_held_at_execution(session); // what ran before is committed
    EXPECT_EQ(time_to_answer(relay), proxy::session::HoldOptions{}.timeout);
}

TEST(Extended, ThereIsLessTimeInATransactionBlock)
{
    Relay relay;
    auto session = relay.session();
    begin(session);
    expect_held_at_execution(session);
    EXPECT_EQ(time_to_answer(relay), proxy::session::HoldOptions{}.in_transaction);
}

TEST(Extended, OneChallengeForABatch)
{
    Relay relay;
    auto session = relay.session();
    session.client.send({parse("s", "delete from orders where true or $1"), bind("", "s", {"1"}), execute(),
                         bind("", "s", {"2"}), execute(), sync()});
    EXPECT_EQ(session.server.receive_types(2), "PH");
    session.server.send(raw('1'));
    EXPECT_EQ(session.client.receive_types(1), "1");
    expect_held(session);
    const auto challenge = relay.pending().at(0);
    ASSERT_EQ(challenge.question.statements.size(), 2U);
    EXPECT_EQ(challenge.question.statements[0].parameters.at(0).value, "1");
    EXPECT_EQ(challenge.question.statements[1].parameters.at(0).value, "2");
    relay.approve();
    EXPECT_EQ(session.client.receive().type, 'N');
    EXPECT_EQ(session.server.receive_types(5), "BEBES");
}

TEST(Extended, DeniedFailsTheGroupForReal)
{
    Relay relay;
    auto session = relay.session();
    session.client.send({parse("", "insert into t values (1)"), bind("", ""), execute(), parse("", risky), bind("", ""),
                         execute(), sync()});
    EXPECT_EQ(session.server.receive_types(5), "PBEPH");
    session.server.send({raw('1'), raw('2'), complete("INSERT 0 1"), raw('1')});
    EXPECT_EQ(session.client.receive_types(4), "12C1");
    expect_held(session);
    relay.deny();
    const auto refusal = session.server.receive();
    EXPECT_EQ(refusal.type, 'P');
    EXPECT_NE(refusal.body().find("stepgate refused this statement"), std::string::npos);
    EXPECT_EQ(session.server.receive().type, 'H');
    session.server.send(error("42601"));
    expect_error(session.client, "42501", "denied");
    EXPECT_EQ(session.server.receive().type, 'S'); // the rest of the group was discarded
    session.server.send(ready());
    EXPECT_EQ(session.client.receive().type, 'Z');
    expect_alive(session);
}

TEST(Extended, NothingIsHeldInAGroupThatFailedAlready)
{
    Relay relay;
    auto session = relay.session();
    session.client.send({parse("", "select broken"), parse("", risky), bind("", ""), execute(), sync()});
    EXPECT_EQ(session.server.receive_types(3), "PPH");
    session.server.send(error("42703"));
    expect_error(session.client, "42703", "the server says no");
    EXPECT_EQ(session.server.receive().type, 'S');
    session.server.send(ready());
    EXPECT_EQ(session.client.receive().type, 'Z');
    EXPECT_TRUE(relay.pending().empty());
    expect_alive(session);
}

TEST(Extended, SqlExecuteOfAWirePreparedStatementIsHeld)
{
    Relay relay;
    auto session = relay.session();
    session.client.send({parse("s1", risky), sync()});
    EXPECT_EQ(session.server.receive_types(2), "PS");
    session.server.send({raw('1'), ready()});
    EXPECT_EQ(session.client.receive_types(2), "1Z");
    session.client.send(query("execute s1"));
    expect_held(session);
}

TEST(Extended, WireBindOfASqlPreparedStatementIsHeld)
{
    Relay relay;
    auto session = relay.session();
    session.client.send(query("prepare s2 as delete from orders"));
    ASSERT_EQ(session.server.receive().type, 'Q');
    session.server.send({complete("PREPARE"), ready()});
    EXPECT_EQ(session.client.receive_types(2), "CZ");
    session.client.send({bind("", "s2"), execute(), sync()});
    expect_held(session);
}

TEST(Extended, AStatementThatNobodySawPreparedIsHeld)
{
    Relay relay;
    auto session = relay.session();
    session.client.send({bind("", "stranger"), execute(), sync()});
    EXPECT_EQ(session.server.receive_types(2), "DH"); // asked whether there is one
    session.server.send({raw('t', std::string(2, '\0')), raw('n', "")});
    expect_held(session);
}

TEST(Extended, AStatementThatIsNotThereIsTheServersToRefuse)
{
    Relay relay;
    auto session = relay.session();
    session.client.send({bind("", "stranger"), execute(), sync()});
    EXPECT_EQ(session.server.receive_types(2), "DH");
    session.server.send(error("26000"));
    EXPECT_EQ(session.client.receive().type, 'E');
    EXPECT_EQ(session.server.receive().type, 'S'); // Bind and Execute would have been skipped
    session.server.send(ready());
    EXPECT_EQ(session.client.receive().type, 'Z');
    expect_alive(session);
}

} // namespace extended_test
} // namespace stepgate::test
