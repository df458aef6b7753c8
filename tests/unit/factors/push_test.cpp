#include "challenge-web/factors/push.h"

#include "challenge-web/challenges/base64url.h"
#include "tests/support/fake_accounts.h"
#include "tests/support/push_reader.h"

#include <boost/json/parse.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <set>

namespace stepgate::challenge_web::factors
{
namespace push_test
{

using namespace std::chrono_literals;
using tests::FakeAccounts;
using tests::PushReader;
namespace json = boost::json;

const TimePoint start{std::chrono::seconds{1'700'000'000}};
const std::vector<std::string> hosts{"push.example", "*.push.example", "127.0.0.1:8444"};

TEST(PushOrigin, OnlyHttpsAndHostsThatAreNamed)
{
    const auto origin = [](std::string_view endpoint) { return push_origin(endpoint, hosts).value_or("refused"); };
    EXPECT_EQ(origin("https://push.example/send/1"), "https://push.example");
    EXPECT_EQ(origin("https://eu.push.example/send?x=1"), "https://eu.push.example");
    EXPECT_EQ(origin("https://127.0.0.1:8444/send"), "https://127.0.0.1:8444");
    for (const std::string_view endpoint : {
             "http://push.example/send",
             "https://push.example",
             "https://push.example:444/send",
             "https://push.example:443/send",
             "https://127.0.0.1/send",
             "https://127.0.0.1:8445/send",
             "https://eu.push.example:8080/send",
             "https://notpush.example/send",
             "https://.push.example/send",
             "https://push.example./send",
             "https://push.example@10.0.0.1/send",
             "https://10.0.0.1#push.example/send",
             "https://push.example\\@10.0.0.1/send",
             "https://[::1]/send",
             "https://localhost/send",
             "https://169.254.169.254/latest",
             "https://PUSH.example/send",
             "https://push.example/se nd",
             "https://push.example/\r\nHost: x",
             "ftp://push.example/",
             "",
         })
        EXPECT_EQ(origin(endpoint), "refused") << endpoint;
    EXPECT_EQ(origin("https://push.example/" + std::string(2000, 'x')), "refused");
}

/// What a service worker was told.
struct Read {
    std::string title, body, url, token, enrol;
};

// Every check was taken out once, and tests of this file failed.
struct PushTest : testing::Test {
    FakeAccounts accounts;
    PushReader browser, other_browser;
    std::vector<PushRequest> sent;
    std::vector<std::string> removed, problems;
    std::vector<std::function<void()>> waiting; // while `later`
    int status = 201;
    bool room = true, later = false, audited = true;
    std::set<std::string> deciders;
    std::string key = new_push_key().value();
    Push factor{accounts, {"mailto:ops@example.com", key, hosts}, ports()};
    accounts::User alice = accounts.make_user("alice");
    unsigned char digests = 0;

    PushPorts ports()
    {
        PushPorts out;
        out.send = [this](const PushRequest& request) -> std::optional<int> {
            sent.push_back(request);
            return status;
        };
        out.run = [this](std::function<void()> job) {
            if (room && later)
                waiting.push_back(std::move(job));
            else if (room)
                job();
            return room;
        };
        out.may_decide = [this](const challenges::Snapshot&, const std::string& user) {
            return deciders.contains(user);
        };
        out.remove = [this](const std::string& user, const std::string& credential) {
            removed.push_back(user + ' ' + credential);
            return audited && accounts.remove_credential(user, credential).has_value();
        };
        out.log = [this](const std::string& problem) { problems.push_back(problem); };
        return out;
    }
    static PushSubscription subscription(const PushReader& reader, const std::string& path = "send/1")
    {
        return {"https://push.example/" + path, reader.public_key(), reader.auth()};
    }
    Read read(const PushRequest& request, const PushReader& reader)
    {
        Read out;
        const auto text = reader.read(request.body);
        EXPECT_TRUE(text) << "not for this browser";
        if (!text)
            return out;
        const auto object = json::parse(*text).as_object();
        const auto member = [&](const char* name) {
            return object.contains(name) ? std::string{object.at(name).as_string()} : std::string{};
        };
        out = {member("title"), member("body"), member("url"), {}, member("enrol")};
        if (const auto at = out.url.find("#push="); at != std::string::npos)
            out.token = out.url.substr(at + 6);
        return out;
    }
    std::string enrol(const accounts::User& user, const PushReader& reader, const std::string& path = "send/1")
    {
        const auto begun = factor.subscribe(user, subscription(reader, path), start);
        EXPECT_TRUE(begun);
        const auto token = read(sent.back(), reader).enrol;
        const auto enrolled = factor.finish_enrolment(*begun, R"({"token":")" + token + "\"}", "Phone", start);
        EXPECT_TRUE(enrolled);
        sent.clear();
        return enrolled ? enrolled->credential : "";
    }
    challenges::Event event(challenges::Event::What what, const challenges::Digest& digest, int level = 1)
    {
        challenges::Event out;
        out.what = what;
        out.at = start;
        out.challenge.id = "challenge-id";
        out.challenge.code = "KX4-7PM";
        out.challenge.digest = digest;
        out.challenge.expires = start + 5min;
        out.challenge.question.user = "alice";
        out.challenge.question.statements.push_back({"delete from orders where id = 4711", {}});
        out.challenge.question.verdict.rules = {"delete-some"};
        out.challenge.question.verdict.requirement.level = level;
        return out;
    }
    /// Holds a statement and gives back how it would be answered.
    Ask hold(int level = 1)
    {
        Ask out;
        out.purpose = Ask::Purpose::challenge;
        out.user = "alice";
        out.challenge.fill(std::byte{++digests});
        out.short_code = "KX4-7PM";
        out.now = start;
        factor.on_challenge(event(challenges::Event::What::opened, out.challenge, level));
        return out;
    }
    result<Proof> answer(const Ask& ask, const std::string& token, const std::string& number)
    {
        return factor.verify(ask, R"({"token":")" + token + R"(","number":")" + number + "\"}");
    }
    std::vector<std::string> choices(const Ask& ask, const std::string& token)
    {
        const auto text = factor.choices(ask, token);
        EXPECT_TRUE(text);
        std::vector<std::string> out;
        if (!text)
            return out;
        const auto parsed = json::parse(*text);
        for (const auto& number : parsed.at("numbers").as_array())
            out.emplace_back(number.as_string());
        return out;
    }
    std::string wrong_number(const Ask& ask, const std::string& token)
    {
        for (const auto& number : choices(ask, token))
            if (number != factor.number(ask.challenge))
                return number;
        return {};
    }
};

TEST_F(PushTest, EnrolsTheBrowserThatGotTheTestMessage)
{
    const auto begun = factor.subscribe(alice, subscription(browser), start);
    ASSERT_TRUE(begun);
    EXPECT_EQ(begun->options.find("token"), std::string::npos) << "the page must not learn it from us";
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_FALSE(other_browser.read(sent[0].body)) << "readable by others";
    EXPECT_FALSE(*factor.enrolled("alice"));
    const auto token = read(sent[0], browser).enrol;
    EXPECT_EQ(factor.finish_enrolment(*begun, R"({"token":"AAAA"})", "Phone", start).error(), errc::wrong_code);
    EXPECT_EQ(factor.finish_enrolment(*begun, R"({"token":")" + token + "\"}", "Phone", begun->expires).error(),
              errc::expired);
    const auto enrolled = factor.finish_enrolment(*begun, R"({"token":")" + token + "\"}", "Phone", start);
    ASSERT_TRUE(enrolled);
    EXPECT_EQ(enrolled->factor, "push");
    EXPECT_TRUE(*factor.enrolled("alice"));
    EXPECT_EQ((*accounts.pushes("alice"))[0].endpoint, "https://push.example/send/1");
    EXPECT_EQ(factor.finish_enrolment(*begun, R"({"token":")" + token + "\"}", "Phone", start).error(), errc::exists);
}

