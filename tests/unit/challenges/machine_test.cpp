#include "challenge-web/challenges/challenge_machine.h"

#include "tests/unit/challenges/samples.h"

#include <gtest/gtest.h>

#include <functional>

namespace stepgate::challenge_web::challenges
{
namespace machine_test
{

using namespace std::chrono_literals;
using samples::start;

const Digest right{std::byte{1}};
const Digest wrong{std::byte{2}};
const TimePoint expires = start + 60s;

ChallengeMachine machine(int level = 1)
{
    return {{level, {}, {}, 0}, "alice", right, expires};
}

// A machine led into a state by the shortest way.
ChallengeMachine in_state(State state)
{
    auto m = machine();
    switch (state) {
    case State::pending:
        break;
    case State::approved:
        (void)m.on(ProofGiven{right, samples::totp()}, start);
        break;
    case State::consumed:
        (void)m.on(ProofGiven{right, samples::totp()}, start);
        (void)m.on(ReleaseAsked{right}, start);
        break;
    case State::denied:
        (void)m.on(DenyAsked{"alice", ""}, start);
        break;
    case State::expired:
        (void)m.on(ClockTicked{}, expires);
        break;
    case State::cancelled:
        (void)m.on(CancelAsked{"client left"}, start);
        break;
    }
    EXPECT_EQ(m.state(), state);
    return m;
}

std::string text(const ChallengeMachine::Action& action)
{
    struct Names {
        std::string operator()(const Wait&) const { return "wait"; }
        std::string operator()(const Release&) const { return "release"; }
        std::string operator()(const Ignore&) const { return "ignore"; }
        std::string operator()(const Refuse& r) const { return "refuse: " + make_error_code(r.why).message(); }
        std::string operator()(const Settle& s) const
        {
            return "settle " + std::string{to_string(s.state)} +
                   (s.refusal ? ", refuse: " + make_error_code(*s.refusal).message() : "");
        }
    };
    return std::visit(Names{}, action);
}

using Drive = std::function<ChallengeMachine::Action(ChallengeMachine&, TimePoint)>;
const Drive prove = [](ChallengeMachine& m, TimePoint now) { return m.on(ProofGiven{right, samples::pin()}, now); };
const Drive prove_other = [](ChallengeMachine& m, TimePoint now) {
    return m.on(ProofGiven{wrong, samples::pin()}, now);
};
const Drive deny = [](ChallengeMachine& m, TimePoint now) { return m.on(DenyAsked{"alice", ""}, now); };
const Drive cancel = [](ChallengeMachine& m, TimePoint now) { return m.on(CancelAsked{"gone"}, now); };
const Drive release = [](ChallengeMachine& m, TimePoint now) { return m.on(ReleaseAsked{right}, now); };
const Drive release_other = [](ChallengeMachine& m, TimePoint now) { return m.on(ReleaseAsked{wrong}, now); };
const Drive tick = [](ChallengeMachine& m, TimePoint now) { return m.on(ClockTicked{}, now); };

struct Row {
    State from;
    const char* event;
    const Drive& drive;
    bool late; // at the very moment of expiry
    State to;
    const char* action;
};

TEST(ChallengeMachine, EveryEventInEveryState)
{
    const State pending = State::pending, approved = State::approved, consumed = State::consumed,
                denied = State::denied, expired = State::expired, cancelled = State::cancelled;
    const Row rows[] = {
        {pending, "proof", prove, false, approved, "settle approved"},
        {pending, "proof for another statement", prove_other, false, pending,
         "refuse: the answer is for another statement"},
        {pending, "deny", deny, false, denied, "settle denied"},
        {pending, "cancel", cancel, false, cancelled, "settle cancelled"},
        {pending, "release", release, false, pending, "refuse: not approved"},
        {pending, "tick", tick, false, pending, "ignore"},
        {pending, "late proof", prove, true, expired, "settle expired, refuse: has expired"},
        {pending, "late deny", deny, true, expired, "settle expired, refuse: has expired"},
        {pending, "late cancel", cancel, true, expired, "settle expired"},
        {pending, "late release", release, true, expired, "settle expired, refuse: has expired"},
        {pending, "late tick", tick, true, expired, "settle expired"},

        {approved, "proof", prove, false, approved, "refuse: is decided already"},
        {approved, "proof for another statement", prove_other, false, approved, "refuse: is decided already"},
        {approved, "deny", deny, false, denied, "settle denied"},
        {approved, "cancel", cancel, false, cancelled, "settle cancelled"},
        {approved, "release", release, false, consumed, "release"},
        {approved, "release of another", release_other, false, approved, "refuse: the answer is for another statement"},
        {approved, "tick", tick, false, approved, "ignore"},
        {approved, "late proof", prove, true, expired, "settle expired, refuse: has expired"},
        {approved, "late deny", deny, true, expired, "settle expired, refuse: has expired"},
        {approved, "late cancel", cancel, true, expired, "settle expired"},
        {approved, "late release", release, true, expired, "settle expired, refuse: has expired"},
        {approved, "late tick", tick, true, expired, "settle expired"},

        {consumed, "proof", prove, false, consumed, "refuse: was released already"},
        {consumed, "deny", deny, false, consumed, "refuse: was released already"},
        {consumed, "cancel", cancel, false, consumed, "ignore"},
        {consumed, "release", release, false, consumed, "refuse: was released already"},
        {consumed, "late release", release, true, consumed, "refuse: was released already"},
        {consumed, "late tick", tick, true, consumed, "ignore"},

        {denied, "proof", prove, false, denied, "refuse: was denied"},
        {denied, "deny", deny, false, denied, "refuse: was denied"},
        {denied, "cancel", cancel, false, denied, "ignore"},
        {denied, "release", release, false, denied, "refuse: was denied"},
        {denied, "late tick", tick, true, denied, "ignore"},

        {expired, "proof", prove, false, expired, "refuse: has expired"},
        {expired, "deny", deny, false, expired, "refuse: has expired"},
        {expired, "cancel", cancel, false, expired, "ignore"},
        {expired, "release", release, false, expired, "refuse: has expired"},
        {expired, "late tick", tick, true, expired, "ignore"},

        {cancelled, "proof", prove, false, cancelled, "refuse: was cancelled"},
        {cancelled, "deny", deny, false, cancelled, "refuse: was cancelled"},
        {cancelled, "cancel", cancel, false, cancelled, "ignore"},
        {cancelled, "release", release, false, cancelled, "refuse: was cancelled"},
        {cancelled, "late tick", tick, true, cancelled, "ignore"},
    };
    for (const auto& row : rows) {
        auto m = in_state(row.from);
        const auto action = row.drive(m, row.late ? expires : start + 1s);
        const auto name = std::string{to_string(row.from)} + " + " + row.event;
        EXPECT_EQ(m.state(), row.to) << name;
        EXPECT_EQ(text(action), row.action) << name;
    }
}

TEST(ChallengeMachine, WaitsForMore)
{
    auto m = machine(2);
    EXPECT_EQ(text(m.on(ProofGiven{right, samples::totp()}, start)), "wait");
    EXPECT_EQ(m.state(), State::pending);
    EXPECT_EQ(m.missing().size(), 1u);
    EXPECT_EQ(text(m.on(ProofGiven{right, samples::pin()}, start)), "settle approved");
}

TEST(ChallengeMachine, TheSameProofTwiceIsRefused)
{
    auto m = machine(2);
    EXPECT_EQ(text(m.on(ProofGiven{right, samples::totp()}, start)), "wait");
    EXPECT_EQ(text(m.on(ProofGiven{right, samples::totp()}, start)), "refuse: this answer was given before");
    EXPECT_EQ(m.proofs().size(), 1u);
}

TEST(ChallengeMachine, AnothersProofIsRefusedWhereNoApprovalIsAsked)
{
    auto m = machine(1);
    EXPECT_EQ(text(m.on(ProofGiven{right, samples::passkey("bob")}, start)), "refuse: not yours to answer");
    EXPECT_EQ(text(m.on(ProofGiven{right, samples::passkey("")}, start)), "refuse: not yours to answer");
    EXPECT_EQ(m.state(), State::pending);
}

TEST(ChallengeMachine, ProofsAreLimited)
{
    auto m = machine(2);
    for (int step = 0; step < static_cast<int>(ChallengeMachine::max_proofs); ++step)
        EXPECT_EQ(text(m.on(ProofGiven{right, samples::totp("alice", step)}, start)), "wait");
    EXPECT_EQ(text(m.on(ProofGiven{right, samples::totp("alice", 99)}, start)),
              "refuse: too many challenges or proofs");
}

} // namespace machine_test
} // namespace stepgate::challenge_web::challenges
