// Many threads at one challenge: whatever the order, exactly one settles it and exactly one releases it.

#include "challenge-web/challenges/challenges.h"

#include "tests/unit/challenges/samples.h"

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
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

} // namespace race_test
} // namespace stepgate::challenge_web::challenges