TEST_F(PushTest, RefusesWhatCannotBeWrittenToOrMustNotBeCalled)
{
    auto bad = subscription(browser);
    bad.public_key[40] = static_cast<char>(bad.public_key[40] ^ 1);
    EXPECT_EQ(factor.subscribe(alice, bad, start).error(), errc::malformed);
    bad = subscription(browser);
    bad.endpoint = "https://10.0.0.1/send";
    EXPECT_EQ(factor.subscribe(alice, bad, start).error(), errc::refused_endpoint);
    EXPECT_TRUE(sent.empty());
    room = false;
    EXPECT_EQ(factor.subscribe(alice, subscription(browser), start).error(), errc::busy);
}

TEST_F(PushTest, WithoutPortsNobodyHasIt)
{
    Push none{accounts, {}, {}};
    enrol(alice, browser);
    EXPECT_FALSE(none.available());
    EXPECT_FALSE(*none.enrolled("alice"));
    EXPECT_EQ(none.subscribe(alice, subscription(browser), start).error(), errc::unsupported);
    none.refresh();
    challenges::Digest digest{};
    none.on_challenge(event(challenges::Event::What::opened, digest));
    EXPECT_EQ(none.number(digest), "");
}

TEST_F(PushTest, TheMessageSaysWhichChallengeAndNothingOfTheStatement)
{
    enrol(alice, browser);
    const auto ask = hold();
    ASSERT_EQ(sent.size(), 1U);
    const auto text = browser.read(sent[0].body).value();
    const auto told = read(sent[0], browser);
    EXPECT_NE(told.title.find("KX4-7PM"), std::string::npos);
    EXPECT_NE(told.body.find("delete-some"), std::string::npos);
    EXPECT_TRUE(told.url.starts_with("/c/challenge-id#push="));
    EXPECT_EQ(text.find("4711"), std::string::npos) << "a literal";
    EXPECT_EQ(text.find("orders"), std::string::npos);
    const auto number = factor.number(ask.challenge);
    EXPECT_EQ(number.size(), 2U);
    EXPECT_EQ(text.find('"' + number + '"'), std::string::npos) << "the number is for the terminal only";
    const auto has = [&](const std::string& header) {
        return std::find(sent[0].headers.begin(), sent[0].headers.end(), header) != sent[0].headers.end();
    };
    EXPECT_TRUE(has("TTL: 300"));
    EXPECT_TRUE(has("Urgency: high"));
    EXPECT_TRUE(has("Content-Encoding: aes128gcm"));
}

