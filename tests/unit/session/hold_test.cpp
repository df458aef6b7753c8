#include "hold_steps.h"

#include "protocols/postgres/startup.h"

#include <gtest/gtest.h>

namespace stepgate::test
{
namespace hold_test
{

using namespace hold_steps;
using challenge_web::challenges::State;

TEST(Pass, HarmlessStatementsGoOnAsTheyAre)
{
    Relay relay;
    auto session = relay.session();
    expect_alive(session);
    expect_alive(session);
}

TEST(Pass, NotifyTellsAndRuns)
{
    Relay relay;
    auto session = relay.session();
    session.client.send(query("comment on table t is 'x'"));
    EXPECT_EQ(session.server.receive().type, 'Q');
    EXPECT_EQ(session.client.receive().text(), "noted by rule watch-comments");
    session.server.send({complete("COMMENT"), ready()});
    EXPECT_EQ(session.client.receive_types(2), "CZ");
}

TEST(Pass, DenyRefusesAndTheSessionLives)
{
    Relay relay;
    auto session = relay.session();
    session.client.send(query("truncate orders"));
    expect_error(session.client, "42501", "no-truncate");
    EXPECT_EQ(session.client.receive().type, 'Z');
    EXPECT_TRUE(session.server.nothing());
    expect_alive(session);
}

TEST(Pass, EveryStatementOfAMessageCounts)
{
    Relay relay;
    auto session = relay.session();
    session.client.send(query("select 1; truncate orders"));
    expect_error(session.client, "42501", "no-truncate");
    EXPECT_EQ(session.client.receive().type, 'Z');
    EXPECT_TRUE(session.server.nothing());
}

TEST(Hold, ApprovedRunsOnTheSameConnection)
{
    Relay relay;
    auto session = relay.session();
    session.client.send(query(risky));
    expect_held(session);
    relay.approve();
    EXPECT_EQ(session.client.receive().text(), "APPROVED · the statement runs now");
    EXPECT_EQ(session.server.receive().body(), std::string(risky) + '\0');
    session.server.send({complete("DELETE 3"), ready()});
    EXPECT_EQ(session.client.receive_types(2), "CZ");
    expect_alive(session);
    EXPECT_EQ(relay.proxy->metrics().holds_released, 1U);
    EXPECT_EQ(relay.proxy->metrics().holds, 0U);
}

TEST(Hold, AnApprovalIsForOneExecution)
{
    Relay relay;
    auto session = relay.session();
    session.client.send(query(risky));
    expect_held(session);
    relay.approve();
    EXPECT_EQ(session.client.receive().type, 'N');
    EXPECT_EQ(session.server.receive().type, 'Q');
    session.server.send({complete("DELETE 3"), ready()});
    EXPECT_EQ(session.client.receive_types(2), "CZ");
    session.client.send(query(risky));
    expect_held(session);
}

TEST(Hold, DeniedOutsideATransactionNeverReachesTheServer)
{
    Relay relay;
    auto session = relay.session();
    session.client.send(query(risky));
    expect_held(session);
    relay.deny();
    expect_error(session.client, "42501", "denied");
    EXPECT_EQ(session.client.receive().body(), "I");
    EXPECT_TRUE(session.server.nothing());
    expect_alive(session);
}

TEST(Hold, DeniedInATransactionFailsItForReal)
{
    Relay relay;
    auto session = relay.session();
    begin(session);
    session.client.send(query(risky));
    expect_held(session);
    relay.deny();
    expect_refusal_query(session.server, 'E');
    expect_error(session.client, "42501", "denied");
    EXPECT_EQ(session.client.receive().body(), "E");
    session.client.send(query("rollback"));
    EXPECT_EQ(session.server.receive().type, 'Q');
    session.server.send({complete("ROLLBACK"), ready()});
    EXPECT_EQ(session.client.receive_types(2), "CZ");
}

TEST(Hold, PipelinedStatementsWaitBehindIt)
{
    Relay relay;
    auto session = relay.session();
    session.client.send({query(risky), query("select 1")});
    expect_held(session);
    relay.approve();
    EXPECT_EQ(session.client.receive().type, 'N');
    EXPECT_EQ(session.server.receive().body(), std::string(risky) + '\0');
    EXPECT_EQ(session.server.receive().body(), std::string("select 1") + '\0');
    session.server.send({complete("DELETE 3"), ready(), complete("SELECT 0"), ready()});
    EXPECT_EQ(session.client.receive_types(4), "CZCZ");
}

TEST(Hold, EarlierAnswersComeFirst)
{
    Relay relay;
    auto session = relay.session();
    session.client.send({query("select 1"), query(risky)});
    EXPECT_EQ(session.server.receive().body(), std::string("select 1") + '\0');
    EXPECT_TRUE(session.client.nothing());
    session.server.send({complete("SELECT 1"), ready()});
    EXPECT_EQ(session.client.receive_types(2), "CZ");
    expect_held(session);
}

TEST(Hold, ADisconnectWithdrawsTheChallenge)
{
    Relay relay;
    auto session = relay.session();
    session.client.send(query(risky));
    expect_held(session);
    const auto id = relay.pending().at(0).id;
    session.client.close();
    EXPECT_EQ(session.server.receive().type, 'X'); // nothing else ever
    EXPECT_TRUE(session.server.closed());
    const auto found = relay.challenges.find(id);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->state, State::cancelled);
}

TEST(Hold, AResetWithdrawsTheChallenge)
{
    Relay relay;
    auto session = relay.session();
    session.client.send(query(risky));
    expect_held(session);
    session.client.reset();
    EXPECT_TRUE(session.server.closed());
    EXPECT_TRUE(relay.nothing_pending());
}

TEST(Hold, NewerBytesMeanThatTheClientGaveUp)
{
    Relay::Setup setup;
    setup.hold.pipelining = std::chrono::milliseconds{0};
    Relay relay{std::move(setup)};
    auto session = relay.session();
    session.client.send(query(risky));
    expect_held(session);
    session.client.send(query("select 1"));
    expect_error(session.client, "57014", "something newer");
    EXPECT_EQ(session.client.receive().type, 'Z');
    EXPECT_EQ(session.server.receive().body(), std::string("select 1") + '\0');
    EXPECT_TRUE(relay.pending().empty());
}

TEST(Hold, CancelRequestAnswersTheHeldStatement)
{
    Relay relay;
    auto session = relay.session();
    session.client.send(query(risky));
    expect_held(session);
    auto other = relay.connect();
    wire::Bytes request;
    protocols::postgres::encode_cancel_request(request, {session.process, wire::as_bytes(session.key)});
    other.send(request);
    EXPECT_TRUE(other.closed());
    expect_error(session.client, "57014", "canceling statement due to user request");
    EXPECT_EQ(session.client.receive().type, 'Z');
    expect_alive(session);
}

TEST(Hold, CancelRequestWithAnotherKeyDoesNothing)
{
    Relay relay;
    auto session = relay.session();
    session.client.send(query(risky));
    expect_held(session);
    auto other = relay.connect();
    wire::Bytes request;
    protocols::postgres::encode_cancel_request(request, {session.process, wire::as_bytes("nope")});
    other.send(request);
    EXPECT_TRUE(other.closed());
    relay.approve();
    EXPECT_EQ(session.client.receive().type, 'N');
    EXPECT_EQ(session.server.receive().type, 'Q');
}

TEST(Hold, CancelOfARunningStatementGoesToTheServer)
{
    Relay relay;
    auto session = relay.session();
    session.client.send(query("select 1"));
    EXPECT_EQ(session.server.receive().type, 'Q');
    auto other = relay.connect();
    wire::Bytes request;
    protocols::postgres::encode_cancel_request(request, {session.process, wire::as_bytes(session.key)});
    other.send(request);
    EXPECT_TRUE(other.closed());
    auto cancel = relay.accept();
    const auto got = cancel.receive_startup();
    const auto packet = protocols::postgres::decode_startup_packet({0, got.bytes});
    ASSERT_TRUE(packet);
    const auto* wish = std::get_if<protocols::postgres::CancelRequest>(&*packet);
    ASSERT_NE(wish, nullptr);
    EXPECT_EQ(wish->process, 4711);
    EXPECT_EQ(wire::as_text(wish->key), std::string(4, '\x09')); // the server's own key, not the client's
}

TEST(Hold, AServerThatDiesEndsIt)
{
    Relay relay;
    auto session = relay.session();
    begin(session);
    session.client.send(query(risky));
    expect_held(session);
    const auto id = relay.pending().at(0).id;
    session.server.send(error("25P03", "FATAL"));
    session.server.close();
    expect_error(session.client, "25P03", "the server says no");
    EXPECT_EQ(session.client.receive().type, 0);
    session.client.close();
    relay.proxy->stop();
    const auto found = relay.challenges.find(id);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->close_reason, "the server ended the session");
}

