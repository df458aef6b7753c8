#include "policies/rules/permissions.h"

#include "policies/rules/judge.h"
#include "tests/unit/rules/support.h"

namespace stepgate::policies::rules
{
namespace permissions_test
{

using Strings = std::vector<std::string>;

const std::chrono::system_clock::time_point now{};

Asker from(std::string user, std::string address = "10.1.2.3")
{
    return {"shop", std::move(user), "shopdb", "app", std::move(address), "psql", {"dba"}};
}

TEST(Permissions, AStartupKeyIsDeniedUnlessARuleSpeaksForIt)
{
    const auto policy = policy_of(R"(
[[rule]]
id = "replicas"
when = {startup_key = ["Replication"], user = {in = ["debezium"]}, client_address = {in = ["10.0.0.0/8"]}}
then = "allow"
[[rule]]
id = "seen"
when = {startup_key = ["role"]}
then = "notify"
[[rule]]
id = "not-owner"
when = {startup_key = ["role"], user = {in = ["eve"]}}
then = "deny"
)");
    struct Row {
        const char *key, *user, *address;
        Action action;
        Strings rules;
    };
    const Row rows[] = {
        {"replication", "debezium", "10.1.2.3", Action::allow, {"replicas"}},
        {"replication", "debezium", "192.0.2.1", Action::deny, {"default.startup_key"}},
        {"replication", "debezium", "nonsense", Action::deny, {"default.startup_key"}}, // undecided: no permission
        {"replication", "alice", "10.1.2.3", Action::deny, {"default.startup_key"}},
        {"row_security", "debezium", "10.1.2.3", Action::deny, {"default.startup_key"}},
        {"role", "alice", "10.1.2.3", Action::notify, {"seen"}},
        {"role", "eve", "10.1.2.3", Action::deny, {"not-owner"}}, // the strictest wins
    };
    for (const auto& row : rows) {
        const auto verdict = startup_key_verdict(*policy, row.key, from(row.user, row.address), now);
        EXPECT_EQ(verdict.action, row.action) << row.key << " of " << row.user << " from " << row.address;
        EXPECT_EQ(verdict.rules, row.rules);
    }
}

TEST(Permissions, AFunctionCallIsDeniedUnlessARuleSpeaksForIt)
{
    const auto policy = policy_of(R"(
[[rule]]
id = "large-objects"
when = {message = ["function_call"], calls = ["pg_catalog.lo_*"]}
then = "allow"
)");
    const Judge judge{policy};
    const auto verdict = [&](const char* function) {
        statement::Facts facts;
        facts.parsed = true;
        facts.statements.emplace_back().calls = {function};
        const auto call = judge.match(std::make_shared<const statement::Facts>(std::move(facts)), "");
        return function_call_verdict(*policy, *call, from("alice"), false, now);
    };
    EXPECT_EQ(verdict("pg_catalog.lo_open").action, Action::allow);
    EXPECT_EQ(verdict("public.purge").action, Action::deny);
    EXPECT_EQ(verdict("public.purge").rules, Strings{"default.function_call"});
}

TEST(Permissions, SuchRulesSayNothingAboutStatements)
{
    const auto policy = policy_of(R"(
[[rule]]
id = "calls"
when = {message = ["function_call"]}
then = "deny"
[[rule]]
id = "keys"
when = {startup_key = ["role"]}
then = "deny"
[default]
statement = "notify"
)");
    Judge judge{policy};
    const auto facts = judge.facts("select 1", policies::postgres::SessionState{}, "shop");
    const auto verdict = judge.verdict(*facts, "select 1", from("alice"), false, now);
    EXPECT_EQ(verdict.action, Action::notify);
    EXPECT_EQ(verdict.rules, Strings{"default.statement"});
}

} // namespace permissions_test
} // namespace stepgate::policies::rules