TEST_F(PushTest, TheRightNumberIsAProofOnce)
{
    const auto credential = enrol(alice, browser);
    const auto ask = hold();
    const auto token = read(sent[0], browser).token;
    const auto numbers = choices(ask, token);
    EXPECT_EQ(std::set<std::string>(numbers.begin(), numbers.end()).size(), 3U);
    const auto number = factor.number(ask.challenge);
    EXPECT_NE(std::find(numbers.begin(), numbers.end(), number), numbers.end());
    const auto proof = answer(ask, token, number);
    ASSERT_TRUE(proof);
    EXPECT_EQ(proof->user, "alice");
    EXPECT_EQ(proof->factor, "push");
    EXPECT_EQ(proof->kind, "possession");
    EXPECT_FALSE(proof->phishing_resistant);
    EXPECT_FALSE(proof->user_verified);
    EXPECT_EQ(proof->credential, credential);
    EXPECT_EQ(proof->evidence.find(token), std::string::npos);
    EXPECT_EQ((*accounts.pushes("alice"))[0].last_used, start);
    EXPECT_EQ(answer(ask, token, number).error(), errc::replayed);
    EXPECT_EQ(factor.choices(ask, token).error(), errc::replayed);
    EXPECT_FALSE(factor.waits_for(ask));
}

TEST_F(PushTest, AWrongNumberBurnsAndCounts)
{
    enrol(alice, browser);
    const auto ask = hold();
    const auto token = read(sent[0], browser).token;
    const auto number = factor.number(ask.challenge);
    EXPECT_EQ(answer(ask, token, wrong_number(ask, token)).error(), errc::wrong_code);
    EXPECT_EQ(*accounts.failures("alice", "push", start - 1min), 1);
    EXPECT_EQ(answer(ask, token, number).error(), errc::replayed) << "a second guess";
    EXPECT_EQ(factor.number(ask.challenge), "") << "no longer asked for";
    EXPECT_EQ(*accounts.failures("alice", "push", start - 1min), 1);
    EXPECT_FALSE(factor.waits_for(ask));
    EXPECT_EQ(factor.begin(ask).error(), errc::not_enrolled) << "a new token for the same number";
}