TEST(Hold, AnApprovalThatComesTooLateReleasesNothing)
{
    Relay::Setup setup;
    setup.hold.timeout = std::chrono::seconds{300};
    Relay relay{std::move(setup)};
    auto session = relay.session();
    session.client.send(query(risky));
    expect_held(session);
    relay.challenges.tick(std::chrono::system_clock::now() + std::chrono::seconds{301});
    expect_error(session.client, "42501", "not approved in 5 min");
    EXPECT_EQ(session.client.receive().type, 'Z');
    EXPECT_TRUE(session.server.nothing());
    expect_alive(session);
}

TEST(Hold, TwoSessionsApprovalsAreNotInterchangeable)
{
    Relay relay;
    auto one = relay.session();
    auto two = relay.session();
    one.client.send(query(risky));
    expect_held(one);
    const auto first = relay.pending().at(0);
    two.client.send(query(risky));
    expect_held(two);
    for (const auto& challenge : relay.pending())
        if (challenge.id != first.id)
            relay.approve(challenge);
    EXPECT_EQ(two.client.receive().type, 'N');
    EXPECT_EQ(two.server.receive().type, 'Q');
    EXPECT_TRUE(one.server.nothing());
    EXPECT_EQ(relay.pending().size(), 1U);
}

TEST(Hold, AStricterPolicyAsksAgain)
{
    Relay relay;
    auto session = relay.session();
    session.client.send(query(risky));
    expect_held(session);
    relay.proxy->reload(make_policy(R"(
[[rule]]
id = "no-delete"
when = {statement = ["delete"]}
then = "deny"
)"));
    relay.approve();
    expect_error(session.client, "42501", "no-delete");
    EXPECT_EQ(session.client.receive().type, 'Z');
    EXPECT_TRUE(session.server.nothing());
}

TEST(Hold, KeepAliveRepeatsAParameter)
{
    Relay::Setup setup;
    setup.hold.keep_alive = std::chrono::milliseconds{1};
    Relay relay{std::move(setup)};
    auto session = relay.session();
    session.client.send(query(risky));
    expect_held(session);
    const auto status = session.client.receive();
    EXPECT_EQ(status.type, 'S');
    EXPECT_EQ(status.body(), std::string("client_encoding\0UTF8\0", 21));
}

TEST(Hold, ReminderSaysWhereToGo)
{
    Relay::Setup setup;
    setup.hold.reminder = std::chrono::milliseconds{1};
    Relay relay{std::move(setup)};
    auto session = relay.session();
    session.client.send(query(risky));
    expect_held(session);
    EXPECT_EQ(session.client.receive().text().find("STILL HELD · approve at"), 0U);
}

TEST(Copy, DataFlowsOnlyWhileTheServerWantsIt)
{
    Relay relay;
    auto session = relay.session();
    session.client.send(query("copy t from stdin"));
    ASSERT_EQ(session.server.receive().type, 'Q');
    session.server.send(raw('G', std::string(3, '\0')));
    EXPECT_EQ(session.client.receive().type, 'G');
    session.client.send({raw('d', "delete from orders\n"), raw('d', "2\n"), raw('c')});
    EXPECT_EQ(session.server.receive_types(3), "ddc");
    session.server.send({complete("COPY 2"), ready()});
    EXPECT_EQ(session.client.receive_types(2), "CZ");
    session.client.send(raw('d', "stray"));
    expect_alive(session); // the stray data was dropped
}

/// A slip of the pen: the server's own words about it are the answer, and nobody is asked.
TEST(Hold, ATextThatDoesNotParseIsTheServersToRefuse)
{
    Relay relay;
    auto session = relay.session();
    for (const char status : {'I', 'E'}) {
        session.client.send(query("selct 1"));
        EXPECT_EQ(session.server.receive().body(), std::string("\0selct 1\0\0\0", 11));
        EXPECT_EQ(session.server.receive_types(2), "CS");
        session.server.send({error("42601"), ready(status)});
        expect_error(session.client, "42601", "");
        EXPECT_EQ(session.client.receive().body(), std::string(1, status));
    }
    session.client.send(query("rollback"));
    EXPECT_EQ(session.server.receive().type, 'Q');
}

} // namespace hold_test
} // namespace stepgate::test
