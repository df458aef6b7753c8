#include "relay.h"

#include "protocols/postgres/startup.h"

#include <gtest/gtest.h>

namespace stepgate::test
{
namespace hold_test
{

using challenge_web::challenges::State;

constexpr const char* risky = "delete from orders";

/// Expects the notice that a statement is held, and nothing of it at the server.
void expect_held(Relay::Session& session)
{
    const auto notice = session.client.receive();
    ASSERT_EQ(notice.type, 'N');
    EXPECT_EQ(notice.text().find("STATEMENT HELD · approve at https://stepgate.example/c/"), 0U) << notice.text();
    EXPECT_NE(notice.text().find(" · code "), std::string::npos);
    EXPECT_TRUE(session.server.nothing());
}

void expect_error(Peer& client, std::string_view code, std::string_view text)
{
    const auto error = client.receive();
    EXPECT_EQ(error.type, 'E');
    EXPECT_EQ(error.code(), code);
    EXPECT_NE(error.text().find(text), std::string::npos) << error.text();
}

/// The statement of its own that the proxy fails a transaction with.
void expect_refusal_query(Peer& server, char status)
{
    const auto refusal = server.receive();
    EXPECT_EQ(refusal.type, 'Q');
    EXPECT_EQ(refusal.body(), std::string("stepgate refused this statement") + '\0');
    server.send({error("42601"), ready(status)});
}

/// The session works: the next statement runs.
void expect_alive(Relay::Session& session, char status = 'I')
{
    session.client.send(query("select 1"));
    EXPECT_EQ(session.server.receive().body(), std::string("select 1") + '\0');
    session.server.send(
        {raw('T', std::string(2, '\0')), raw('D', std::string(2, '\0')), complete("SELECT 1"), ready(status)});
    EXPECT_EQ(session.client.receive_types(4), "TDCZ");
}

void begin(Relay::Session& session)
{
    session.client.send(query("begin"));
    ASSERT_EQ(session.server.receive().type, 'Q');
    session.server.send({complete("BEGIN"), ready('T')});
    ASSERT_EQ(session.client.receive_types(2), "CZ");
}

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

/// FunctionCall with one text argument and a text result.
wire::Bytes function_call(std::uint32_t oid)
{
    std::string body;
    for (int shift = 24; shift >= 0; shift -= 8)
        body.push_back(static_cast<char>((oid >> shift) & 0xff));
    body += std::string("\0\0\0\1\0\0\0\2"
                        "42"
                        "\0\0",
                        12);
    return raw('F', body);
}

TEST(FunctionCall, IsRefusedByDefault)
{
    Relay relay;
    auto session = relay.session();
    session.client.send(function_call(16400));
    expect_error(session.client, "42501", "function calls by number are not allowed");
    EXPECT_EQ(session.client.receive().type, 'Z');
    EXPECT_TRUE(session.server.nothing());
    expect_alive(session);
}

TEST(FunctionCall, ThatIsMalformedEndsTheSession)
{
    Relay relay;
    auto session = relay.session();
    session.client.send(raw('F', "abc"));
    expect_error(session.client, "08P01", "");
    EXPECT_TRUE(session.client.closed());
}

constexpr const char* calls_allowed = R"(
[[rule]]
id = "by-number"
when = {message = ["function_call"]}
then = "allow"
[[rule]]
id = "no-unlink"
when = {calls = ["lo_unlink"]}
then = "deny"
[default]
opaque = {challenge = {level = 1}}
)";

TEST(FunctionCall, OfAnUnknownFunctionIsHeldWhereARuleAllowsCalls)
{
    Relay::Setup setup;
    setup.policy = calls_allowed;
    Relay relay{std::move(setup)};
    auto session = relay.session();
    const auto call = function_call(16400);
    session.client.send(call);
    expect_held(session);
    const auto challenge = relay.pending().at(0);
    ASSERT_EQ(challenge.question.statements.size(), 1U);
    EXPECT_EQ(challenge.question.statements[0].sql, "FunctionCall 16400($1)");
    ASSERT_EQ(challenge.question.statements[0].parameters.size(), 1U);
    EXPECT_EQ(challenge.question.statements[0].parameters[0].value, "42");
    EXPECT_EQ(challenge.question.opaque_reasons,
              std::vector<std::string>{"calls function number 16400, whose name is not known"});
    relay.approve(challenge);
    EXPECT_EQ(session.client.receive().type, 'N');
    const auto passed = session.server.receive();
    EXPECT_EQ(passed.bytes, call); // the same bytes
    session.server.send({raw('V', std::string(4, '\xff')), ready()});
    EXPECT_EQ(session.client.receive_types(2), "VZ");
    expect_alive(session);
}

TEST(FunctionCall, OfALargeObjectFunctionIsJudgedByItsName)
{
    Relay::Setup setup;
    setup.policy = calls_allowed;
    Relay relay{std::move(setup)};
    auto session = relay.session();
    session.client.send(function_call(964));
    expect_error(session.client, "42501", "statement refused by rule no-unlink");
    EXPECT_EQ(session.client.receive().type, 'Z');
    EXPECT_TRUE(session.server.nothing());
}

TEST(FunctionCall, DeniedInATransactionFailsItForReal)
{
    Relay relay;
    auto session = relay.session();
    begin(session);
    session.client.send(function_call(16400));
    expect_refusal_query(session.server, 'E');
    expect_error(session.client, "42501", "function calls");
    EXPECT_EQ(session.client.receive().body(), "E");
}

TEST(FunctionCall, IsObservedWhereNothingIsHeld)
{
    Relay::Setup setup;
    setup.listener.mode = proxy::session::Mode::observe;
    Relay relay{std::move(setup)};
    auto session = relay.session();
    session.client.send(function_call(16400));
    EXPECT_EQ(session.server.receive().type, 'F');
    session.server.send({raw('V', std::string(4, '\xff')), ready()});
    EXPECT_EQ(session.client.receive_types(2), "VZ");
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

// Extended protocol

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
    session.client.send({parse("", risky), bind("", ""), execute(), sync()});
    EXPECT_EQ(session.server.receive_types(2), "PH");
    session.server.send(raw('1'));
    EXPECT_EQ(session.client.receive().type, '1');
    expect_held(session);
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

    session.client.send({parse("", risky), bind("", ""), execute(), sync()}); // what ran before is committed
    EXPECT_EQ(session.server.receive_types(2), "PH");
    session.server.send(raw('1'));
    EXPECT_EQ(session.client.receive().type, '1');
    expect_held(session);
    EXPECT_EQ(time_to_answer(relay), proxy::session::HoldOptions{}.timeout);
}

TEST(Extended, ThereIsLessTimeInATransactionBlock)
{
    Relay relay;
    auto session = relay.session();
    begin(session);
    session.client.send({parse("", risky), bind("", ""), execute(), sync()});
    EXPECT_EQ(session.server.receive_types(2), "PH");
    session.server.send(raw('1'));
    EXPECT_EQ(session.client.receive().type, '1');
    expect_held(session);
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
    expect_held(session);
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
