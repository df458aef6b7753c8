// Many threads at one challenge: whatever the order, exactly one settles it and exactly one releases it.

#include "challenge-web/challenges/challenges.h"

#include "tests/unit/challenges/samples.h"

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <future>
#include <thread>

namespace stepgate::challenge_web::challenges
{
namespace race_test
{

using namespace std::chrono_literals;
using samples::start;

constexpr int threads = 4, rounds = 200;

void all_at_once(const std::function<void(int)>& work)
{
    std::barrier gate{threads};
    std::vector<std::jthread> running;
    for (int i = 0; i < threads; ++i)
        running.emplace_back([&, i] {
            gate.arrive_and_wait();
            work(i);
        });
}

TEST(ChallengesRace, TwoProofsOneApproval)
{
    for (int round = 0; round < rounds; ++round) {
        Challenges challenges;
        std::atomic<int> settled{0}, accepted{0}, approved_events{0};
        challenges.observe([&](const Event& event) { approved_events += event.what == Event::What::approved; });
        const auto opened =
            challenges.open(samples::question(), 60s, start, [&](State, const std::string&) { ++settled; }).value();
        all_at_once([&](int i) {
            accepted += challenges.prove(opened.id, opened.digest, samples::totp("alice", i), start).has_value();
        });
        EXPECT_EQ(accepted, 1);
        EXPECT_EQ(settled, 1);
        EXPECT_EQ(approved_events, 1);
    }
}

TEST(ChallengesRace, OneRelease)
{
    for (int round = 0; round < rounds; ++round) {
        Challenges challenges;
        const auto opened = challenges.open(samples::question(), 60s, start, {}).value();
        (void)challenges.prove(opened.id, opened.digest, samples::totp(), start);
        std::atomic<int> released{0};
        all_at_once([&](int) { released += challenges.consume(opened.id, opened.digest, start).has_value(); });
        EXPECT_EQ(released, 1);
    }
}

TEST(ChallengesRace, ProofDenialCancelAndExpiryAtOnce)
{
    for (int round = 0; round < rounds; ++round) {
        Challenges challenges;
        std::atomic<int> settled{0};
        const auto opened =
            challenges.open(samples::question(), 60s, start, [&](State, const std::string&) { ++settled; }).value();
        all_at_once([&](int i) {
            if (i == 0)
                (void)challenges.prove(opened.id, opened.digest, samples::totp(), start);
            if (i == 1)
                (void)challenges.deny(opened.id, "alice", start);
            if (i == 2)
                challenges.cancel(opened.id, "client left", start);
            if (i == 3)
                challenges.tick(start + 60s);
        });
        EXPECT_EQ(settled, 1);
        EXPECT_FALSE(challenges.consume(opened.id, opened.digest, start)) << "everything but the proof says no";
        EXPECT_EQ(challenges.waiting(), 0u);
    }
}

/// Two colleagues say yes (one of them of the group that it escalates to), one says no, the requester withdraws, and
/// the time runs out, in any order: one outcome, told once, and a release only if it was the approval.
TEST(ChallengesRace, SecondPersonsHaveExactlyOneOutcome)
{
    for (int round = 0; round < rounds; ++round) {
        ChallengesOptions options;
        options.may_approve = [](const std::string& user, const std::string& group) {
            return (user == "ann" && group == "dba") || (user == "ben" && group == "oncall") ||
                   (user == "cat" && group == "dba");
        };
        Challenges challenges{options};
        std::atomic<int> settled{0}, closings{0}, approvals{0};
        std::atomic<State> outcome{State::pending};
        challenges.observe([&](const Event& event) {
            using What = Event::What;
            approvals += event.what == What::approved;
            closings += event.what == What::denied || event.what == What::cancelled || event.what == What::expired;
        });
        auto question = samples::question(1);
        question.verdict.requirement.approvers = "dba";
        question.verdict.requirement.approvals = 2;
        question.verdict.requirement.escalate = policies::rules::Escalation{10s, "oncall"};
        const auto opened = challenges
                                .open(question, 60s, start,
                                      [&](State state, const std::string&) {
                                          ++settled;
                                          outcome = state;
                                      })
                                .value();
        challenges.tick(start + 10s);
        const auto now = start + 11s;
        (void)challenges.prove(opened.id, opened.digest, samples::totp("alice"), now);
        std::atomic<int> ended{0};
        all_at_once([&](int i) {
            if (i == 0)
                (void)challenges.prove(opened.id, opened.digest, samples::totp("ann"), now);
            if (i == 1)
                (void)challenges.prove(opened.id, opened.digest, samples::totp("ben"), now);
            if (i == 2)
                ended += challenges.deny(opened.id, "cat", now).has_value();
            if (i == 3) {
                ended += challenges.withdraw(opened.id, "alice", now).has_value();
                challenges.tick(start + 60s);
            }
        });
        EXPECT_EQ(settled, 1);
        EXPECT_EQ(closings, 1) << "denied, withdrawn or expired: one of them, once";
        EXPECT_EQ(ended, 1) << "a denial and a withdrawal at once: one of them is told that it came too late";
        EXPECT_LE(approvals, 1);
        EXPECT_EQ(approvals == 1, outcome == State::approved);
        EXPECT_FALSE(challenges.consume(opened.id, opened.digest, now)) << "it was taken back before it was released";
    }
}

/// Whoever hears of it, the journal first, hears it in the order in which it happened: a proof that comes after the end
/// of its challenge would look like one that somebody added.
TEST(ChallengesRace, WhatHappensIsToldInItsOrder)
{
    ChallengesOptions options;
    options.may_approve = [](const std::string&, const std::string&) { return true; };
    Challenges challenges{options};
    std::vector<Event::What> told; // one thread at a time tells
    std::promise<void> proof_is_told, denied;
    challenges.observe([&](const Event& event) {
        if (event.what == Event::What::proof_accepted) {
            proof_is_told.set_value();
            denied.get_future().wait();
            std::this_thread::sleep_for(20ms); // long enough for the denial to be told, if it does not wait
        }
        told.push_back(event.what);
    });
    auto question = samples::question(1);
    question.verdict.requirement.approvers = "dba";
    question.verdict.requirement.approvals = 2;
    const auto opened = challenges.open(question, 60s, start, {}).value();
    std::jthread proving{[&] { (void)challenges.prove(opened.id, opened.digest, samples::totp("ann"), start); }};
    proof_is_told.get_future().wait();
    std::jthread denying{[&] { EXPECT_TRUE(challenges.deny(opened.id, "ben", start)); }};
    while (challenges.find(opened.id)->state == State::pending)
        std::this_thread::yield();
    denied.set_value();
    proving.join();
    denying.join();
    EXPECT_EQ(told, (std::vector{Event::What::opened, Event::What::proof_accepted, Event::What::denied}));
}

/// The start of an elevation stands in the journal before what another session releases under it.
TEST(ChallengesRace, AnElevationIsUsedOnceItsStartIsTold)
{
    Challenges challenges;
    auto question = samples::question(1);
    question.verdict.elevation = policies::rules::ElevationOffer{600s, policies::rules::ElevationScope::user_address};
    std::vector<std::string> journal;
    std::future<std::optional<ElevatedUse>> other;
    challenges.observe_elevations([&](const ElevationEvent&) {
        other = std::async(std::launch::async, [&] {
            return challenges.use_elevation(question, start, [&](const ElevatedUse&) { journal.emplace_back("used"); });
        });
        EXPECT_EQ(other.wait_for(100ms), std::future_status::timeout) << "it has to wait, however long";
        journal.emplace_back("started");
    });
    const auto opened = challenges.open(question, 60s, start, {}).value();
    ASSERT_TRUE(challenges.prove(opened.id, opened.digest, samples::totp("alice"), start));
    ASSERT_TRUE(challenges.consume(opened.id, opened.digest, start));
    EXPECT_TRUE(other.get());
    EXPECT_EQ(journal, (std::vector<std::string>{"started", "used"}));
}

/// Nothing is released behind the end of an elevation, whoever ends it meanwhile.
TEST(ChallengesRace, AUseIsToldBeforeTheEnd)
{
    Challenges challenges;
    auto question = samples::question(1);
    question.verdict.elevation = policies::rules::ElevationOffer{600s, policies::rules::ElevationScope::user_address};
    std::vector<std::string> journal;
    std::future<void> ending;
    challenges.observe_elevations(
        [&](const ElevationEvent& event) { journal.emplace_back(event.started ? "started" : "ended"); });
    const auto opened = challenges.open(question, 60s, start, {}).value();
    ASSERT_TRUE(challenges.prove(opened.id, opened.digest, samples::totp("alice"), start));
    ASSERT_TRUE(challenges.consume(opened.id, opened.digest, start));
    EXPECT_TRUE(challenges.use_elevation(question, start, [&](const ElevatedUse&) {
        ending = std::async(std::launch::async, [&] { challenges.end_elevations("", "a new policy", start); });
        EXPECT_EQ(ending.wait_for(100ms), std::future_status::timeout) << "it has to wait, however long";
        journal.emplace_back("used");
    }));
    ending.get();
    EXPECT_EQ(journal, (std::vector<std::string>{"started", "used", "ended"}));
    EXPECT_FALSE(challenges.use_elevation(question, start, [&](const ElevatedUse&) { ADD_FAILURE(); }));
}

/// An observer that ends what it hears of: told next, and by the time that the first call returns.
TEST(ChallengesRace, WhatAnObserverDoesIsToldNext)
{
    Challenges challenges;
    std::vector<Event::What> told;
    challenges.observe([&](const Event& event) {
        if (event.what == Event::What::opened)
            challenges.cancel(event.challenge.id, "no journal", start);
        told.push_back(event.what);
    });
    std::vector<State> settled;
    (void)challenges.open(samples::question(), 60s, start,
                          [&](State state, const std::string&) { settled.push_back(state); });
    EXPECT_EQ(told, (std::vector{Event::What::opened, Event::What::cancelled}));
    EXPECT_EQ(settled, std::vector{State::cancelled});
}

} // namespace race_test
} // namespace stepgate::challenge_web::challenges
