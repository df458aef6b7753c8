#include "challenge-web/factors/totp.h"

#include "challenge-web/factors/base32.h"
#include "tests/support/fake_accounts.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace stepgate::challenge_web::factors
{
namespace totp_test
{

using namespace std::chrono_literals;
using tests::FakeAccounts;

const TimePoint start{std::chrono::seconds{1'700'000'010}}; // the first second of a step
const std::string secret = "12345678901234567890";

TEST(Totp, VectorsOfRfc6238AppendixB)
{
    // The appendix gives eight digits; ours are the last six.
    const std::pair<std::int64_t, const char*> rows[] = {{59, "287082"},         {1111111109, "081804"},
                                                         {1111111111, "050471"}, {1234567890, "005924"},
                                                         {2000000000, "279037"}, {20000000000, "353130"}};
    for (const auto& [seconds, code] : rows)
        EXPECT_EQ(totp_code(secret, seconds / 30), code) << seconds;
    EXPECT_EQ(totp_step(TimePoint{59s}), 1);
    EXPECT_EQ(totp_step(TimePoint{60s}), 2);
}

TEST(Totp, VectorsOfRfc4648)
{
    const std::pair<const char*, const char*> rows[] = {{"", ""},
                                                        {"f", "MY"},
                                                        {"fo", "MZXQ"},
                                                        {"foo", "MZXW6"},
                                                        {"foob", "MZXW6YQ"},
                                                        {"fooba", "MZXW6YTB"},
                                                        {"foobar", "MZXW6YTBOI"}};
    for (const auto& [raw, text] : rows)
        EXPECT_EQ(base32_encode(raw), text);
}

TEST(Totp, AddressForTheQrCode)
{
    EXPECT_EQ(
        otpauth_uri("al ice&x", "foobar"),
        "otpauth://totp/stepgate:al%20ice%26x?secret=MZXW6YTBOI&issuer=stepgate&algorithm=SHA1&digits=6&period=30");
}

struct TotpTest : testing::Test {
    FakeAccounts accounts;
    Totp totp{accounts};

    TotpTest()
    {
        accounts.make_user("alice");
        (void)accounts.add_totp({"cred-1", "alice", secret, 0, "phone", start});
    }
    static std::string answer(const std::string& code) { return "{\"code\":\"" + code + "\"}"; }
    result<Proof> verify(const std::string& code, TimePoint now = start, const std::string& user = "alice")
    {
        return totp.verify({Ask::Purpose::challenge, user, {}, false, now}, answer(code));
    }
    static std::string code(int steps = 0) { return totp_code(secret, totp_step(start) + steps); }
};

TEST_F(TotpTest, ARightCodeIsAProof)
{
    const auto proof = verify(code());
    ASSERT_TRUE(proof);
    EXPECT_EQ(proof->user, "alice");
    EXPECT_EQ(proof->factor, "totp");
    EXPECT_EQ(proof->kind, "possession");
    EXPECT_FALSE(proof->phishing_resistant);
    EXPECT_EQ(proof->credential, "cred-1");
    EXPECT_EQ(proof->evidence, R"({"type":"totp","credential":"cred-1","step":56666667})");
}

TEST_F(TotpTest, WindowIsOneStepEitherWay)
{
    const std::pair<int, bool> rows[] = {{-2, false}, {-1, true}, {0, true}, {1, true}, {2, false}};
    for (const auto& [steps, good] : rows) {
        FakeAccounts fresh;
        fresh.make_user("alice");
        (void)fresh.add_totp({"cred-1", "alice", secret, 0, "phone", start});
        Totp other{fresh};
        EXPECT_EQ(other.verify({Ask::Purpose::sign_in, "alice", {}, false, start}, answer(code(steps))).has_value(),
                  good)
            << steps;
    }
}

TEST_F(TotpTest, EachStepOnce)
{
    EXPECT_TRUE(verify(code()));
    EXPECT_EQ(verify(code()).error(), errc::replayed);
    EXPECT_EQ(verify(code(-1)).error(), errc::replayed) << "an older step, though never used";
    EXPECT_TRUE(verify(code(1)));
}

TEST_F(TotpTest, SpacesAreFine)
{
    EXPECT_TRUE(verify(code().insert(3, " ")));
}

TEST_F(TotpTest, WrongCodes)
{
    for (const char* wrong : {"", "12345", "1234567", "abcdef", "000000"})
        EXPECT_EQ(verify(wrong).error(), errc::wrong_code) << wrong;
}

TEST_F(TotpTest, MalformedAnswersAreNotGuesses)
{
    for (const char* text : {"", "{}", "[]", R"({"code":123456})", R"({"code":null})"})
        for (int i = 0; i < 6; ++i)
            EXPECT_EQ(totp.verify({Ask::Purpose::sign_in, "alice", {}, false, start}, text).error(), errc::malformed);
    EXPECT_EQ(totp.verify({Ask::Purpose::sign_in, "alice", {}, false, start}, answer(std::string(2000, '1'))).error(),
              errc::malformed);
    EXPECT_TRUE(verify(code()));
}

TEST_F(TotpTest, LocksAfterFiveWrongCodesInFiveMinutes)
{
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(verify("000000", start + i * 10s).error(), errc::wrong_code);
    const auto later = [](std::chrono::seconds after) { return totp_code(secret, totp_step(start + after)); };
    EXPECT_EQ(verify(later(50s), start + 50s).error(), errc::locked_out) << "even the right code";
    Totp restarted{accounts};
    EXPECT_EQ(restarted.verify({Ask::Purpose::sign_in, "alice", {}, false, start + 51s}, answer(later(51s))).error(),
              errc::locked_out);
    EXPECT_EQ(verify(later(299s), start + 299s).error(), errc::locked_out);
    EXPECT_TRUE(verify(later(301s), start + 301s)) << "the first one is older than five minutes";
}

TEST_F(TotpTest, PatientGuessingIsLockedForADay)
{
    auto now = start;
    for (int i = 0; i < 50; ++i, now += 61s)
        EXPECT_EQ(verify("000000", now).error(), errc::wrong_code) << i;
    now += 1h;
    EXPECT_EQ(verify(totp_code(secret, totp_step(now)), now).error(), errc::locked_out) << "even the right code";
    now = start + 24h + 1s;
    EXPECT_TRUE(verify(totp_code(secret, totp_step(now)), now)) << "the first one is older than a day";
}

TEST_F(TotpTest, ARightCodeClearsTheCount)
{
    for (int i = 0; i < 4; ++i)
        (void)verify("000000");
    EXPECT_TRUE(verify(code()));
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(verify("000000").error(), errc::wrong_code);
}

TEST_F(TotpTest, ParallelGuessesAreCountedOneByOne)
{
    std::atomic<int> wrong{0}, locked{0};
    {
        std::vector<std::jthread> guessers;
        for (int i = 0; i < 8; ++i)
            guessers.emplace_back([&] {
                for (int n = 0; n < 4; ++n) {
                    const auto guess = verify("000000");
                    wrong += guess.error() == make_error_code(errc::wrong_code);
                    locked += guess.error() == make_error_code(errc::locked_out);
                }
            });
    }
    EXPECT_EQ(wrong, 5);
    EXPECT_EQ(locked, 27);
}

TEST_F(TotpTest, OthersAreNotTold)
{
    auto disabled = accounts.make_user("dora");
    disabled.disabled = true;
    (void)accounts.update_user(disabled);
    (void)accounts.add_totp({"cred-2", "dora", secret, 0, "phone", start});
    for (const char* user : {"nobody", "dora"}) {
        for (int i = 0; i < 5; ++i)
            EXPECT_EQ(verify(code(), start, user).error(), errc::wrong_code) << user;
        EXPECT_EQ(verify(code(), start, user).error(), errc::locked_out) << user;
        EXPECT_EQ(totp.begin({Ask::Purpose::sign_in, user, {}, false, start}).value(), R"({"digits":6})");
    }
    EXPECT_EQ(verify(code(), start, "").error(), errc::wrong_code);
    EXPECT_EQ(verify(code(), start, std::string(129, 'x')).error(), errc::wrong_code);
    EXPECT_EQ(totp.begin({Ask::Purpose::challenge, "nobody", {}, false, start}).error(), errc::not_enrolled);
}

TEST_F(TotpTest, WithoutAStoreNothingIsProven)
{
    accounts.break_store(true);
    EXPECT_EQ(verify(code()).error(), errc::store_unavailable);
    EXPECT_EQ(totp.enrolled("alice").error(), errc::store_unavailable);
}

TEST_F(TotpTest, Enrolment)
{
    const auto user = accounts.make_user("bob");
    const auto enrolment = totp.begin_enrolment(user, start).value();
    ASSERT_EQ(enrolment.state.size(), 20u);
    const auto options = boost::json::parse(enrolment.options).as_object();
    EXPECT_EQ(options.at("secret").as_string(), base32_encode(enrolment.state));
    EXPECT_EQ(options.at("uri").as_string(), otpauth_uri("bob", enrolment.state));
    EXPECT_FALSE(totp.enrolled("bob").value()) << "nothing is stored yet";
    EXPECT_EQ(totp.finish_enrolment(enrolment, answer("000000"), "phone", start).error(), errc::wrong_code);
    const auto good = totp_code(enrolment.state, totp_step(start));
    EXPECT_EQ(totp.finish_enrolment(enrolment, answer(good), "phone", start + 10min).error(), errc::expired);
    const auto enrolled = totp.finish_enrolment(enrolment, answer(good), "phone", start);
    ASSERT_TRUE(enrolled);
    EXPECT_EQ(enrolled->credential.size(), 16u);
    EXPECT_TRUE(totp.enrolled("bob").value());
    EXPECT_EQ(verify(good, start, "bob").error(), errc::replayed) << "the confirming code is spent";
    EXPECT_TRUE(verify(totp_code(enrolment.state, totp_step(start) + 1), start, "bob"));
}

TEST_F(TotpTest, WithoutRandomnessNothingIsEnrolled)
{
    Totp dry{accounts, [](std::span<std::byte>) { return false; }};
    EXPECT_EQ(dry.begin_enrolment(accounts.make_user("bob"), start).error(), errc::no_randomness);
}

} // namespace totp_test
} // namespace stepgate::challenge_web::factors
