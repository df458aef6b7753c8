#include "proxy/session/gate.h"

#include <gtest/gtest.h>

namespace stepgate::proxy::session
{
namespace gate_test
{

using challenge_web::challenges::State;
using policies::rules::Action;
using policies::rules::Verdict;
using std::chrono::milliseconds;
using std::chrono::seconds;

const SteadyTime opened{seconds{1000}};

Gate gate()
{
    return Gate{HoldOptions{}, seconds{300}, opened};
}

TEST(Gate, WaitsUntilSomethingHappens)
{
    auto waiting = gate();
    EXPECT_FALSE(waiting.end(opened + seconds{299}));
    EXPECT_EQ(waiting.next_wake(), opened + seconds{10});
}

TEST(Gate, EachEndIsTold)
{
    struct Row {
        const char* name;
        void (*happens)(Gate&);
        Gate::End end;
    };
    const Row rows[] = {
        {"approved", [](Gate& g) { g.settled(State::approved, ""); }, Gate::End::approved},
        {"denied", [](Gate& g) { g.settled(State::denied, "by bob"); }, Gate::End::denied},
        {"expired", [](Gate& g) { g.settled(State::expired, ""); }, Gate::End::expired},
        {"cancelled elsewhere", [](Gate& g) { g.settled(State::cancelled, ""); }, Gate::End::withdrawn},
        {"consumed elsewhere", [](Gate& g) { g.settled(State::consumed, ""); }, Gate::End::withdrawn},
        {"disconnect", [](Gate& g) { g.client_closed(); }, Gate::End::client_gone},
        {"cancel request", [](Gate& g) { g.client_cancelled(); }, Gate::End::client_cancels},
        {"late bytes", [](Gate& g) { g.client_sent(opened + seconds{2}); }, Gate::End::client_gave_up},
        {"server gone", [](Gate& g) { g.server_closed(); }, Gate::End::server_gone},
        {"shutdown", [](Gate& g) { g.proxy_ends(); }, Gate::End::shutdown},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.name);
        auto one = gate();
        row.happens(one);
        EXPECT_EQ(one.end(opened), row.end);
        // An approval after the end does not bring it back; before it, it gives way.
        if (row.end == Gate::End::approved)
            continue;
        one.settled(State::approved, "");
        EXPECT_EQ(one.end(opened), row.end);
        auto other = gate();
        other.settled(State::approved, "");
        row.happens(other);
        EXPECT_EQ(other.end(opened), row.end);
    }
}

TEST(Gate, TheFirstReasonStands)
{
    auto one = gate();
    one.settled(State::denied, "by bob");
    one.client_closed();
    EXPECT_EQ(one.end(opened), Gate::End::denied);
    EXPECT_EQ(one.reason(), "by bob");
}

TEST(Gate, EarlyBytesArePipelining)
{
    auto one = gate();
    one.client_sent(opened + milliseconds{1000});
    EXPECT_FALSE(one.end(opened + milliseconds{1000}));
    one.client_sent(opened + milliseconds{1001});
    EXPECT_EQ(one.end(opened + milliseconds{1001}), Gate::End::client_gave_up);
}

TEST(Gate, ExpiresByItselfToo)
{
    auto one = gate();
    EXPECT_EQ(one.end(opened + seconds{300}), Gate::End::expired);
}

TEST(Gate, KeepAlivesAndReminders)
{
    auto one = gate();
    EXPECT_EQ(one.due(opened + seconds{9}), Gate::Due::nothing);
    EXPECT_EQ(one.due(opened + seconds{10}), Gate::Due::keep_alive);
    EXPECT_EQ(one.due(opened + seconds{10}), Gate::Due::nothing);
    EXPECT_EQ(one.next_wake(), opened + seconds{20});
    EXPECT_EQ(one.due(opened + seconds{60}), Gate::Due::reminder);
    EXPECT_EQ(one.due(opened + seconds{69}), Gate::Due::nothing);
    EXPECT_EQ(one.due(opened + seconds{70}), Gate::Due::keep_alive);
}

Verdict challenge(const char* rule, int level)
{
    Verdict verdict;
    verdict.action = Action::challenge;
    verdict.requirement.level = level;
    verdict.rules = {rule};
    verdict.because = {"why"};
    return verdict;
}

TEST(Join, TheStrictestOfABatchWins)
{
    Verdict deny;
    deny.action = Action::deny;
    deny.rules = {"no"};
    deny.because = {""};
    EXPECT_EQ(join(challenge("a", 1), Verdict{}).action, Action::challenge);
    EXPECT_EQ(join(Verdict{}, challenge("a", 1)).rules, std::vector<std::string>{"a"});
    EXPECT_EQ(join(challenge("a", 1), deny).action, Action::deny);
    EXPECT_EQ(join(deny, challenge("a", 1)).action, Action::deny);
    const auto both = join(challenge("a", 1), challenge("b", 3));
    EXPECT_EQ(both.requirement.level, 3);
    EXPECT_EQ(both.rules, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(both.because.size(), 2U);
    EXPECT_EQ(join(both, challenge("b", 3)).rules, (std::vector<std::string>{"a", "b"})); // named once
}

TEST(Join, LabelsOfAllAreNamedOnce)
{
    Verdict one, two;
    one.labels = {"pci", "pii"};
    two.labels = {"phi", "pii"};
    EXPECT_EQ(join(one, two).labels, (std::vector<std::string>{"pci", "phi", "pii"}));
}

TEST(Covers, OnlyWhatWasShown)
{
    struct Row {
        const char* name;
        Verdict given, needed;
        bool enough;
    };
    auto with_approvals = challenge("a", 3);
    with_approvals.requirement.approvals = 1;
    auto escalated = with_approvals;
    escalated.requirement.escalate = policies::rules::Escalation{std::chrono::seconds{60}, "oncall"};
    auto named = challenge("a", 1);
    named.requirement.factors = {"passkey"};
    Verdict deny;
    deny.action = Action::deny;
    const Row rows[] = {
        {"the same", challenge("a", 2), challenge("a", 2), true},
        {"lower", challenge("a", 2), challenge("a", 1), true},
        {"allowed meanwhile", challenge("a", 2), Verdict{}, true},
        {"higher", challenge("a", 1), challenge("a", 2), false},
        {"denied meanwhile", challenge("a", 3), deny, false},
        {"an approval more", challenge("a", 3), with_approvals, false},
        {"approved by a group that no longer may", escalated, with_approvals, false},
        {"the same escalation", escalated, escalated, true},
        {"no approval any more", escalated, challenge("a", 3), true},
        {"a named factor", challenge("a", 1), named, false},
        {"the same named factor", named, named, true},
    };
    for (const auto& row : rows)
        EXPECT_EQ(covers(row.given, row.needed), row.enough) << row.name;
}

} // namespace gate_test
} // namespace stepgate::proxy::session
