#include "challenge-web/challenges/challenges.h"

#include "challenge-web/challenges/digest.h"
#include "tests/unit/challenges/samples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

namespace stepgate::challenge_web::challenges
{
namespace challenges_test
{

using namespace std::chrono_literals;
using samples::question;
using samples::start;
using testing::ElementsAre;

// The table under test with all it tells written down.
struct Bench {
    explicit Bench(ChallengesOptions options = {}) : challenges(with_random(std::move(options)))
    {
        challenges.observe([this](const Event& event) { events.push_back(event); });
        challenges.observe_elevations([this](const ElevationEvent& event) {
            elevations.push_back((event.started ? "started " : "ended ") + event.reason + " " + event.by);
        });
    }
    static ChallengesOptions with_random(ChallengesOptions options)
    {
        if (!options.random)
            options.random = samples::counting_random();
        return options;
    }
    Opened open(Question q = question())
    {
        auto opened = challenges.open(std::move(q), 60s, start, [this](State state, const std::string& reason) {
            settled.push_back(std::string{to_string(state)} + ": " + reason);
        });
        EXPECT_TRUE(opened) << opened.error().message();
        return opened ? *opened : Opened{};
    }
    std::vector<Event::What> told() const
    {
        std::vector<Event::What> out;
        for (const auto& event : events)
            out.push_back(event.what);
        return out;
    }
    std::vector<Event> events;
    std::vector<std::string> settled, elevations;
    Challenges challenges;
};

using What = Event::What;

TEST(Challenges, FromQuestionToRelease)
{
    Bench b;
    const auto opened = b.open();
    EXPECT_EQ(opened.id.size(), 22u);
    EXPECT_EQ(opened.code.size(), 7u);
    EXPECT_EQ(opened.expires, start + 60s);
    EXPECT_EQ(b.challenges.prove(opened.id, opened.digest, samples::totp(), start + 1s).value(), State::approved);
    EXPECT_THAT(b.settled, ElementsAre("approved: approved"));
    const auto approval = b.challenges.consume(opened.id, opened.digest, start + 2s);
    ASSERT_TRUE(approval);
    EXPECT_EQ(approval->challenge(), opened.id);
    EXPECT_EQ(approval->digest(), opened.digest);
    EXPECT_THAT(b.told(), ElementsAre(What::opened, What::proof_accepted, What::approved, What::consumed));
    EXPECT_EQ(b.events[1].proof->credential, "app-1");
    EXPECT_EQ(b.events[1].challenge.state, State::pending);
    EXPECT_EQ(b.events[1].challenge.proofs.size(), 1u);
    EXPECT_EQ(b.settled.size(), 1u) << "settled exactly once";
    EXPECT_EQ(b.challenges.waiting(), 0u);
}

TEST(Challenges, TheSnapshotsDigestIsThatOfItsInput)
{
    Bench b;
    const auto opened = b.open();
    const auto shown = b.challenges.find(opened.id).value();
    EXPECT_EQ(shown.digest, opened.digest);
    EXPECT_EQ(sha256(shown.digest_input), shown.digest);
    EXPECT_EQ(digest_input(shown.question, shown.id, shown.expires, shown.nonce), shown.digest_input);
    EXPECT_EQ(shown.missing.size(), 1u);
}

TEST(Challenges, EqualQuestionsHaveDifferentDigestsAndCodes)
{
    Bench b;
    const auto one = b.open(), two = b.open();
    EXPECT_NE(one.id, two.id);
    EXPECT_NE(one.code, two.code);
    EXPECT_NE(one.digest, two.digest);
}

TEST(Challenges, AProofForOneIsNoProofForAnother)
{
    Bench b;
    const auto one = b.open(), two = b.open();
    EXPECT_EQ(b.challenges.prove(two.id, one.digest, samples::passkey(), start).error(), errc::wrong_digest);
    EXPECT_EQ(b.challenges.find(two.id)->state, State::pending);
    EXPECT_EQ(b.events.back().what, What::proof_rejected);
    EXPECT_EQ(b.events.back().detail, "the answer is for another statement");
}

TEST(Challenges, AnEstimateIsShownAndChangesNothing)
{
    Bench b;
    const auto opened = b.open();
    const Impact impact{42, {"public.orders"}, {}, {}, {}};
    b.challenges.note_impact(opened.id, impact, start);
    EXPECT_EQ(b.challenges.find(opened.id)->impact, impact);
    EXPECT_THAT(b.told(), ElementsAre(What::opened, What::impact_known));
    EXPECT_EQ(b.challenges.find(opened.id)->digest, opened.digest);
    EXPECT_TRUE(b.settled.empty());
    (void)b.challenges.deny(opened.id, "alice", start);
    b.challenges.note_impact(opened.id, Impact{}, start); // too late
    b.challenges.note_impact("unknown", Impact{}, start);
    EXPECT_EQ(b.challenges.find(opened.id)->impact, impact);
    EXPECT_THAT(b.told(), ElementsAre(What::opened, What::impact_known, What::denied));
}

TEST(Challenges, AnApprovalIsUsedOnce)
{
    Bench b;
    const auto opened = b.open(), other = b.open();
    EXPECT_EQ(b.challenges.consume(opened.id, opened.digest, start).error(), errc::not_approved);
    (void)b.challenges.prove(opened.id, opened.digest, samples::passkey(), start);
    EXPECT_EQ(b.challenges.consume(opened.id, other.digest, start).error(), errc::wrong_digest);
    EXPECT_TRUE(b.challenges.consume(opened.id, opened.digest, start));
    EXPECT_EQ(b.challenges.consume(opened.id, opened.digest, start).error(), errc::consumed);
    EXPECT_EQ(b.challenges.prove(opened.id, opened.digest, samples::totp(), start).error(), errc::consumed);
}

TEST(Challenges, NothingIsReleasedAfterItsTime)
{
    Bench b;
    const auto late_proof = b.open(), late_release = b.open(), ticked = b.open();
    (void)b.challenges.prove(late_release.id, late_release.digest, samples::passkey(), start + 59s);
    EXPECT_EQ(b.challenges.prove(late_proof.id, late_proof.digest, samples::passkey(), start + 60s).error(),
              errc::expired);
    EXPECT_EQ(b.challenges.consume(late_release.id, late_release.digest, start + 60s).error(), errc::expired);
    b.challenges.tick(start + 60s);
    EXPECT_EQ(b.challenges.find(ticked.id)->state, State::expired);
    EXPECT_THAT(b.settled,
                ElementsAre("approved: approved", "expired: not approved in time", "expired: not approved in time"));
}

TEST(Challenges, AClockSetBackProlongsNothing)
{
    Bench b;
    const auto opened = b.open();
    b.challenges.tick(start + 59s);
    (void)b.challenges.prove(opened.id, opened.digest, samples::passkey(), start - 1h);
    b.challenges.tick(start + 60s);
    EXPECT_EQ(b.challenges.consume(opened.id, opened.digest, start - 1h).error(), errc::expired);
}

TEST(Challenges, AClockThatWasAheadProlongsNothing)
{
    std::chrono::steady_clock::time_point steady{};
    ChallengesOptions options;
    options.steady = [&] { return steady; };
    Bench b{options};
    b.challenges.tick(start + 24h * 365); // and is set right again
    auto q = question();
    q.verdict.elevation = policies::rules::ElevationOffer{600s, policies::rules::ElevationScope::session};
    const auto waiting = b.open(q), opened = b.open(q);
    (void)b.challenges.prove(opened.id, opened.digest, samples::passkey(), start);
    ASSERT_TRUE(b.challenges.consume(opened.id, opened.digest, start));
    steady += 59s;
    b.challenges.tick(start + 59s);
    EXPECT_EQ(b.challenges.find(waiting.id)->state, State::pending);
    steady += 1s;
    b.challenges.tick(start + 60s);
    EXPECT_EQ(b.challenges.find(waiting.id)->state, State::expired);
    steady += 539s;
    EXPECT_EQ(b.challenges.elevated(q, start + 599s), opened.id);
    steady += 1s;
    EXPECT_EQ(b.challenges.elevated(q, start + 600s), std::nullopt);
}

TEST(Challenges, DenyTakesBackAnApproval)
{
    Bench b;
    const auto opened = b.open();
    (void)b.challenges.prove(opened.id, opened.digest, samples::passkey(), start);
    EXPECT_EQ(b.challenges.deny(opened.id, "bob", start).error(), errc::wrong_user);
    EXPECT_TRUE(b.challenges.deny(opened.id, "alice", start));
    EXPECT_EQ(b.challenges.consume(opened.id, opened.digest, start).error(), errc::denied);
    EXPECT_EQ(b.challenges.find(opened.id)->closed_by, "alice");
    EXPECT_EQ(b.settled.size(), 1u);
}

TEST(Challenges, SessionEndCancelsOnlyItsOwn)
{
    Bench b;
    auto other = question();
    other.session = "s2";
    const auto one = b.open(), two = b.open(other);
    b.challenges.session_ended("s1", start);
    EXPECT_EQ(b.challenges.find(one.id)->state, State::cancelled);
    EXPECT_EQ(b.challenges.find(two.id)->state, State::pending);
    EXPECT_THAT(b.settled, ElementsAre("cancelled: the session ended"));
}

TEST(Challenges, Limits)
{
    ChallengesOptions options;
    options.limit_per_user = 2;
    options.limit_total = 3;
    options.limit_bytes = 100;
    Bench b{options};
    auto bob = question(), carol = question();
    bob.user = "bob";
    carol.user = "carol";
    const auto first = b.open();
    b.open();
    EXPECT_EQ(b.challenges.open(question(), 60s, start, {}).error(), errc::too_many) << "per user";
    b.open(bob);
    EXPECT_EQ(b.challenges.open(carol, 60s, start, {}).error(), errc::too_many) << "in all";
    b.challenges.cancel(first.id, "client left", start);
    carol.statements[0].sql = std::string(100, 'x');
    EXPECT_EQ(b.challenges.open(carol, 60s, start, {}).error(), errc::too_many) << "bytes";
    carol.statements[0].sql = "x";
    EXPECT_TRUE(b.challenges.open(carol, 60s, start, {})) << "a closed one makes room";
}

TEST(Challenges, LargeTextsAreDroppedAtTheEnd)
{
    Bench b;
    auto large = question();
    large.statements[0].sql = std::string(100'000, 'x');
    const auto opened = b.open(large);
    b.challenges.cancel(opened.id, "client left", start);
    EXPECT_FALSE(b.events.back().challenge.question.statements.empty()) << "the audit still gets it";
    EXPECT_TRUE(b.challenges.find(opened.id)->question.statements.empty());
}

TEST(Challenges, ClosedOnesAreForgottenAfterAnHour)
{
    Bench b;
    const auto opened = b.open();
    b.challenges.cancel(opened.id, "client left", start);
    b.challenges.tick(start + 59min);
    EXPECT_TRUE(b.challenges.find(opened.id));
    b.challenges.tick(start + 60min);
    EXPECT_EQ(b.challenges.find(opened.id).error(), errc::not_found);
    EXPECT_EQ(b.challenges.prove(opened.id, opened.digest, samples::totp(), start).error(), errc::not_found);
}

TEST(Challenges, QuestionsThatCannotBeAsked)
{
    Bench b;
    const auto refused = [&](auto change) {
        auto q = question();
        change(q);
        return b.challenges.open(q, 60s, start, {}).error();
    };
    EXPECT_EQ(refused([](Question& q) { q.user = ""; }), errc::invalid_question);
    EXPECT_EQ(refused([](Question& q) { q.session = ""; }), errc::invalid_question);
    EXPECT_EQ(refused([](Question& q) { q.statements.clear(); }), errc::invalid_question);
    EXPECT_EQ(refused([](Question& q) { q.verdict.action = policies::rules::Action::deny; }), errc::invalid_question);
    EXPECT_EQ(refused([](Question& q) { q.verdict.requirement.level = 0; }), errc::invalid_question);
    EXPECT_EQ(refused([](Question& q) { q.verdict.requirement.level = 4; }), errc::invalid_question);
    EXPECT_EQ(b.challenges.open(question(), 0s, start, {}).error(), errc::invalid_question);
}

TEST(Challenges, WithoutRandomnessNothingOpens)
{
    ChallengesOptions options;
    options.random = [](std::span<std::byte>) { return false; };
    Bench b{options};
    EXPECT_EQ(b.challenges.open(question(), 60s, start, {}).error(), errc::no_randomness);
    EXPECT_EQ(b.challenges.waiting(), 0u);
}

TEST(Challenges, LevelThreeNeedsASecondPerson)
{
    ChallengesOptions options;
    options.may_approve = [](const std::string& user, const std::string&) { return user == "bob"; };
    Bench b{options};
    const auto opened = b.open(question(3));
    const auto prove = [&](Proof proof) {
        return b.challenges.prove(opened.id, opened.digest, std::move(proof), start);
    };
    EXPECT_EQ(prove(samples::passkey("mallory")).error(), errc::wrong_user);
    EXPECT_EQ(prove(samples::passkey()).value(), State::pending);
    EXPECT_EQ(prove(samples::passkey("alice", true, "key-2")).value(), State::pending);
    EXPECT_EQ(prove(samples::totp("bob")).value(), State::approved);
}

TEST(Challenges, WhoMayNotApproveAnyMoreHasNotApproved)
{
    std::set<std::string> members{"bob", "cid"};
    ChallengesOptions options;
    options.may_approve = [&](const std::string& user, const std::string&) { return members.contains(user); };
    Bench b{options};
    auto q = question();
    q.verdict.requirement.approvals = 2;
    const auto opened = b.open(q), other = b.open(q);
    for (const auto& one : {opened, other})
        for (const char* user : {"alice", "bob", "cid"})
            (void)b.challenges.prove(one.id, one.digest, samples::totp(user, 1, user), start);
    ASSERT_EQ(b.challenges.find(opened.id)->state, State::approved);
    members.erase("bob");
    EXPECT_EQ(b.challenges.consume(opened.id, opened.digest, start).error(), errc::approver_gone);
    EXPECT_EQ(b.challenges.find(opened.id)->state, State::cancelled);
    EXPECT_EQ(b.challenges.find(opened.id)->close_reason, "bob approved it and may not any more");
    members.insert("bob");
    EXPECT_EQ(b.challenges.consume(opened.id, opened.digest, start).error(), errc::cancelled);
    EXPECT_TRUE(b.challenges.consume(other.id, other.digest, start));
}

TEST(Challenges, ThePredicateMayUseTheTable)
{
    Challenges* table = nullptr;
    ChallengesOptions options;
    options.may_approve = [&](const std::string&, const std::string&) { return table->waiting() == 1; };
    Bench b{options};
    table = &b.challenges;
    b.challenges.observe([&](const Event&) { (void)b.challenges.waiting(); }); // a lock held here would never return
    const auto opened = b.open(question(3));
    EXPECT_TRUE(b.challenges.prove(opened.id, opened.digest, samples::totp("bob"), start));
}

TEST(Challenges, AReleaseStartsTheElevationItsVerdictOffers)
{
    Bench b;
    auto q = question();
    q.verdict.elevation = policies::rules::ElevationOffer{600s, policies::rules::ElevationScope::session};
    const auto opened = b.open(q);
    (void)b.challenges.prove(opened.id, opened.digest, samples::passkey(), start);
    EXPECT_EQ(b.challenges.elevated(q, start), std::nullopt) << "approved is not released";
    ASSERT_TRUE(b.challenges.consume(opened.id, opened.digest, start));
    EXPECT_EQ(b.challenges.elevated(q, start + 1s), opened.id);
    EXPECT_EQ(b.challenges.elevations("alice", start + 1s).size(), 1U);
    b.challenges.end_elevations("alice", "signed out", start + 1s);
    EXPECT_EQ(b.challenges.elevated(q, start + 1s), std::nullopt);
    EXPECT_THAT(b.elevations, ElementsAre("started  ", "ended signed out "));
}

TEST(Challenges, AnElevationEndsWithWhoApprovedIt)
{
    ChallengesOptions options;
    options.may_approve = [](const std::string& user, const std::string&) { return user == "bob"; };
    Bench b{options};
    auto q = question(3);
    q.verdict.elevation = policies::rules::ElevationOffer{600s, policies::rules::ElevationScope::session};
    const auto opened = b.open(q);
    for (const char* user : {"alice", "bob"})
        (void)b.challenges.prove(opened.id, opened.digest, samples::totp(user, 1, user), start);
    (void)b.challenges.prove(opened.id, opened.digest, samples::passkey(), start);
    ASSERT_TRUE(b.challenges.consume(opened.id, opened.digest, start));
    b.challenges.end_elevations_approved_by("alice", "her own proof is no approval", start);
    b.challenges.end_elevations_approved_by("cid", "somebody else", start);
    EXPECT_EQ(b.challenges.elevated(q, start + 1s), opened.id);
    b.challenges.end_elevations_approved_by("bob", "disabled", start);
    EXPECT_EQ(b.challenges.elevated(q, start + 1s), std::nullopt);
    EXPECT_THAT(b.elevations, ElementsAre("started  ", "ended disabled "));
}

TEST(Challenges, WhatEndsAnElevationIsTold)
{
    Bench b;
    auto q = question();
    q.verdict.elevation = policies::rules::ElevationOffer{600s, policies::rules::ElevationScope::user_address};
    const auto elevate = [&] {
        const auto opened = b.open(q);
        (void)b.challenges.prove(opened.id, opened.digest, samples::passkey(), start);
        EXPECT_TRUE(b.challenges.consume(opened.id, opened.digest, start));
        return opened.id;
    };
    const auto first = elevate();
    b.challenges.session_started("alice", "10.0.0.7", start);
    EXPECT_FALSE(b.challenges.end_elevation("unknown", "boss", start));
    EXPECT_TRUE(b.challenges.end_elevation(first, "boss", start));
    elevate();
    b.challenges.session_started("alice", "10.9.9.9", start);
    elevate();
    b.challenges.tick(start + 600s);
    EXPECT_THAT(b.elevations,
                ElementsAre("started  ", "ended revoked boss", "started  ", "ended a session from another address ",
                            "started  ", "ended its time is over "));
}

ChallengesOptions groups(std::map<std::string, std::string> group_of)
{
    ChallengesOptions options;
    options.may_approve = [group_of = std::move(group_of)](const std::string& user, const std::string& group) {
        const auto found = group_of.find(user);
        return found != group_of.end() && found->second == group;
    };
    return options;
}

Question for_two()
{
    auto q = question();
    q.verdict.requirement.approvers = "dba";
    q.verdict.requirement.approvals = 1;
    q.verdict.requirement.escalate = policies::rules::Escalation{20s, "oncall"};
    return q;
}

TEST(Challenges, EscalatesToAnotherGroupAfterATime)
{
    Bench b{groups({{"ann", "dba"}, {"ben", "oncall"}, {"eve", "ops"}})};
    const auto opened = b.open(for_two());
    const auto prove = [&](const char* user) {
        return b.challenges.prove(opened.id, opened.digest, samples::totp(user), start + 21s);
    };
    b.challenges.tick(start + 19s);
    EXPECT_FALSE(b.challenges.may_decide(*b.challenges.find(opened.id), "ben"));
    EXPECT_TRUE(b.challenges.for_approver("ben").empty());
    b.challenges.tick(start + 20s);
    b.challenges.tick(start + 21s);
    EXPECT_EQ(b.challenges.find(opened.id)->escalated, start + 20s);
    EXPECT_EQ(b.challenges.for_approver("ben").size(), 1U);
    EXPECT_EQ(b.challenges.for_approver("ann").size(), 1U) << "who could before still can";
    EXPECT_EQ(prove("eve").error(), errc::wrong_user);
    EXPECT_EQ(prove("alice").value(), State::pending);
    EXPECT_EQ(prove("ben").value(), State::approved);
    EXPECT_THAT(b.told(), ElementsAre(What::opened, What::escalated, What::proof_rejected, What::proof_accepted,
                                      What::proof_accepted, What::approved));
}

TEST(Challenges, OnlyTheRequesterWithdraws)
{
    Bench b{groups({{"ann", "dba"}})};
    const auto opened = b.open(for_two());
    EXPECT_EQ(b.challenges.withdraw("unknown", "alice", start).error(), errc::not_found);
    EXPECT_EQ(b.challenges.withdraw(opened.id, "ann", start).error(), errc::wrong_user);
    EXPECT_TRUE(b.challenges.withdraw(opened.id, "alice", start));
    EXPECT_THAT(b.settled, ElementsAre("cancelled: withdrawn by alice"));
    EXPECT_EQ(b.challenges.find(opened.id)->closed_by, "alice");
    EXPECT_EQ(b.challenges.withdraw(opened.id, "alice", start).error(), errc::cancelled);
    EXPECT_EQ(b.challenges.deny(opened.id, "ann", start).error(), errc::cancelled);
    const auto approved = b.open();
    (void)b.challenges.prove(approved.id, approved.digest, samples::totp(), start);
    EXPECT_TRUE(b.challenges.withdraw(approved.id, "alice", start)) << "before it is released";
    EXPECT_FALSE(b.challenges.consume(approved.id, approved.digest, start));
}

TEST(Challenges, TheRequestersReasonStandsOnceSomebodyApprovedForIt)
{
    Bench b{groups({{"ann", "dba"}})};
    auto q = for_two();
    q.verdict.requirement.approvals = 2;
    const auto opened = b.open(q);
    EXPECT_EQ(b.challenges.give_reason(opened.id, "ann", "x", start).error(), errc::wrong_user);
    EXPECT_TRUE(b.challenges.give_reason(opened.id, "alice", "ticket 1", start));
    EXPECT_TRUE(b.challenges.prove(opened.id, opened.digest, samples::totp(), start));
    EXPECT_TRUE(b.challenges.give_reason(opened.id, "alice", "ticket 2", start)) << "one's own proof is no approval";
    auto yes = samples::totp("ann");
    yes.reason = "looks right";
    EXPECT_TRUE(b.challenges.prove(opened.id, opened.digest, yes, start));
    EXPECT_EQ(b.challenges.give_reason(opened.id, "alice", "ticket 3", start).error(), errc::settled);
    const auto shown = b.challenges.find(opened.id).value();
    EXPECT_EQ(shown.request_reason, "ticket 2");
    EXPECT_EQ(shown.proofs.back().reason, "looks right");
    EXPECT_EQ(b.events[1].what, What::reason_given);
    EXPECT_EQ(b.events[1].detail, "ticket 1");
    EXPECT_EQ(b.challenges.give_reason(opened.id, "alice", "late", start + 60s).error(), errc::expired);
}

TEST(Challenges, TheInboxShowsPendingFirstNewestFirst)
{
    Bench b;
    const auto old = b.open();
    const auto gone = b.challenges.open(question(), 60s, start + 1s, {}).value();
    const auto fresh = b.challenges.open(question(), 60s, start + 2s, {}).value();
    auto bob = question();
    bob.user = "bob";
    b.open(bob);
    b.challenges.cancel(gone.id, "client left", start + 3s);
    std::vector<ChallengeId> ids;
    for (const auto& shown : b.challenges.of_user("alice"))
        ids.push_back(shown.id);
    EXPECT_THAT(ids, ElementsAre(fresh.id, old.id, gone.id));
    EXPECT_EQ(b.challenges.of_user("alice", 1).size(), 1u);
    EXPECT_TRUE(b.challenges.of_user("").empty());
}

TEST(Challenges, WrongAnswersAreToldAndChangeNothing)
{
    Bench b;
    const auto opened = b.open();
    b.challenges.reject(opened.id, samples::totp(), "wrong code", start);
    EXPECT_EQ(b.events.back().what, What::proof_rejected);
    EXPECT_EQ(b.events.back().detail, "wrong code");
    EXPECT_EQ(b.challenges.find(opened.id)->state, State::pending);
    b.challenges.reject("unknown", samples::totp(), "wrong code", start);
    EXPECT_EQ(b.events.size(), 2u);
}

} // namespace challenges_test
} // namespace stepgate::challenge_web::challenges
