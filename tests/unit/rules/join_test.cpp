#include "policies/rules/join.h"

#include <gtest/gtest.h>

namespace stepgate::policies::rules
{
namespace join_test
{

using namespace std::chrono_literals;
using Strings = std::vector<std::string>;

Outcome challenge(int level, Strings factors = {}, std::optional<std::string> group = {}, int approvals = 0,
                  std::optional<ElevationOffer> elevation = {})
{
    return {Action::challenge, {level, std::move(factors), std::move(group), approvals}, elevation};
}

Verdict joined(std::initializer_list<Outcome> outcomes)
{
    Verdict verdict;
    char id = 'a';
    for (const auto& outcome : outcomes)
        join(verdict, outcome, std::string(1, id++), "");
    return verdict;
}

TEST(Join, StrictestActionWins)
{
    const Outcome allow{}, notify{Action::notify, {}, {}}, deny{Action::deny, {}, {}};
    struct Row {
        std::initializer_list<Outcome> outcomes;
        Action action;
        Strings rules;
    };
    const Row rows[] = {
        {{}, Action::allow, {}},
        {{allow, allow}, Action::allow, {"a", "b"}},
        {{allow, notify}, Action::notify, {"b"}},
        {{notify, allow, notify}, Action::notify, {"a", "c"}},
        {{challenge(1), allow}, Action::challenge, {"a"}},
        {{notify, challenge(1), notify}, Action::challenge, {"b"}},
        {{deny, challenge(3), allow}, Action::deny, {"a"}},
        {{challenge(3), deny, deny}, Action::deny, {"b", "c"}},
    };
    for (const auto& row : rows) {
        const auto verdict = joined(row.outcomes);
        EXPECT_EQ(verdict.action, row.action);
        EXPECT_EQ(verdict.rules, row.rules);
        EXPECT_EQ(verdict.because.size(), verdict.rules.size());
        EXPECT_EQ(verdict.requirement.level == 0, row.action != Action::challenge);
    }
}

TEST(Join, EscalationsOnlyWhereAllThatAskForApprovalsWantThem)
{
    const Escalation oncall{600s, "oncall"}, later{900s, "oncall"};
    const auto asks = [](std::optional<Escalation> escalation) {
        auto outcome = challenge(2, {}, "dba", 1);
        outcome.requirement.escalate = std::move(escalation);
        return outcome;
    };
    struct Row {
        std::initializer_list<Outcome> outcomes;
        std::optional<Escalation> expected;
    };
    const Row rows[] = {
        {{asks(oncall)}, oncall},
        {{asks(oncall), asks(oncall)}, oncall},
        {{asks(oncall), challenge(2)}, oncall},
        {{challenge(2), asks(oncall)}, oncall},
        {{asks(oncall), asks(later)}, std::nullopt},
        {{asks(oncall), asks({})}, std::nullopt},
        {{asks({}), challenge(1), asks(oncall)}, std::nullopt},
        {{challenge(3, {}, {}, 1), asks(oncall)}, std::nullopt},
        {{challenge(1), challenge(1)}, std::nullopt},
    };
    for (const auto& row : rows)
        EXPECT_EQ(joined(row.outcomes).requirement.escalate, row.expected) << &row - rows;
}

TEST(Join, Requirements)
{
    struct Row {
        const char* name;
        Outcome a, b;
        Action action;
        Requirement requirement;
    };
    const Row rows[] = {
        {"highest level", challenge(1), challenge(2), Action::challenge, {2, {}, {}, 0}},
        {"the order does not count", challenge(3), challenge(1), Action::challenge, {3, {}, {}, 0}},
        {"factors of one", challenge(1, {"totp"}), challenge(1), Action::challenge, {1, {"totp"}, {}, 0}},
        {"common factors",
         challenge(1, {"passkey", "totp"}),
         challenge(1, {"passkey"}),
         Action::challenge,
         {1, {"passkey"}, {}, 0}},
        {"no common factor", challenge(1, {"totp"}), challenge(1, {"passkey"}), Action::deny, {}},
        {"most approvals",
         challenge(1, {}, "dba", 1),
         challenge(1, {}, "dba", 2),
         Action::challenge,
         {1, {}, "dba", 2}},
        {"group of one", challenge(1), challenge(3, {}, "dba", 1), Action::challenge, {3, {}, "dba", 1}},
        {"two groups", challenge(1, {}, "dba", 1), challenge(1, {}, "dpo", 1), Action::deny, {}},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.name);
        const auto verdict = joined({row.a, row.b});
        EXPECT_EQ(verdict.action, row.action);
        EXPECT_EQ(verdict.requirement, row.requirement);
        const Strings expected =
            row.action == Action::deny ? Strings{"a", "b", "requirement-conflict"} : Strings{"a", "b"};
        EXPECT_EQ(verdict.rules, expected);
    }
}

TEST(Join, ElevationIsNeverWider)
{
    using enum ElevationScope;
    using Offer = std::optional<ElevationOffer>;
    struct Row {
        const char* name;
        Offer a, b, expected;
    };
    const Row rows[] = {
        {"one rule offers none", ElevationOffer{10min, session}, std::nullopt, std::nullopt},
        {"the other rule offers none", std::nullopt, ElevationOffer{10min, session}, std::nullopt},
        {"shortest", ElevationOffer{10min, session}, ElevationOffer{5min, session}, ElevationOffer{5min, session}},
        {"narrowest", ElevationOffer{5min, user_address}, ElevationOffer{10min, session},
         ElevationOffer{5min, session}},
        {"labels", ElevationOffer{5min, label}, ElevationOffer{10min, label}, ElevationOffer{5min, label}},
        {"cannot be compared", ElevationOffer{5min, label}, ElevationOffer{5min, session}, std::nullopt},
        {"one statement is narrower than a session", ElevationOffer{5min, statement, 4}, ElevationOffer{10min, session},
         ElevationOffer{5min, statement, 4}},
        {"and than labels", ElevationOffer{5min, label}, ElevationOffer{10min, statement, 4},
         ElevationOffer{5min, statement, 4}},
        {"fewest executions", ElevationOffer{5min, statement, 4}, ElevationOffer{10min, statement, 2},
         ElevationOffer{5min, statement, 2}},
        {"nor these", ElevationOffer{5min, label}, ElevationOffer{5min, user_address}, std::nullopt},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.name);
        EXPECT_EQ(joined({challenge(1, {}, {}, 0, row.a), challenge(1, {}, {}, 0, row.b)}).elevation, row.expected);
    }
    // An offer that was lost does not come back with a third rule.
    const Offer offer = ElevationOffer{5min, session};
    EXPECT_EQ(joined({challenge(1, {}, {}, 0, offer), challenge(1), challenge(1, {}, {}, 0, offer)}).elevation,
              Offer{});
}

} // namespace join_test
} // namespace stepgate::policies::rules
