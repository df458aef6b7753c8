#include "relay.h"

#include "policies/catalog/catalog.h"
#include "protocols/postgres/query.h"
#include "protocols/postgres/startup.h"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

// The second line of defence: labelled origins in the server's descriptions.

namespace stepgate::test
{
namespace rows_test
{

namespace pg = protocols::postgres;
namespace catalog = policies::catalog;

constexpr std::uint32_t customers = 16500;
// The text of it shows nothing; the server knows better.
constexpr const char* innocent = "select s from harmless_view";

constexpr const char* policy = R"(
[[label]]
table = "public.customers"
columns = {ssn = ["pii"], email = ["pii"]}
[[rule]]
id = "read-pii"
when = {reads = {labels = ["pii"]}, user = {not_in = ["bob"]}}
then = {challenge = {level = 1}}
because = "Personal data"
[[rule]]
id = "no-email"
when = {reads = {columns = ["email"], tables = ["public.customers"]}}
then = "deny"
)";

Relay::Setup watching()
{
    catalog::Contents contents;
    contents.schemas = {"public"};
    catalog::Relation relation;
    relation.oid = customers;
    relation.schema = "public";
    relation.name = "customers";
    for (const char* name : {"id", "ssn", "email"}) {
        catalog::Column column;
        column.name = name;
        column.number = static_cast<std::int16_t>(relation.columns.size() + 1);
        relation.columns.push_back(column);
    }
    contents.relations.push_back(relation);
    Relay::Setup setup;
    setup.policy = policy;
    setup.catalog = std::make_shared<const catalog::Catalog>(std::move(contents));
    return setup;
}

wire::Bytes description(std::uint32_t table, std::int16_t number)
{
    pg::Column column;
    column.name = "s";
    column.table = table;
    column.number = number;
    column.type = 25;
    wire::Bytes out;
    pg::encode_row_description(out, {column});
    return out;
}

wire::Bytes row(std::string_view value = "123-45-6789")
{
    return raw('D', std::string("\0\1\0\0\0\xb", 6) + std::string{value});
}

void expect_rows_held(Relay::Session& session)
{
    const auto notice = session.client.receive();
    ASSERT_EQ(notice.type, 'N');
    EXPECT_EQ(notice.text().find("STATEMENT HELD"), 0U) << notice.text();
    EXPECT_TRUE(session.client.nothing());
}

void expect_error(Peer& client, std::string_view code)
{
    const auto error = client.receive();
    EXPECT_EQ(error.type, 'E');
    EXPECT_EQ(error.code(), code);
}

/// The CancelRequest for the session's process at the server.
void expect_cancel(Relay& relay)
{
    auto cancel = relay.accept();
    const auto got = cancel.receive_startup();
    const auto packet = pg::decode_startup_packet({0, got.bytes});
    ASSERT_TRUE(packet);
    const auto* wish = std::get_if<pg::CancelRequest>(&*packet);
    ASSERT_NE(wish, nullptr);
    EXPECT_EQ(wish->process, 4711);
}

void expect_alive(Relay::Session& session, char status = 'I')
{
    session.client.send(query("select 1"));
    EXPECT_EQ(session.server.receive().body(), std::string("select 1") + '\0');
    session.server.send({description(0, 0), row(), complete("SELECT 1"), ready(status)});
    EXPECT_EQ(session.client.receive_types(4), "TDCZ");
}

/// The innocent query is on its way and its description has come; its rows too.
void ask(Relay::Session& session, char status = 'I')
{
    session.client.send(query(innocent));
    ASSERT_EQ(session.server.receive().type, 'Q');
    session.server.send({description(customers, 2), row(), complete("SELECT 1"), ready(status)});
    ASSERT_EQ(session.client.receive().type, 'T');
}

TEST(Rows, WaitForAnApproval)
{
    Relay relay{watching()};
    auto session = relay.session();
    ask(session);
    expect_rows_held(session);
    const auto challenge = relay.pending().at(0);
    EXPECT_EQ(challenge.question.statements.at(0).sql, innocent);
    EXPECT_EQ(challenge.question.verdict.rules, std::vector<std::string>{"read-pii"});
    EXPECT_EQ(challenge.question.verdict.labels, std::vector<std::string>{"pii"});
    const auto& tables = challenge.question.tables;
    EXPECT_NE(std::ranges::find(tables, "public.customers (ssn)"), tables.end());
    EXPECT_NE(challenge.question.opaque_reasons.at(0).find("comes from public.customers (ssn)"), std::string::npos);
    relay.approve(challenge);
    EXPECT_EQ(session.client.receive().text(), "APPROVED · the statement runs now");
    EXPECT_EQ(session.client.receive_types(3), "DCZ");
    expect_alive(session);
    EXPECT_EQ(relay.proxy->metrics().holds_released, 1U);
}

TEST(Rows, AreNeverSentAfterADenial)
{
    Relay relay{watching()};
    auto session = relay.session();
    ask(session);
    expect_rows_held(session);
    relay.deny();
    expect_error(session.client, "42501");
    expect_cancel(relay);
    EXPECT_EQ(session.client.receive().body(), "I");
    expect_alive(session);
}

TEST(Rows, OfACancelledQueryLeaveOneError)
{
    Relay relay{watching()};
    auto session = relay.session();
    session.client.send(query(innocent));
    ASSERT_EQ(session.server.receive().type, 'Q');
    session.server.send({description(customers, 2), row()});
    ASSERT_EQ(session.client.receive().type, 'T');
    expect_rows_held(session);
    relay.deny();
    expect_error(session.client, "42501");
    expect_cancel(relay);
    session.server.send({row(), row(), error("57014"), ready()});
    EXPECT_EQ(session.client.receive().body(), "I");
    expect_alive(session);
}

TEST(Rows, DeniedInATransactionFailItForReal)
{
    Relay relay{watching()};
    auto session = relay.session();
    session.client.send(query("begin"));
    ASSERT_EQ(session.server.receive().type, 'Q');
    session.server.send({complete("BEGIN"), ready('T')});
    ASSERT_EQ(session.client.receive_types(2), "CZ");
    ask(session, 'T');
    expect_rows_held(session);
    relay.deny();
    expect_error(session.client, "42501");
    expect_cancel(relay);
    EXPECT_EQ(session.server.receive().body(), std::string("stepgate refused this statement") + '\0');
    session.server.send({error("42601"), ready('E')});
    EXPECT_EQ(session.client.receive().body(), "E");
}

TEST(Rows, AreDeniedWithoutAQuestionByARule)
{
    Relay relay{watching()};
    auto session = relay.session();
    session.client.send(query(innocent));
    ASSERT_EQ(session.server.receive().type, 'Q');
    session.server.send({description(customers, 3), row(), complete("SELECT 1"), ready()});
    ASSERT_EQ(session.client.receive().type, 'T');
    expect_error(session.client, "42501");
    expect_cancel(relay);
    EXPECT_EQ(session.client.receive().type, 'Z');
}

TEST(Rows, ACancelRequestEndsTheWait)
{
    Relay relay{watching()};
    auto session = relay.session();
    ask(session);
    expect_rows_held(session);
    wire::Bytes request;
    pg::encode_cancel_request(request, {session.process, wire::as_bytes(session.key)});
    relay.connect().send(request);
    expect_error(session.client, "57014");
    expect_cancel(relay);
    EXPECT_EQ(session.client.receive().type, 'Z');
}

TEST(Rows, AClientThatLeavesWithdrawsTheQuestion)
{
    Relay relay{watching()};
    auto session = relay.session();
    ask(session);
    expect_rows_held(session);
    session.client.close();
    EXPECT_TRUE(session.server.closed());
    EXPECT_TRUE(relay.nothing_pending());
}

TEST(Rows, OfAWholeRowWait)
{
    Relay relay{watching()};
    auto session = relay.session();
    session.client.send(query(innocent));
    ASSERT_EQ(session.server.receive().type, 'Q');
    session.server.send({description(customers, 0), row()});
    ASSERT_EQ(session.client.receive().type, 'T');
    expect_error(session.client, "42501"); // email is among the columns
}

TEST(Rows, WithoutLabelsFlow)
{
    Relay relay{watching()};
    auto session = relay.session();
    for (const auto& [table, number] : {std::pair{customers, 1}, std::pair{customers + 1, 2}, std::pair{0U, 0}}) {
        session.client.send(query(innocent));
        ASSERT_EQ(session.server.receive().type, 'Q');
        session.server.send(
            {description(table, static_cast<std::int16_t>(number)), row(), complete("SELECT 1"), ready()});
        EXPECT_EQ(session.client.receive_types(4), "TDCZ");
    }
}

TEST(Rows, FlowToWhomTheRulesSpare)
{
    Relay relay{watching()};
    auto session = relay.session("bob");
    ask(session);
    EXPECT_EQ(session.client.receive_types(3), "DCZ");
}

TEST(Rows, AReadThatTheTextShowsIsAskedForOnce)
{
    Relay relay{watching()};
    auto session = relay.session();
    session.client.send(query("select ssn from public.customers"));
    expect_rows_held(session);
    relay.approve();
    EXPECT_EQ(session.client.receive().type, 'N');
    ASSERT_EQ(session.server.receive().type, 'Q');
    session.server.send({description(customers, 2), row(), complete("SELECT 1"), ready()});
    EXPECT_EQ(session.client.receive_types(4), "TDCZ");
}

TEST(Rows, OfAPortalThatTheClientDescribes)
{
    Relay relay{watching()};
    auto session = relay.session();
    session.client.send({parse("", innocent), bind("", ""), raw('D', std::string("P\0", 2)), execute(), sync()});
    ASSERT_EQ(session.server.receive_types(5), "PBDES");
    session.server.send({raw('1'), raw('2'), description(customers, 2), row(), complete("SELECT 1"), ready()});
    EXPECT_EQ(session.client.receive_types(3), "12T");
    expect_rows_held(session);
    relay.approve();
    EXPECT_EQ(session.client.receive_types(4), "NDCZ");
    expect_alive(session);
}

TEST(Rows, OfAPortalThatNobodyDescribed)
{
    Relay relay{watching()};
    auto session = relay.session();
    session.client.send({parse("", innocent), bind("", ""), execute(), sync()});
    ASSERT_EQ(session.server.receive_types(5), "PBDES"); // the Describe is the proxy's
    session.server.send({raw('1'), raw('2'), description(customers, 2), row(), complete("SELECT 1"), ready()});
    EXPECT_EQ(session.client.receive_types(2), "12"); // its answer is not for the client
    expect_rows_held(session);
    relay.deny();
    expect_error(session.client, "42501");
    expect_cancel(relay);
    EXPECT_EQ(session.client.receive().body(), "I");
    expect_alive(session);
}

TEST(Rows, AnErrorAboutADescriptionThatNobodyAskedForIsTheExecutes)
{
    Relay relay{watching()};
    auto session = relay.session();
    session.client.send({parse("", innocent), bind("", ""), execute(), sync()});
    ASSERT_EQ(session.server.receive_types(5), "PBDES");
    session.server.send({raw('1'), raw('2'), error("25P02"), ready()});
    EXPECT_EQ(session.client.receive_types(4), "12EZ");
}

TEST(Rows, DeniedBeforeTheSyncAreDiscardedUpToIt)
{
    Relay relay{watching()};
    auto session = relay.session();
    session.client.send({parse("", innocent), bind("", ""), execute(), raw('H')});
    ASSERT_EQ(session.server.receive_types(5), "PBDEH");
    session.server.send({raw('1'), raw('2'), description(customers, 2), row(), complete("SELECT 1")});
    EXPECT_EQ(session.client.receive_types(2), "12");
    expect_rows_held(session);
    relay.deny();
    expect_error(session.client, "42501");
    expect_cancel(relay);
    EXPECT_EQ(session.server.receive().type, 'P'); // fails the server's group for real
    session.server.send(error("42601"));
    session.client.send({bind("", ""), execute(), sync()});
    EXPECT_EQ(session.server.receive().type, 'S'); // what came before it is discarded
    session.server.send(ready());
    EXPECT_EQ(session.client.receive().type, 'Z');
    expect_alive(session);
}

TEST(Rows, OfAStatementDescribedBeforeAreAskedForBeforeItRuns)
{
    Relay relay{watching()};
    auto session = relay.session();
    session.client.send({parse("s", innocent), raw('D', std::string("Ss\0", 3)), sync()});
    ASSERT_EQ(session.server.receive_types(3), "PDS");
    session.server.send({raw('1'), raw('t', std::string(2, '\0')), description(customers, 2), ready()});
    EXPECT_EQ(session.client.receive_types(4), "1tTZ");
    session.client.send({bind("", "s"), execute(), sync()});
    expect_rows_held(session);
    EXPECT_TRUE(session.server.nothing()); // not even the Bind
    relay.approve();
    EXPECT_EQ(session.client.receive().type, 'N');
    ASSERT_EQ(session.server.receive_types(3), "BES");
    session.server.send({raw('2'), row(), complete("SELECT 1"), ready()});
    EXPECT_EQ(session.client.receive_types(4), "2DCZ");
}

TEST(Rows, DeniedWithMoreBehindThemEndTheSession)
{
    Relay relay{watching()};
    auto session = relay.session();
    session.client.send({parse("", innocent), bind("", ""), execute(), parse("", "insert into t values (1)"),
                         bind("", ""), execute(), sync()});
    ASSERT_EQ(session.server.receive_types(9), "PBDEPBDES");
    session.server.send({raw('1'), raw('2'), description(customers, 2), row(), complete("SELECT 1")});
    EXPECT_EQ(session.client.receive_types(2), "12");
    expect_rows_held(session);
    relay.deny();
    const auto fatal = session.client.receive();
    EXPECT_EQ(fatal.code(), "42501");
    EXPECT_TRUE(session.client.closed());
    EXPECT_TRUE(session.server.closed()); // whatever was not committed is rolled back
}

TEST(Rows, AreNotReadWhileTheyWait)
{
    Relay relay{watching()};
    auto session = relay.session();
    ask(session);
    expect_rows_held(session);
    const std::vector<std::byte> much(1 << 16);
    std::size_t sent = 0;
    const std::size_t all = std::size_t{64} << 20;
    for (int patience = 0; sent < all && patience < 200;) {
        const auto got = ::send(session.server.descriptor(), much.data(), much.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (got > 0) {
            sent += static_cast<std::size_t>(got);
            continue;
        }
        ++patience; // the kernel's buffers fill up; nobody empties them
        ::usleep(1000);
    }
    EXPECT_LT(sent, all);
}

} // namespace rows_test
} // namespace stepgate::test
