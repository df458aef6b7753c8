#include "challenge-web/factors/email_code.h"

#include "tests/support/fake_accounts.h"

#include <gtest/gtest.h>

#include <chrono>
#include <set>

namespace stepgate::challenge_web::factors
{
namespace email_code_test
{

using namespace std::chrono_literals;
using tests::FakeAccounts;
using Delivery = EmailCode::Delivery;

const TimePoint start{std::chrono::seconds{1'700'000'000}};

struct Sent {
    std::string to, subject, text;
    std::function<void(bool)> done;
    [[nodiscard]] std::string code() const
    {
        const auto at = text.find("\n    ") + 5;
        return text.substr(at, 4) + text.substr(at + 5, 4);
    }
};

// Every check was taken out once, and tests of this file failed.
struct EmailCodeTest : testing::Test {
    FakeAccounts accounts;
    std::vector<Sent> mails;
    bool room = true;
    EmailCode factor{accounts,
                     [this](const std::string& to, const std::string& subject, const std::string& text,
                            std::function<void(bool)> done) {
                         if (room)
                             mails.push_back({to, subject, text, std::move(done)});
                         return room;
                     },
                     "https://stepgate.example"};
    accounts::User alice = accounts.make_user("alice");

    void SetUp() override { set_address("alice@example.com"); }
    void set_address(const std::string& address)
    {
        alice.email = address;
        ASSERT_TRUE(accounts.update_user(alice));
    }
    static Ask ask(unsigned char challenge = 1, TimePoint now = start, const std::string& user = "alice")
    {
        Ask out;
        out.purpose = Ask::Purpose::challenge;
        out.user = user;
        out.challenge.fill(std::byte{challenge});
        out.short_code = "KX4-7PM";
        out.now = now;
        return out;
    }
    result<Proof> verify(const std::string& code, const Ask& about)
    {
        return factor.verify(about, "{\"code\":\"" + code + "\"}");
    }
};

TEST_F(EmailCodeTest, TheMessageSaysWhichChallenge)
{
    EXPECT_EQ(*factor.begin(ask()), R"({"to":"a***@example.com","digits":8})");
    ASSERT_EQ(mails.size(), 1U);
    EXPECT_EQ(mails[0].to, "alice@example.com");
    EXPECT_NE(mails[0].subject.find("KX4-7PM"), std::string::npos);
    EXPECT_EQ(mails[0].subject.find(mails[0].code()), std::string::npos) << "not on a locked screen";
    EXPECT_NE(mails[0].text.find("KX4-7PM"), std::string::npos);
    EXPECT_NE(mails[0].text.find("https://stepgate.example"), std::string::npos);
    EXPECT_EQ(mails[0].code().find_first_not_of("0123456789"), std::string::npos) << mails[0].text;
}

TEST_F(EmailCodeTest, IsAProofOfPossessionOnce)
{
    ASSERT_TRUE(factor.begin(ask()));
    const auto code = mails[0].code();
    const auto proof = verify(code.substr(0, 4) + " " + code.substr(4), ask(1, start + 9min));
    ASSERT_TRUE(proof);
    EXPECT_EQ(proof->user, "alice");
    EXPECT_EQ(proof->factor, "email_code");
    EXPECT_EQ(proof->kind, "possession");
    EXPECT_FALSE(proof->phishing_resistant);
    EXPECT_EQ(proof->credential, "alice@example.com");
    EXPECT_EQ(proof->evidence.find(code), std::string::npos);
    EXPECT_EQ(verify(code, ask()).error(), errc::wrong_code);
}

TEST_F(EmailCodeTest, IsForOnePersonAndOneChallengeAndTenMinutes)
{
    auto bob = accounts.make_user("bob");
    bob.email = "bob@example.com";
    ASSERT_TRUE(accounts.update_user(bob));
    ASSERT_TRUE(factor.begin(ask()));
    const auto code = mails[0].code();
    EXPECT_EQ(verify(code, ask(2)).error(), errc::wrong_code) << "another challenge";
    EXPECT_EQ(verify(code, ask(1, start, "bob")).error(), errc::wrong_code) << "another person";
    EXPECT_EQ(verify(code, ask(1, start + 10min)).error(), errc::wrong_code) << "too late";
    EXPECT_TRUE(verify(code, ask(1, start + 10min - 1s)));
}

TEST_F(EmailCodeTest, OnlyTheNewestCounts)
{
    ASSERT_TRUE(factor.begin(ask()));
    ASSERT_TRUE(factor.begin(ask(2)));
    EXPECT_EQ(verify(mails[0].code(), ask()).error(), errc::wrong_code);
    mails[0].done(false);
    EXPECT_EQ(factor.delivery(ask(2)), Delivery::sending) << "news of an older one";
    EXPECT_TRUE(verify(mails[1].code(), ask(2)));
}

TEST_F(EmailCodeTest, WhatBecameOfIt)
{
    EXPECT_EQ(factor.delivery(ask()), Delivery::none);
    ASSERT_TRUE(factor.begin(ask()));
    EXPECT_EQ(factor.delivery(ask()), Delivery::sending);
    EXPECT_EQ(factor.delivery(ask(2)), Delivery::none);
    mails[0].done(true);
    EXPECT_EQ(factor.delivery(ask()), Delivery::sent);
    EXPECT_EQ(factor.delivery(ask(1, start + 11min)), Delivery::none);
    ASSERT_TRUE(factor.begin(ask()));
    mails[1].done(false);
    EXPECT_EQ(factor.delivery(ask()), Delivery::failed);
    EXPECT_EQ(verify(mails[1].code(), ask()).error(), errc::wrong_code) << "a message that failed may still arrive";
    room = false;
    EXPECT_EQ(factor.begin(ask()).error(), errc::busy);
    EXPECT_EQ(factor.delivery(ask()), Delivery::failed);
    EXPECT_EQ(verify("", ask()).error(), errc::wrong_code);
}

TEST_F(EmailCodeTest, GuessesLockIt)
{
    ASSERT_TRUE(factor.begin(ask()));
    const auto wrong = mails[0].code() == "00000000" ? "00000001" : "00000000";
    for (int guess = 0; guess < 5; ++guess)
        EXPECT_EQ(verify(wrong, ask()).error(), errc::wrong_code);
    EXPECT_EQ(verify(mails[0].code(), ask()).error(), errc::locked_out);
}

TEST_F(EmailCodeTest, TheAddressIsTheOneOfNow)
{
    ASSERT_TRUE(factor.begin(ask()));
    set_address("other@example.com");
    EXPECT_EQ(verify(mails[0].code(), ask()).error(), errc::wrong_code);
    set_address("");
    EXPECT_FALSE(*factor.enrolled("alice"));
    EXPECT_EQ(factor.begin(ask()).error(), errc::not_enrolled);
    set_address("alice@example.com");
    alice.disabled = true;
    ASSERT_TRUE(accounts.update_user(alice));
    EXPECT_EQ(factor.begin(ask()).error(), errc::not_enrolled);
    EXPECT_EQ(factor.begin(ask(1, start, "nobody")).error(), errc::not_enrolled);
}

TEST_F(EmailCodeTest, NobodySignsInWithItOrEnrolsIt)
{
    Ask sign_in = ask();
    sign_in.purpose = Ask::Purpose::sign_in;
    EXPECT_EQ(factor.begin(sign_in).error(), errc::unsupported);
    EXPECT_EQ(factor.verify(sign_in, "{\"code\":\"00000000\"}").error(), errc::unsupported);
    EXPECT_EQ(factor.begin_enrolment(alice, start).error(), errc::unsupported);
}

TEST_F(EmailCodeTest, WithoutMailStoreOrRandomnessThereIsNone)
{
    EmailCode off{accounts, {}, "https://stepgate.example"};
    EXPECT_FALSE(off.available());
    EXPECT_FALSE(*off.enrolled("alice"));
    EXPECT_EQ(off.begin(ask()).error(), errc::not_enrolled);
    EmailCode unlucky{accounts, [](auto&&...) { return true; }, "", [](std::span<std::byte>) { return false; }};
    EXPECT_EQ(unlucky.begin(ask()).error(), errc::no_randomness);
    ASSERT_TRUE(factor.begin(ask()));
    accounts.break_store(true);
    EXPECT_EQ(verify(mails[0].code(), ask()).error(), errc::store_unavailable);
    EXPECT_EQ(factor.begin(ask()).error(), errc::store_unavailable);
    EXPECT_EQ(factor.enrolled("alice").error(), errc::store_unavailable);
}

TEST_F(EmailCodeTest, EveryDigitIsDrawn)
{
    std::set<char> first;
    for (int i = 0; i < 200 && first.size() < 10; ++i) {
        ASSERT_TRUE(factor.begin(ask()));
        first.insert(mails.back().code()[0]);
    }
    EXPECT_EQ(first.size(), 10U);
}

} // namespace email_code_test
} // namespace stepgate::challenge_web::factors
