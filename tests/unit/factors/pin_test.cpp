#include "challenge-web/factors/pin.h"

#include "tests/support/fake_accounts.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include <chrono>

namespace stepgate::challenge_web::factors
{
namespace pin_test
{

using namespace std::chrono_literals;
using tests::FakeAccounts;

const TimePoint start{std::chrono::seconds{1'700'000'000}};
constexpr HashCost cheap{1, 8192};

// Every check was taken out once, and tests of this file failed.
struct PinTest : testing::Test {
    FakeAccounts accounts;
    Pin factor{accounts, cheap};
    accounts::User alice = accounts.make_user("alice");

    void SetUp() override { ASSERT_TRUE(set("correct horse")); }
    static std::string answer(const std::string& pin)
    {
        return boost::json::serialize(boost::json::object{{"pin", pin}});
    }
    result<Enrolled> set(const std::string& pin)
    {
        return factor.finish_enrolment(*factor.begin_enrolment(alice, start), answer(pin), "", start);
    }
    result<Proof> verify(const std::string& pin, TimePoint now = start, const std::string& user = "alice")
    {
        return factor.verify({Ask::Purpose::challenge, user, {}, false, now}, answer(pin));
    }
};

TEST_F(PinTest, ProvesKnowledge)
{
    const auto proof = verify("correct horse");
    ASSERT_TRUE(proof);
    EXPECT_EQ(proof->user, "alice");
    EXPECT_EQ(proof->factor, "pin");
    EXPECT_EQ(proof->kind, "knowledge");
    EXPECT_FALSE(proof->phishing_resistant);
    EXPECT_EQ(proof->credential, (*accounts.pin("alice"))->id);
    EXPECT_EQ(proof->evidence.find("horse"), std::string::npos);
    EXPECT_EQ((*accounts.pin("alice"))->last_used, start);
}

TEST_F(PinTest, IsKeptAsArgon2id)
{
    const auto hash = (*accounts.pin("alice"))->hash;
    EXPECT_TRUE(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$")) << hash;
    const auto first = (*accounts.pin("alice"))->id;
    ASSERT_TRUE(set("correct horse"));
    EXPECT_NE((*accounts.pin("alice"))->hash, hash) << "salted";
    EXPECT_NE((*accounts.pin("alice"))->id, first);
    const auto moderate = password_hash("correct horse", {});
    ASSERT_TRUE(moderate);
    EXPECT_TRUE(moderate->starts_with("$argon2id$v=19$m=262144,t=3,p=1$")) << *moderate;
}

TEST_F(PinTest, NobodySignsInWithIt)
{
    const Ask sign_in{Ask::Purpose::sign_in, "alice", {}, false, start};
    EXPECT_EQ(factor.begin(sign_in).error(), errc::unsupported);
    EXPECT_EQ(factor.verify(sign_in, answer("correct horse")).error(), errc::unsupported);
}

TEST_F(PinTest, ByteForByte)
{
    for (const char* wrong : {"", "correcthorse", "correct horse ", "Correct horse"})
        EXPECT_EQ(verify(wrong).error(), errc::wrong_code) << wrong;
    EXPECT_EQ(verify(std::string(65, 'x')).error(), errc::malformed);
    EXPECT_EQ(factor.verify({Ask::Purpose::challenge, "alice", {}, false, start}, "{\"code\":\"x\"}").error(),
              errc::malformed);
}

TEST_F(PinTest, WrongOnesLockItForMinutesAndThenForTheDay)
{
    auto now = start;
    for (int wrong = 0; wrong < 5; ++wrong)
        EXPECT_EQ(verify("000001", now).error(), errc::wrong_code);
    EXPECT_EQ(verify("correct horse", now + 299s).error(), errc::locked_out) << "even the right one";
    for (int batch = 1; batch < 4; ++batch) {
        now += 301s;
        for (int wrong = 0; wrong < 5; ++wrong)
            EXPECT_EQ(verify("000001", now).error(), errc::wrong_code);
    }
    EXPECT_EQ(verify("correct horse", now + 2h).error(), errc::locked_out) << "twenty in a day";
    EXPECT_TRUE(verify("correct horse", now + 25h));
}

// Fails when every wrong answer is told.
TEST_F(PinTest, WhoeverIsToldOfALockIsToldOnce)
{
    std::vector<std::string> told;
    factor.observe_lockouts(
        [&](const std::string& user, const std::string& name) { told.push_back(user + " " + name); });
    auto now = start;
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(verify("wrong " + std::to_string(i), now).error(), errc::wrong_code);
    EXPECT_TRUE(told.empty());
    for (int i = 0; i < 3; ++i)
        EXPECT_FALSE(verify("wrong again", now));
    EXPECT_EQ(told, std::vector<std::string>{"alice pin"});
    for (int i = 0; i < 15; ++i) // slowly: for the day
        EXPECT_EQ(verify("wrong", now += 10min).error(), errc::wrong_code);
    EXPECT_EQ(verify("correct horse", now += 10min).error(), errc::locked_out);
    EXPECT_EQ(told, (std::vector<std::string>{"alice pin", "alice pin"}));
}

TEST_F(PinTest, OfSomebodyElseOrNobody)
{
    accounts.make_user("bob");
    EXPECT_EQ(verify("correct horse", start, "bob").error(), errc::not_enrolled);
    EXPECT_EQ(verify("correct horse", start, "nobody").error(), errc::wrong_code);
    alice.disabled = true;
    ASSERT_TRUE(accounts.update_user(alice));
    EXPECT_EQ(verify("correct horse").error(), errc::wrong_code);
}

TEST_F(PinTest, AnotherOneTakesItsPlace)
{
    ASSERT_TRUE(set("battery staple"));
    EXPECT_EQ(verify("correct horse").error(), errc::wrong_code);
    const auto proof = verify("battery staple");
    ASSERT_TRUE(proof);
    ASSERT_TRUE(accounts.remove_credential("alice", proof->credential));
    EXPECT_FALSE(*factor.enrolled("alice"));
    EXPECT_EQ(verify("battery staple").error(), errc::not_enrolled);
}

TEST_F(PinTest, WhatAnybodyWouldTryFirstIsRefused)
{
    for (const char* weak : {"12345", "111111", "121212", "123123", "123456", "987654", "abcdef", "ALICE", "abcabcabc",
                             "aabbaa", "zzzzzzzz9"})
        EXPECT_TRUE(weak_pin(weak, "alice")) << weak;
    EXPECT_TRUE(weak_pin("Robert", "roberT"));
    for (const char* good : {"271828", "pass word", "123459", "correct"})
        EXPECT_FALSE(weak_pin(good, "alice")) << good;
    EXPECT_EQ(set("123456").error(), errc::weak);
    EXPECT_TRUE(verify("correct horse")) << "the old one stays";
}

TEST_F(PinTest, WithoutAStoreOrRandomnessNothingPasses)
{
    Pin unlucky{accounts, cheap, [](std::span<std::byte>) { return false; }};
    const auto enrolment = unlucky.begin_enrolment(alice, start);
    EXPECT_EQ(unlucky.finish_enrolment(*enrolment, answer("battery staple"), "", start).error(), errc::no_randomness);
    EXPECT_EQ(factor.finish_enrolment(*enrolment, answer("battery staple"), "", start + 1h).error(), errc::expired);
    Pin starved{accounts, {1, std::size_t{1} << 50}};
    EXPECT_EQ(starved.finish_enrolment(*enrolment, answer("battery staple"), "", start).error(),
              errc::store_unavailable);
    accounts.break_store(true);
    EXPECT_EQ(verify("correct horse").error(), errc::store_unavailable);
    EXPECT_EQ(set("battery staple").error(), errc::store_unavailable);
    EXPECT_EQ(factor.enrolled("alice").error(), errc::store_unavailable);
    accounts.break_store(false);
    EXPECT_TRUE(verify("correct horse"));
}

} // namespace pin_test
} // namespace stepgate::challenge_web::factors
