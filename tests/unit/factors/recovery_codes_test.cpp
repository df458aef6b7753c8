#include "challenge-web/factors/recovery_codes.h"

#include "tests/support/fake_accounts.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <set>

namespace stepgate::challenge_web::factors
{
namespace recovery_codes_test
{

using namespace std::chrono_literals;
using tests::FakeAccounts;

const TimePoint start{std::chrono::seconds{1'700'000'000}};

struct RecoveryCodesTest : testing::Test {
    FakeAccounts accounts;
    RecoveryCodes factor{accounts};
    accounts::User alice = accounts.make_user("alice");
    std::vector<std::string> codes;

    void SetUp() override
    {
        const auto enrolment = factor.begin_enrolment(alice, start);
        ASSERT_TRUE(enrolment);
        const auto options = boost::json::parse(enrolment->options);
        for (const auto& code : options.at("codes").as_array())
            codes.emplace_back(code.as_string());
        ASSERT_FALSE(*factor.enrolled("alice")) << "nothing counts before the user has kept them";
        ASSERT_TRUE(factor.finish_enrolment(*enrolment, "{}", "", start));
    }
    result<Proof> verify(const std::string& code, TimePoint now = start, const std::string& user = "alice")
    {
        return factor.verify({Ask::Purpose::challenge, user, {}, false, now}, "{\"code\":\"" + code + "\"}");
    }
};

TEST_F(RecoveryCodesTest, TenDifferentOnesInGroups)
{
    EXPECT_EQ(std::set<std::string>(codes.begin(), codes.end()).size(), 10U);
    for (const auto& code : codes) {
        EXPECT_EQ(code.size(), 19U);
        EXPECT_EQ(std::ranges::count(code, '-'), 3);
    }
}

TEST_F(RecoveryCodesTest, OnlyHashesAreKept)
{
    const auto sheet = accounts.recovery_sheet("alice");
    for (const auto& hash : (*sheet)->unused) {
        EXPECT_EQ(hash.size(), 32U);
        for (const auto& code : codes)
            EXPECT_EQ(hash.find(code.substr(0, 4)), std::string::npos);
    }
}

TEST_F(RecoveryCodesTest, EachIsAProofOnce)
{
    const auto proof = verify(codes[3]);
    ASSERT_TRUE(proof);
    EXPECT_EQ(proof->user, "alice");
    EXPECT_EQ(proof->factor, "recovery_code");
    EXPECT_EQ(proof->kind, "possession");
    EXPECT_FALSE(proof->phishing_resistant);
    EXPECT_EQ(proof->credential, (*accounts.recovery_sheet("alice"))->id);
    EXPECT_EQ(proof->evidence.find(codes[3]), std::string::npos);
    EXPECT_EQ(verify(codes[3]).error(), errc::wrong_code);
    EXPECT_TRUE(verify(codes[4]));
    EXPECT_EQ(*factor.begin({Ask::Purpose::challenge, "alice", {}, false, start}), R"({"left":8})");
}

TEST_F(RecoveryCodesTest, HoweverTheyAreTyped)
{
    std::string lower = codes[0], bare;
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    std::ranges::copy_if(codes[1], std::back_inserter(bare), [](char c) { return c != '-'; });
    EXPECT_TRUE(verify(lower));
    EXPECT_TRUE(verify(" " + bare + " "));
}

TEST_F(RecoveryCodesTest, WrongOnesLockTheFactor)
{
    for (const char* wrong : {"", "AAAA-AAAA-AAAA-AAAA", "123456", "x", "AAAA"})
        EXPECT_EQ(verify(wrong).error(), errc::wrong_code) << wrong;
    EXPECT_EQ(verify(codes[0], start + 299s).error(), errc::locked_out) << "even the right one";
    EXPECT_TRUE(verify(codes[0], start + 301s));
}

TEST_F(RecoveryCodesTest, OfSomebodyElseOrNobody)
{
    accounts.make_user("bob");
    EXPECT_EQ(verify(codes[0], start, "bob").error(), errc::wrong_code);
    EXPECT_EQ(verify(codes[0], start, "nobody").error(), errc::wrong_code);
    alice.disabled = true;
    ASSERT_TRUE(accounts.update_user(alice));
    EXPECT_EQ(verify(codes[0]).error(), errc::wrong_code);
}

TEST_F(RecoveryCodesTest, OneSheetAUserAndNoneWhenUsedUp)
{
    const auto again = factor.begin_enrolment(alice, start);
    EXPECT_EQ(factor.finish_enrolment(*again, "{}", "", start).error(), errc::exists);
    EXPECT_EQ(factor.finish_enrolment(*again, "{}", "", start + 1h).error(), errc::expired);
    for (const auto& code : codes)
        EXPECT_TRUE(verify(code));
    EXPECT_FALSE(*factor.enrolled("alice"));
    EXPECT_EQ(factor.begin({Ask::Purpose::challenge, "alice", {}, false, start}).error(), errc::not_enrolled);
}

TEST_F(RecoveryCodesTest, WithoutAStoreOrRandomnessNothingPasses)
{
    RecoveryCodes unlucky{accounts, [](std::span<std::byte>) { return false; }};
    EXPECT_EQ(unlucky.begin_enrolment(alice, start).error(), errc::no_randomness);
    accounts.break_store(true);
    EXPECT_EQ(verify(codes[0]).error(), errc::store_unavailable);
    EXPECT_EQ(factor.enrolled("alice").error(), errc::store_unavailable);
    accounts.break_store(false);
    EXPECT_TRUE(verify(codes[0]));
}

} // namespace recovery_codes_test
} // namespace stepgate::challenge_web::factors
