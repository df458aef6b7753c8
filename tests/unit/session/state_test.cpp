#include "relay.h"

#include "protocols/postgres/startup.h"

#include <gtest/gtest.h>

namespace stepgate::test
{
namespace state_test
{

// What the state decides here: with another encoding than UTF8 nobody knows where a literal with such bytes ends.
constexpr const char* text = "select '\xc3\xa9'";
constexpr const char* change = "set client_encoding = 'SJIS'";

void run(Relay::Session& session, std::string_view sql, std::string_view tag, char status = 'I')
{
    session.client.send(query(sql));
    ASSERT_EQ(session.server.receive().body(), std::string{sql} + '\0');
    session.server.send({complete(tag), ready(status)});
    ASSERT_EQ(session.client.receive_types(2), "CZ");
}

void expect_held(Relay::Session& session)
{
    EXPECT_EQ(session.client.receive().text().find("STATEMENT HELD"), 0U);
    EXPECT_TRUE(session.server.nothing());
}

/// It is no slip of the pen: the server can read it.
void expect_asked_and_held(Relay::Session& session, char status = 'I')
{
    EXPECT_EQ(session.server.receive_types(3), "PCS");
    session.server.send({raw('1'), raw('3'), ready(status)});
    expect_held(session);
}

void expect_parsed_and_held(Relay::Session& session)
{
    EXPECT_EQ(session.server.receive_types(2), "PH");
    session.server.send(raw('1'));
    EXPECT_EQ(session.client.receive().type, '1');
    expect_held(session);
}

TEST(State, SetTakesEffectWhenItSucceeded)
{
    Relay relay;
    auto session = relay.session();
    run(session, text, "SELECT 0");
    run(session, change, "SET");
    session.client.send(query(text));
    expect_asked_and_held(session);
}

TEST(State, APipelinedSetIsWaitedFor)
{
    Relay relay;
    auto session = relay.session();
    session.client.send({query(change), query(text)});
    EXPECT_EQ(session.server.receive().type, 'Q');
    EXPECT_TRUE(session.server.nothing());
    session.server.send({complete("SET"), ready()});
    EXPECT_EQ(session.client.receive_types(2), "CZ");
    expect_asked_and_held(session);
}

TEST(State, APipelinedSetInAGroupIsWaitedFor)
{
    Relay relay;
    auto session = relay.session();
    session.client.send({parse("", change), bind("", ""), execute(), parse("", text), bind("", ""), execute(), sync()});
    EXPECT_EQ(session.server.receive_types(4), "PBEH"); // in which encoding the second text is, SET will tell
    session.server.send({raw('1'), raw('2'), complete("SET")});
    EXPECT_EQ(session.client.receive_types(3), "12C");
    expect_parsed_and_held(session);
}

// An approval of the first would release the last, judged as if the one between them had not run.
TEST(State, ASetInAHeldBatchCountsForWhatFollows)
{
    Relay relay;
    auto session = relay.session();
    session.client.send({parse("", "delete from t"), bind("", ""), execute(), parse("", change), bind("", ""),
                         execute(), parse("", text), bind("", ""), execute(), sync()});
    EXPECT_EQ(session.server.receive_types(2), "PH");
    session.server.send(raw('1'));
    EXPECT_EQ(session.client.receive().type, '1');
    expect_held(session);
    relay.approve();
    EXPECT_EQ(session.client.receive().text(), "APPROVED · the statement runs now");
    EXPECT_EQ(session.server.receive_types(6), "BEPBEH");
    session.server.send({raw('2'), complete("DELETE 1"), raw('1'), raw('2'), complete("SET")});
    EXPECT_EQ(session.client.receive_types(5), "2C12C");
    expect_parsed_and_held(session);
}

TEST(State, AFailedSetChangesNothing)
{
    Relay relay;
    auto session = relay.session();
    session.client.send(query(change));
    EXPECT_EQ(session.server.receive().type, 'Q');
    session.server.send({error("22023"), ready()});
    EXPECT_EQ(session.client.receive_types(2), "EZ");
    run(session, text, "SELECT 0");
}

TEST(State, RollbackTakesASetBack)
{
    Relay relay;
    auto session = relay.session();
    run(session, "begin", "BEGIN", 'T');
    run(session, change, "SET", 'T');
    run(session, "rollback", "ROLLBACK");
    run(session, text, "SELECT 0");
}

TEST(State, ACommitThatRolledBackTakesASetBack)
{
    Relay relay;
    auto session = relay.session();
    run(session, change, "SET");
    run(session, "begin", "BEGIN", 'T');
    run(session, "set client_encoding = 'UTF8'", "SET", 'T');
    session.client.send(query("select 1/0"));
    EXPECT_EQ(session.server.receive().type, 'Q');
    session.server.send({error("22012"), ready('E')});
    EXPECT_EQ(session.client.receive_types(2), "EZ");
    run(session, "commit", "ROLLBACK");
    session.client.send(query(text));
    expect_asked_and_held(session); // SJIS again
}

TEST(State, APreparedStatementIsJudgedWithTheStateOfItsExecution)
{
    Relay relay;
    auto session = relay.session();
    session.client.send({parse("s", text), bind("", "s"), execute(), sync()});
    EXPECT_EQ(session.server.receive_types(4), "PBES");
    session.server.send({raw('1'), raw('2'), complete("SELECT 0"), ready()});
    EXPECT_EQ(session.client.receive_types(4), "12CZ");
    run(session, change, "SET");
    session.client.send({bind("", "s"), execute(), sync()});
    expect_held(session);
}

TEST(State, ANewPolicyIsForTheNextExecution)
{
    Relay relay;
    auto session = relay.session();
    session.client.send({parse("s", "select y from u"), bind("", "s"), execute(), sync()});
    EXPECT_EQ(session.server.receive_types(4), "PBES");
    session.server.send({raw('1'), raw('2'), complete("SELECT 0"), ready()});
    EXPECT_EQ(session.client.receive_types(4), "12CZ");
    relay.proxy->reload(
        make_policy("[[rule]]\nid = \"nothing\"\nwhen = {statement = [\"select\"]}\nthen = \"deny\"\n"));
    session.client.send({bind("", "s"), execute(), sync()});
    EXPECT_EQ(session.server.receive().type, 'P'); // the refusal
    session.server.send(error("42601"));
    EXPECT_EQ(session.client.receive().code(), "42501");
}

TEST(State, APortalOfAnEarlierGroupIsJudgedAgain)
{
    Relay relay;
    auto session = relay.session();
    run(session, "begin", "BEGIN", 'T');
    session.client.send({parse("s", "select y from u"), bind("p", "s"), sync()});
    EXPECT_EQ(session.server.receive_types(3), "PBS");
    session.server.send({raw('1'), raw('2'), ready('T')});
    EXPECT_EQ(session.client.receive_types(3), "12Z");
    relay.proxy->reload(
        make_policy("[[rule]]\nid = \"nothing\"\nwhen = {statement = [\"select\"]}\nthen = \"deny\"\n"));
    session.client.send({execute("p"), sync()});
    EXPECT_EQ(session.server.receive().type, 'P'); // the refusal
    session.server.send(error("42601"));
    EXPECT_EQ(session.client.receive().code(), "42501");
}

/// EXECUTE looks its name up when it runs, as functions look up theirs.
TEST(State, APortalIsJudgedAgainWhereItsGroupChangesNames)
{
    Relay relay;
    auto session = relay.session();
    run(session, "prepare e as select y from u", "PREPARE");
    session.client.send({parse("", "execute e"), bind("p", ""), parse("", "deallocate e"), bind("", ""), execute(),
                         parse("", "prepare e as delete from t"), bind("", ""), execute(), execute("p"), sync()});
    EXPECT_EQ(session.server.receive_types(6), "PBPBEH");
    session.server.send({raw('1'), raw('2'), raw('1'), raw('2'), complete("DEALLOCATE")});
    EXPECT_EQ(session.client.receive_types(5), "1212C");
    EXPECT_EQ(session.server.receive_types(4), "PBEH");
    session.server.send({raw('1'), raw('2'), complete("PREPARE")});
    EXPECT_EQ(session.client.receive_types(3), "12C");
    expect_held(session);
}

TEST(State, APortalWhoseGroupChangesNothingOfItsOwnIsJudgedOnce)
{
    Relay relay;
    auto session = relay.session();
    session.client.send({parse("", "select y from u"), bind("p", ""), parse("", "prepare e as select 1"), bind("", ""),
                         execute(), execute("p"), sync()});
    EXPECT_EQ(session.server.receive_types(6), "PBPBEH");
    session.server.send({raw('1'), raw('2'), raw('1'), raw('2'), complete("PREPARE")});
    EXPECT_EQ(session.client.receive_types(5), "1212C");
    EXPECT_EQ(session.server.receive_types(2), "ES");
    session.server.send({complete("SELECT 0"), ready()});
    EXPECT_EQ(session.client.receive_types(2), "CZ");
}

void prepare(Relay::Session& session, std::string_view name, std::string_view sql)
{
    session.client.send({parse(name, sql), sync()});
    ASSERT_EQ(session.server.receive_types(2), "PS");
    session.server.send({raw('1'), ready()});
    ASSERT_EQ(session.client.receive_types(2), "1Z");
}

// What a message said does not count if the server refused or skipped it. Each of these read a column of personal data
// before names waited for the server's answer.
TEST(Names, AParseThatTheServerRefusesDoesNotStandForTheOldStatement)
{
    Relay relay;
    auto session = relay.session();
    prepare(session, "s", "delete from t");
    session.client.send({parse("s", "select y from u"), sync(), bind("", "s"), execute(), sync()});
    EXPECT_EQ(session.server.receive_types(2), "PS");
    EXPECT_TRUE(session.server.nothing());
    session.server.send({error("42P05"), ready()});
    EXPECT_EQ(session.client.receive_types(2), "EZ");
    expect_held(session);
}

TEST(Names, AParseThatTheServerSkipsDoesNotStandForTheOldStatement)
{
    Relay relay;
    auto session = relay.session();
    prepare(session, "", "delete from t");
    session.client.send({parse("n", "bogus"), parse("", "select y from u"), sync(), bind("", ""), execute(), sync()});
    EXPECT_EQ(session.server.receive_types(3), "PPS");
    EXPECT_TRUE(session.server.nothing());
    session.server.send({error("42601"), ready()});
    EXPECT_EQ(session.client.receive_types(2), "EZ");
    expect_held(session);
}

TEST(Names, OfAPipelineOnOneNameNothingWaits)
{
    Relay relay;
    auto session = relay.session();
    session.client.send({parse("", "select y from u"), bind("", ""), execute(), sync(), parse("", "select y from u"),
                         bind("", ""), execute(), sync()});
    EXPECT_EQ(session.server.receive_types(8), "PBESPBES");
}

TEST(Names, SqlSeesOnlyWhatTheServerAccepted)
{
    Relay relay;
    auto session = relay.session();
    prepare(session, "s", "delete from t");
    session.client.send({parse("", "bogus"), raw('C', std::string("Ss\0", 3)), parse("s", "select y from u"), sync()});
    EXPECT_EQ(session.server.receive_types(4), "PCPS");
    session.server.send({error("42601"), ready()});
    EXPECT_EQ(session.client.receive_types(2), "EZ");
    session.client.send(query("execute s"));
    expect_held(session);
}

TEST(Names, SqlWaitsForTheNamesOfTheWire)
{
    Relay relay;
    auto session = relay.session();
    prepare(session, "s", "select y from u");
    session.client.send({raw('C', std::string("Ss\0", 3)), parse("s", "delete from t"), sync(), query("execute s")});
    EXPECT_EQ(session.server.receive_types(3), "CPS");
    EXPECT_TRUE(session.server.nothing());
    session.server.send({raw('3'), raw('1'), ready()});
    EXPECT_EQ(session.client.receive_types(3), "31Z");
    expect_held(session);
}

TEST(Names, APortalThatTheServerDidNotOpenDoesNotStandForTheOldOne)
{
    Relay relay;
    auto session = relay.session();
    run(session, "begin", "BEGIN", 'T');
    session.client.send({parse("s", "select y from u"), bind("p", "s"), sync()});
    EXPECT_EQ(session.server.receive_types(3), "PBS");
    session.server.send({raw('1'), raw('2'), ready('T')});
    EXPECT_EQ(session.client.receive_types(3), "12Z");
    session.client.send({bind("p", "s"), sync(), execute("p"), sync()});
    EXPECT_EQ(session.server.receive_types(2), "BS");
    EXPECT_TRUE(session.server.nothing());
}

TEST(Passthrough, TheServerAuthenticatesAndTheStatementsAreJudged)
{
    Relay::Setup setup;
    setup.listener.authentication = proxy::session::Authentication::passthrough;
    Relay relay{std::move(setup)};
    auto client = relay.connect();
    client.send(startup("dave"));
    auto server = relay.accept();
    const auto packet = server.receive_startup();
    const auto decoded = protocols::postgres::decode_startup_packet({0, packet.bytes});
    ASSERT_TRUE(decoded);
    EXPECT_EQ(std::get<protocols::postgres::Startup>(*decoded).find("user"), "dave");
    // SCRAM-SHA-256-PLUS cannot span two connections: taken out of the offer.
    server.send(raw('R', std::string("\0\0\0\12SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0", 38)));
    EXPECT_EQ(client.receive().body(), std::string("\0\0\0\12SCRAM-SHA-256\0\0", 19));
    client.send(raw('p', "anything"));
    EXPECT_EQ(server.receive().body(), "anything");
    server.send({raw('R', std::string(4, '\0')), raw('S', std::string("client_encoding\0UTF8\0", 21)),
                 raw('K', std::string("\0\0\0\1\1\2\3\4", 8)), ready()});
    relay.answer_start_state(server);
    EXPECT_EQ(client.receive_types(4), "RSKZ");
    client.send(query("truncate t"));
    EXPECT_EQ(client.receive().code(), "42501");
}

TEST(Passthrough, TheServersRefusalIsTheClients)
{
    Relay::Setup setup;
    setup.listener.authentication = proxy::session::Authentication::passthrough;
    Relay relay{std::move(setup)};
    auto client = relay.connect();
    client.send(startup("dave"));
    auto server = relay.accept();
    EXPECT_FALSE(server.receive_startup().bytes.empty());
    server.send(error("28P01", "FATAL"));
    EXPECT_EQ(client.receive().code(), "28P01");
}

} // namespace state_test
} // namespace stepgate::test
