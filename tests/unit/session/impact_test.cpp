#include "relay.h"

#include "policies/catalog/catalog.h"
#include "proxy/upstream/impact_estimator.h"
#include "proxy/upstream/mysql_impact.h"
#include "proxy/upstream/postgres_impact.h"

#include <gtest/gtest.h>

#include <future>
#include <mutex>

namespace stepgate::test
{
namespace impact_test
{

using proxy::upstream::ImpactEstimate;
using proxy::upstream::ImpactEstimator;
using proxy::upstream::ImpactRequest;
using proxy::upstream::PlanSummary;
using proxy::upstream::read_plan;
using Strings = std::vector<std::string>;

TEST(ImpactPlan, IsReadAsTheServerWritesIt)
{
    struct Row {
        const char* name;
        const char* json;
        std::int64_t rows;
        Strings tables;
        bool selects = false;
    };
    const Row rows[] = {
        {"a scan",
         R"([{"Plan": {"Node Type": "Seq Scan", "Schema": "public", "Relation Name": "orders", "Plan Rows": 800}}])",
         800,
         {"public.orders"}},
        {"a DELETE says 0 of itself",
         R"([{"Plan": {"Node Type": "ModifyTable", "Operation": "Delete", "Schema": "public", "Relation Name": "orders",
              "Plan Rows": 0, "Plans": [{"Node Type": "Seq Scan", "Parent Relationship": "Outer", "Schema": "public",
              "Relation Name": "orders", "Plan Rows": 42}]}}])",
         42,
         {"public.orders"}},
        {"what is only looked up is not changed",
         R"([{"Plan": {"Node Type": "ModifyTable", "Relation Name": "a", "Plan Rows": 0, "Plans": [
              {"Node Type": "Aggregate", "Parent Relationship": "InitPlan", "Plan Rows": 1,
               "Plans": [{"Node Type": "Seq Scan", "Relation Name": "b", "Plan Rows": 9}]},
              {"Node Type": "Seq Scan", "Parent Relationship": "Outer", "Relation Name": "a", "Plan Rows": 7}]}}])",
         7,
         {"a", "b"}},
        {"no table", R"([{"Plan": {"Node Type": "Result", "Plan Rows": 1}}])", 1, {}},
        {"a condition",
         R"([{"Plan": {"Node Type": "Limit", "Plan Rows": 1, "Plans": [{"Node Type": "Index Scan", "Plan Rows": 7,
              "Index Cond": "a.x = 1"}]}
}])",
         1,
         {},
         true},
        {"groups", R"([{"Plan": {"Node Type": "Aggregate", "Group Key": ["a.x"], "Plan Rows": 3}}])", 3, {}, true},
        {"distinct", R"([{"Plan": {"Node Type": "Unique", "Plan Rows": 3}}])", 3, {}, true},
    };
    for (const auto& row : rows) {
        PlanSummary plan;
        EXPECT_TRUE(read_plan(row.json, plan)) << row.name;
        EXPECT_EQ(plan.rows, row.rows) << row.name;
        EXPECT_EQ(plan.tables, row.tables) << row.name;
        EXPECT_EQ(plan.selects, row.selects) << row.name;
    }
}

TEST(ImpactPlan, NonsenseIsRefused)
{
    for (const char* json : {"", "{}", "[]", "[1]", "[{}]", R"([{"Plan": 1}])", "[{\"Plan\": {"}) {
        PlanSummary plan;
        EXPECT_FALSE(read_plan(json, plan)) << json;
    }
}

