#include "proxy/audit/lookback.h"

#include "proxy/audit/feeder.h"
#include "proxy/audit/record_codec.h"
#include "tests/unit/audit/asked.h"
#include "tests/unit/audit/support.h"

namespace stepgate::proxy::audit
{
namespace lookback_test
{

const TimePoint then{std::chrono::seconds{1'700'000'000}};

class LookbackTest : public AuditTest
{
  protected:
    void submit(Type type, const std::string& challenge, std::vector<Field> fields = {})
    {
        fields.emplace_back("challenge", challenge);
        ASSERT_TRUE(writer->submit(event(type, std::move(fields), "s-1", owner(challenge))));
    }
    /// "ann-1" is ann's.
    static std::string owner(const std::string& challenge) { return challenge.substr(0, challenge.find('-')); }
    void ask(const std::string& challenge, const std::string& text)
    {
        challenges::Question question;
        question.user = owner(challenge);
        question.session = "s-1";
        question.listener = "shop-pg";
        question.database = "shop";
        question.recorded.statements = {text};
        question.verdict.rules = {"del", "own"};
        question.verdict.labels = {"pii"};
        ASSERT_TRUE(writer->submit(Asked{question, challenge}.shown({{"code", std::string{"KX4-7PM"}}})));
    }
    void prove(const std::string& challenge, const std::string& who, const std::string& factor)
    {
        submit(Type::proof_accepted, challenge, {{"proof_user", who}, {"factor", factor}});
    }
    /// Ann's: one that ran after bob's approval, one that carol denied, one that expired. Bob's: left open.
    void make_journal()
    {
        writer = open(options());
        ask("ann-1", "delete from orders");
        prove("ann-1", "ann", "passkey");
        prove("ann-1", "bob", "totp");
        submit(Type::challenge_approved, "ann-1");
        submit(Type::release, "ann-1");
        ask("ann-2", "truncate orders");
        submit(Type::challenge_denied, "ann-2", {{"by", std::string{"carol"}}, {"reason", std::string{"not today"}}});
        ask("bob-1", "drop table orders");
        submit(Type::challenge_approved, "bob-1");
        ask("ann-3", "delete from a");
        submit(Type::challenge_expired, "ann-3");
        writer.reset();
        ASSERT_TRUE(reindex(directory_));
    }
    std::string history(const HistoryQuery& query)
    {
        auto lookback = Lookback::open(directory_);
        EXPECT_TRUE(lookback) << (lookback ? "" : lookback.error().message);
        const auto page = (*lookback)->history(query);
        EXPECT_TRUE(page) << (page ? "" : page.error().message);
        std::string text;
        for (const auto& past : page->challenges)
            text += past.challenge + " " + past.outcome + ", ";
        return text + (page->next ? "more" : "all");
    }
    std::unique_ptr<Writer> writer;
};

TEST_F(LookbackTest, EverybodyHasTheirOwnAndWhatTheyDecided)
{
    make_journal();
    EXPECT_EQ(history({.person = "ann"}), "ann-3 expired, ann-2 denied, ann-1 consumed, all");
    EXPECT_EQ(history({.person = "bob"}), "bob-1 approved, ann-1 consumed, all");
    EXPECT_EQ(history({.person = "carol"}), "ann-2 denied, all");
    EXPECT_EQ(history({.person = "dave"}), "all");
    EXPECT_EQ(history({.person = "person:ann"}), "all");
    EXPECT_EQ(history({.person = "ann", .outcome = "denied"}), "ann-2 denied, all");
    EXPECT_EQ(history({.person = "ann", .outcome = "pending"}), "all");
}

TEST_F(LookbackTest, PagesMeetEachOnce)
{
    make_journal();
    EXPECT_EQ(history({.person = "ann", .limit = 2}), "ann-3 expired, ann-2 denied, more");
    const auto page = (*Lookback::open(directory_))->history({.person = "ann", .limit = 2});
    EXPECT_EQ(history({.person = "ann", .before = page->next, .limit = 2}), "ann-1 consumed, all");
    EXPECT_EQ(history({.person = "ann", .limit = 3}), "ann-3 expired, ann-2 denied, ann-1 consumed, all");
}

TEST_F(LookbackTest, WhatIsShownOfOne)
{
    make_journal();
    const auto page = (*Lookback::open(directory_))->history({.person = "ann"});
    const auto& ran = page->challenges.at(2);
    EXPECT_EQ(ran.code, "KX4-7PM");
    EXPECT_EQ(ran.text, "delete from orders");
    EXPECT_EQ(ran.user + " " + ran.listener + " " + ran.database, "ann shop-pg shop");
    EXPECT_EQ(ran.rules, (std::vector<std::string>{"del", "own"}));
    EXPECT_EQ(ran.releases, 1);
    EXPECT_EQ(ran.closed, then);
    ASSERT_EQ(ran.answers.size(), 2U);
    EXPECT_EQ(ran.answers[0].user + " " + ran.answers[0].factor, "ann passkey");
    EXPECT_EQ(ran.answers[1].user + " " + ran.answers[1].factor, "bob totp");
    const auto& denied = page->challenges.at(1);
    EXPECT_EQ(denied.by + ": " + denied.reason, "carol: not today");
}

TEST_F(LookbackTest, WhatWasOpenWhenStepgateStoppedIsNotPendingForever)
{
    make_journal();
    writer = open(options()); // writes `start`
    ask("bob-2", "drop table b");
    writer.reset();
    ASSERT_TRUE(reindex(directory_));
    EXPECT_EQ(history({.person = "bob"}), "bob-2 pending, bob-1 cancelled, ann-1 consumed, all");
}

TEST_F(LookbackTest, RulesAreCountedByTheHour)
{
    make_journal();
    writer = open(options());
    auto lane = writer->make_lane();
    ASSERT_TRUE(writer->submit(event(Type::session_start,
                                     {{"number", std::int64_t{1}}, {"startup_rules", std::vector<std::string>{"repl"}}},
                                     "s-1", "ann")));
    for (const int hours : {0, 30, 200}) { // ago
        StatementEvent made;
        made.at_ns = to_ns(then - std::chrono::hours{hours});
        made.session = 1;
        made.text = "delete from orders";
        made.action = "challenge";
        made.rules = "del";
        ASSERT_TRUE(lane->statement(made));
    }
    writer.reset();
    ASSERT_TRUE(reindex(directory_));
    const auto tallies = (*Lookback::open(directory_))->tallies(then);
    ASSERT_TRUE(tallies);
    ASSERT_EQ(tallies->size(), 3U);
    const auto& del = tallies->at(0);
    EXPECT_EQ(del.rule, "del");
    EXPECT_EQ(del.day.matched, 1);
    EXPECT_EQ(del.week.matched, 2);
    EXPECT_EQ(del.day.held, 4);
    EXPECT_EQ(del.day.approved, 2);
    EXPECT_EQ(del.day.denied, 1);
    EXPECT_EQ(del.day.expired, 1);
    EXPECT_EQ(del.last, then);
    EXPECT_EQ(tallies->at(1).rule, "own");
    EXPECT_FALSE(tallies->at(1).last) << "held without a statement of its own in this journal";
    EXPECT_EQ(tallies->at(2).rule, "repl");
    const auto later = (*Lookback::open(directory_))->tallies(then + std::chrono::hours{24 * 7 + 1});
    EXPECT_EQ(later->at(0).week.matched, 0);
    EXPECT_EQ(later->at(0).last, then);
}

} // namespace lookback_test
} // namespace stepgate::proxy::audit
