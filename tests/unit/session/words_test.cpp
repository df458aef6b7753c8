#include "proxy/session/words.h"

#include <gtest/gtest.h>

namespace stepgate::proxy::session
{
namespace words_test
{

using policies::rules::Requirement;
using policies::rules::Verdict;

struct Row {
    const char* name;
    Requirement requirement;
    const char* text;
};

Verdict challenge(const Requirement& requirement)
{
    Verdict verdict;
    verdict.action = policies::rules::Action::challenge;
    verdict.requirement = requirement;
    verdict.rules = {"delete-without-where"};
    return verdict;
}

TEST(Words, say_what_an_approval_needs)
{
    const Row table[] = {
        {"one factor", {1, {}, {}, 0}, "needs a passkey, or an authenticator code, or another way"},
        {"strong", {2, {}, {}, 0}, "needs a passkey, or an authenticator code and a PIN, or another way"},
        {"verified, and one colleague", {3, {}, {}, 1}, "needs a passkey · and approval by 1 of group approvers"},
        {"two of a group", {3, {}, "dba", 2}, "needs a passkey · and approval by 2 of group dba"},
        {"the rule names a factor", {1, {"totp"}, {}, 0}, "needs an authenticator code"},
        {"one that an admin sets up", {1, {"email_code"}, {}, 0}, "needs a code by e-mail"},
        {"a named one that is too weak alone",
         {2, {"pin"}, {}, 0},
         "needs a passkey and a PIN, or an authenticator code and a PIN, or another way"},
        {"nothing is enough",
         {9, {}, {}, 0},
         "needs what nobody can show: tell whoever writes the policy · and approval by 1 of group approvers"},
    };
    for (const auto& row : table)
        EXPECT_EQ(needed(challenge(row.requirement)), row.text) << row.name;
}

TEST(Words, put_it_into_the_first_line)
{
    const auto verdict = challenge({2, {}, "dba", 1});
    const std::string where = "approve at https://x/c/1 · code KX4-7PM · needs a passkey";
    EXPECT_EQ(held(verdict, {"https://x/c/1", "KX4-7PM"}, false).message.find("STATEMENT HELD · " + where), 0U);
    const auto again = run_it_again(verdict, "1", {"https://x/c/1", "KX4-7PM"}).message;
    EXPECT_EQ(again.find("statement held: " + where), 0U);
    EXPECT_NE(again.find("and approval by 1 of group dba, then run it again (rule delete-without-where)"), again.npos)
        << again;
    const ChallengeSign pushed{"https://x/c/1", "KX4-7PM", {}, "47"};
    for (const auto& words : {held(verdict, pushed, false), still_held(pushed), run_it_again(verdict, "1", pushed)})
        EXPECT_NE(words.message.find("code KX4-7PM · number 47"), std::string::npos) << words.message;
}

TEST(Words, say_how_long_a_statement_waits)
{
    using std::chrono_literals::operator""s;
    const auto verdict = challenge({1, {}, {}, 0});
    for (const auto& [time, text] : {std::pair{300s, "for 5 min and"}, {60s, "for 1 min and"}, {90s, "for 90 s and"}}) {
        const auto hint = held(verdict, {"https://x/c/1", "KX4-7PM", time}, false).hint;
        EXPECT_NE(hint.find(text), hint.npos) << hint;
    }
}

TEST(Words, say_where_the_next_challenge_is)
{
    using std::chrono_literals::operator""s;
    const auto words =
        not_released(Gate::End::expired, challenge({1, {}, {}, 0}), "not approved in time", 300s, "https://x/inbox");
    EXPECT_EQ(words.message, "statement held: not approved in 5 min (rule delete-without-where)");
    EXPECT_EQ(words.hint, "Run it again to get a new challenge, and approve it meanwhile at https://x/inbox.");
}

TEST(Words, show_what_a_statement_hides)
{
    auto verdict = challenge({2, {}, {}, 0});
    verdict.because = {"calls \x1b[2Ja\nNOTICE: b\u202e\u200b\u00ad\U000e0041, which is not known"};
    EXPECT_EQ(held(verdict, {"https://x/c/1", "AAA-BBB"}, false).detail,
              "delete-without-where: calls \\x1b[2Ja\\nNOTICE: b\\u202e\\u200b\\xad\\ue0041, which is not known");
}

TEST(Words, tell_programs_what_they_need)
{
    auto verdict = challenge({2, {"passkey"}, "d\"ba", 1});
    EXPECT_EQ(run_it_again(verdict, "1", {"https://x/c/1", "KX4-7PM"}).data,
              R"({"challenge_id":"1","url":"https://x/c/1","code":"KX4-7PM",)"
              R"("requirement":{"level":2,"factors":["passkey"],"approvals":1,"approvers":"d\"ba"}})");
    EXPECT_TRUE(
        run_it_again(verdict, "1", {"https://x/c/1", "KX4-7PM", {}, "07"}).data.ends_with(R"(},"number":"07"})"));
    verdict = challenge({1, {}, {}, 0});
    EXPECT_NE(run_it_again(verdict, "1", {"https://x/c/1", "KX4-7PM"}).data.find(R"("approvals":0,"approvers":null)"),
              std::string::npos);
}

} // namespace words_test
} // namespace stepgate::proxy::session