TEST_F(PushTest, WrongNumbersOfManyChallengesLockIt)
{
    enrol(alice, browser);
    for (int i = 0; i < 5; ++i) {
        auto ask = hold();
        const auto token = read(sent.back(), browser).token;
        EXPECT_EQ(answer(ask, token, wrong_number(ask, token)).error(), errc::wrong_code);
    }
    auto ask = hold();
    EXPECT_EQ(answer(ask, "x", "10").error(), errc::locked_out);
}

TEST_F(PushTest, IsForOneChallengeOnePersonAndItsTime)
{
    enrol(alice, browser);
    auto ask = hold();
    const auto token = read(sent[0], browser).token;
    const auto other = hold();
    const auto other_token = read(sent[1], browser).token;
    const auto number = factor.number(ask.challenge);
    EXPECT_EQ(answer(ask, other_token, number).error(), errc::unknown_credential) << "of another challenge";
    EXPECT_EQ(answer(other, token, factor.number(other.challenge)).error(), errc::unknown_credential);
    EXPECT_EQ(factor.choices(ask, other_token).error(), errc::unknown_credential);
    accounts.make_user("bob");
    auto bobs = ask;
    bobs.user = "bob";
    EXPECT_EQ(answer(bobs, token, number).error(), errc::unknown_credential) << "another person";
    auto late = ask;
    late.now = start + 5min;
    EXPECT_EQ(answer(late, token, number).error(), errc::expired);
    EXPECT_FALSE(factor.waits_for(late));
    EXPECT_EQ(answer(ask, "", number).error(), errc::unknown_credential) << "no token";
    auto sign_in = ask;
    sign_in.purpose = Ask::Purpose::sign_in;
    EXPECT_EQ(answer(sign_in, token, number).error(), errc::unsupported);
    late.now -= 1s;
    EXPECT_TRUE(answer(late, token, number));
}

TEST_F(PushTest, AnotherMessageVoidsTheTokensBefore)
{
    enrol(alice, browser);
    const auto ask = hold();
    ASSERT_TRUE(factor.begin(ask));
    ASSERT_EQ(sent.size(), 2U);
    const auto number = factor.number(ask.challenge);
    EXPECT_EQ(answer(ask, read(sent[0], browser).token, number).error(), errc::unknown_credential);
    EXPECT_TRUE(answer(ask, read(sent[1], browser).token, number));
}

TEST_F(PushTest, EachBrowserHasItsOwnTokenAndOneAnswerCloses)
{
    enrol(alice, browser);
    const auto second = enrol(alice, other_browser, "send/2");
    const auto ask = hold();
    ASSERT_EQ(sent.size(), 2U);
    const bool first_is_browser = browser.read(sent[0].body).has_value();
    const auto one = read(sent[first_is_browser ? 0 : 1], browser).token;
    const auto two = read(sent[first_is_browser ? 1 : 0], other_browser).token;
    EXPECT_NE(one, two);
    const auto number = factor.number(ask.challenge);
    EXPECT_EQ(answer(ask, two, number)->credential, second);
    EXPECT_EQ(answer(ask, one, number).error(), errc::replayed);
}

TEST_F(PushTest, ABrowserThatWasRemovedProvesNothing)
{
    const auto credential = enrol(alice, browser);
    const auto ask = hold();
    const auto token = read(sent[0], browser).token;
    ASSERT_TRUE(accounts.remove_credential("alice", credential));
    EXPECT_EQ(answer(ask, token, factor.number(ask.challenge)).error(), errc::unknown_credential);
}