TEST(ImpactPlan, OfMySqlCountsTheStatementsOwnRows)
{
    struct Row {
        const char* name;
        std::vector<proxy::upstream::MySqlPlanRow> plan;
        std::optional<std::int64_t> rows;
    };
    const Row rows[] = {
        {"one table", {{1, "DELETE", 100, 100, "Using where"}}, 100},
        {"every row of MariaDB", {{1, "SIMPLE", 800, 100, "Deleting all rows"}}, 800},
        {"tables that are joined", {{1, "SIMPLE", 200, 10, ""}, {1, "UPDATE", 4, 100, ""}}, 80},
        {"where they are inserted says nothing", {{1, "INSERT", {}, 100, ""}, {1, "SIMPLE", 49, 100, ""}}, 49},
        {"values", {{1, "INSERT", {}, 100, ""}}, {}},
        {"no table", {{1, "SIMPLE", {}, 100, "No tables used"}}, {}},
        {"a UNION", {{1, "PRIMARY", 200, 100, ""}, {2, "UNION", 700, 100, ""}, {0, "UNION RESULT", {}, 100, ""}}, 900},
        {"one that may be of a derived table",
         {{1, "PRIMARY", 10, 100, ""}, {2, "DERIVED", 5, 100, ""}, {3, "UNION", 5, 100, ""}},
         {}},
        {"a subquery", {{1, "DELETE", 1, 100, ""}, {2, "SUBQUERY", 700, 100, ""}}, 1},
        {"nothing is found", {{1, "SIMPLE", {}, 100, "Impossible WHERE noticed after reading const tables"}}, 0},
        {"the same of MySQL", {{1, "SIMPLE", {}, 100, "no matching row in const table"}}, 0},
        {"a join of everything",
         {{1, "SIMPLE", 1'000'000'000, 100, ""}, {1, "SIMPLE", 1'000'000'000, 100, ""}},
         1'000'000'000'000'000},
        {"nothing at all", {}, {}},
    };
    for (const auto& row : rows)
        EXPECT_EQ(proxy::upstream::planned_rows(row.plan), row.rows) << row.name;
}

TEST(ImpactEstimator, AnswersOnAThreadOfItsOwn)
{
    std::promise<std::thread::id> answered;
    ImpactEstimator estimator{1, 10, [](const ImpactRequest&) { return ImpactEstimate{5, {}, {}, {}, {}}; }};
    estimator.ask({}, [&](ImpactEstimate estimate) {
        EXPECT_EQ(estimate.rows, 5);
        answered.set_value(std::this_thread::get_id());
    });
    EXPECT_NE(answered.get_future().get(), std::this_thread::get_id());
}

TEST(ImpactEstimator, SaysWhenItHasTooMuchToDo)
{
    std::promise<void> started, go_on;
    auto go = go_on.get_future().share();
    ImpactEstimator estimator{1, 1, [&, go](const ImpactRequest& request) {
                                  if (request.process == 1)
                                      started.set_value();
                                  go.wait();
                                  return ImpactEstimate{};
                              }};
    ImpactRequest first;
    first.process = 1;
    estimator.ask(first, [](const ImpactEstimate&) {});
    started.get_future().wait();
    estimator.ask({}, [](const ImpactEstimate&) {}); // waits
    std::string problem;
    estimator.ask({}, [&](ImpactEstimate estimate) { problem = std::move(estimate.problem); });
    EXPECT_EQ(problem, "Too many estimates are being made.");
    go_on.set_value();
}

/// A relay that keeps what is asked for.
struct Asked {
    std::mutex mutex;
    std::vector<std::pair<std::string, ImpactRequest>> requests;

    void operator()(std::string challenge, ImpactRequest request)
    {
        const std::lock_guard lock{mutex};
        requests.emplace_back(std::move(challenge), std::move(request));
    }
};

Relay::Setup asking(const std::shared_ptr<Asked>& asked)
{
    Relay::Setup setup;
    setup.policy = R"(
[[rule]]
id = "everything"
when = {statement = ["select", "delete", "truncate", "alter", "insert"]}
then = {challenge = {level = 1}}
[default]
opaque = {challenge = {level = 1}}
)";
    policies::catalog::Contents contents;
    contents.schemas = {"public"};
    setup.catalog = std::make_shared<const policies::catalog::Catalog>(std::move(contents));
    setup.estimate_impact = [asked](std::string challenge, ImpactRequest request) {
        (*asked)(std::move(challenge), std::move(request));
    };
    return setup;
}

TEST(Impact, IsAskedForOfWhatCannotRunCodeOfUsers)
{
    struct Row {
        const char* sql;
        const char* why_not;
        Strings deletes, empties;
    };
    const Row rows[] = {
        {"delete from public.orders where id < 9", "", {"public.orders"}, {}},
        {"select lower(a) from t", "", {}, {}},
        {"truncate public.orders", "There is no plan of a statement of this kind.", {}, {"public.orders"}},
        {"alter table t add column x int", "There is no plan of a statement of this kind.", {}, {}},
        {"select purge_all()",
         "The statement is not fully understood, so planning it could run code of users.",
         {},
         {}},
        {"delete from public.a; delete from public.b",
         "The message holds several statements.",
         {"public.a", "public.b"},
         {}},
        {"explain analyze delete from public.a", "There is no plan of a statement of this kind.", {"public.a"}, {}},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.sql);
        const auto asked = std::make_shared<Asked>();
        Relay relay{asking(asked)};
        auto session = relay.session();
        session.client.send(query(row.sql));
        if (std::string_view{row.why_not}.find("not fully understood") !=
            std::string_view::npos) { // may be misspelt: it is not
            ASSERT_EQ(session.server.receive_types(3), "PCS");
            session.server.send({raw('1'), raw('3'), ready()});
        }
        ASSERT_EQ(session.client.receive().type, 'N');
        relay.deny();
        ASSERT_EQ(session.client.receive().type, 'E');
        const std::lock_guard lock{asked->mutex};
        ASSERT_EQ(asked->requests.size(), 1U);
        const auto& request = asked->requests[0].second;
        ASSERT_EQ(request.statements.size(), 1U);
        EXPECT_EQ(request.statements[0].why_not, row.why_not);
        EXPECT_EQ(request.statements[0].deletes, row.deletes);
        EXPECT_EQ(request.statements[0].empties, row.empties);
        EXPECT_EQ(request.process, 0);
        EXPECT_EQ(request.server.user, "app");
        EXPECT_EQ(request.problem, "");
    }
}

TEST(Impact, KnowsTheTransactionsProcessAndTheValues)
{
    const auto asked = std::make_shared<Asked>();
    Relay relay{asking(asked)};
    auto session = relay.session();
    session.client.send(query("begin"));
    ASSERT_EQ(session.server.receive().type, 'Q');
    session.server.send({complete("BEGIN"), ready('T')});
    ASSERT_EQ(session.client.receive_types(2), "CZ");
    session.client.send({parse("", "delete from t where id = $1"), bind("", "", {"5"}), execute(), sync()});
    ASSERT_EQ(session.server.receive().type, 'P');
    session.server.send(raw('1'));
    ASSERT_EQ(session.client.receive_types(2), "1N");
    ASSERT_EQ(relay.pending().size(), 1U);
    const auto id = relay.pending()[0].id;
    session.client.close();
    EXPECT_TRUE(session.server.closed());
    const std::lock_guard lock{asked->mutex};
    ASSERT_EQ(asked->requests.size(), 1U);
    EXPECT_EQ(asked->requests[0].first, id);
    const auto& request = asked->requests[0].second;
    EXPECT_EQ(request.process, 4711);
    ASSERT_EQ(request.statements.at(0).values.size(), 1U);
    EXPECT_EQ(request.statements[0].values[0].bytes, "5");
}

} // namespace impact_test
} // namespace stepgate::test