TEST_F(PushTest, OfSomebodyDisabledNothingIsTaken)
{
    enrol(alice, browser);
    const auto ask = hold();
    const auto token = read(sent[0], browser).token;
    alice.disabled = true;
    ASSERT_TRUE(accounts.update_user(alice));
    EXPECT_EQ(answer(ask, token, factor.number(ask.challenge)).error(), errc::not_enrolled);
    sent.clear();
    hold();
    EXPECT_TRUE(sent.empty());
}

TEST_F(PushTest, NoNumberWhereItCannotBeUsed)
{
    EXPECT_EQ(factor.number(hold().challenge), "") << "nothing enrolled";
    enrol(alice, browser);
    EXPECT_EQ(factor.number(hold(3).challenge), "") << "a level that a push does not reach";
    EXPECT_NE(factor.number(hold(2).challenge), "") << "together with a PIN";
    room = false;
    EXPECT_EQ(factor.number(hold().challenge), "") << "no message will come";
}

TEST_F(PushTest, WhenTheChallengeIsOverSoIsThePush)
{
    enrol(alice, browser);
    const auto ask = hold();
    const auto token = read(sent[0], browser).token;
    const auto number = factor.number(ask.challenge);
    factor.on_challenge(event(challenges::Event::What::denied, ask.challenge));
    EXPECT_EQ(factor.number(ask.challenge), "");
    EXPECT_EQ(answer(ask, token, number).error(), errc::unknown_credential);
}

TEST_F(PushTest, NothingIsSentForAChallengeThatIsOverAlready)
{
    enrol(alice, browser);
    later = true;
    const auto ask = hold();
    factor.on_challenge(event(challenges::Event::What::cancelled, ask.challenge));
    ASSERT_EQ(waiting.size(), 1U);
    waiting[0]();
    EXPECT_TRUE(sent.empty());
}

TEST_F(PushTest, NobodyIsWornDown)
{
    enrol(alice, browser);
    for (int i = 0; i < 8; ++i)
        hold();
    EXPECT_EQ(sent.size(), 5U) << "in one minute";
    auto ask = hold();
    EXPECT_EQ(factor.number(ask.challenge), "");
}

TEST_F(PushTest, ABrowserThatItsServiceNoLongerKnowsIsRemoved)
{
    for (const int answered : {404, 410}) {
        const auto credential = enrol(alice, browser);
        status = answered;
        audited = false;
        hold();
        EXPECT_TRUE(*factor.enrolled("alice")) << "not without the audit";
        audited = true;
        hold();
        EXPECT_EQ(removed.back(), "alice " + credential);
        EXPECT_FALSE(*factor.enrolled("alice"));
        EXPECT_EQ(factor.number(hold().challenge), "");
        status = 201;
    }
    enrol(alice, browser);
    status = 500;
    hold();
    EXPECT_TRUE(*factor.enrolled("alice"));
    EXPECT_FALSE(problems.empty());
}

TEST_F(PushTest, ApproversGetALinkAndNoToken)
{
    auto bob = accounts.make_user("bob");
    accounts.make_user("carol");
    enrol(bob, browser);
    enrol(*accounts.find_user("carol").value(), other_browser, "send/2");
    deciders = {"alice", "bob"};
    auto opened = event(challenges::Event::What::opened, {}, 3);
    opened.challenge.question.verdict.requirement.approvals = 1;
    factor.on_challenge(opened);
    ASSERT_EQ(sent.size(), 1U) << "carol may not decide";
    const auto told = read(sent[0], browser);
    EXPECT_EQ(told.url, "/c/challenge-id");
    EXPECT_NE(told.body.find("alice"), std::string::npos);
    EXPECT_EQ(factor.number({}), "");
}

TEST_F(PushTest, WithoutTheStoreNothingIsVerified)
{
    enrol(alice, browser);
    const auto ask = hold();
    const auto token = read(sent[0], browser).token;
    accounts.break_store(true);
    EXPECT_EQ(factor.enrolled("alice").error(), errc::store_unavailable);
    EXPECT_EQ(answer(ask, token, factor.number(ask.challenge)).error(), errc::store_unavailable);
    accounts.break_store(false);
    EXPECT_TRUE(answer(ask, token, factor.number(ask.challenge)));
}

} // namespace push_test
} // namespace stepgate::challenge_web::factors
