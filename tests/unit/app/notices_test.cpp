#include "proxy/app/notices.h"

#include "proxy/notify/messages.h"

#include <gtest/gtest.h>

namespace stepgate::proxy::app
{
namespace notices_test
{

namespace challenges = challenge_web::challenges;
using notify::Event;
using What = challenges::Event::What;

// What no message may show, wherever it stands. Taken out once: with texts in place of shapes this fails.
constexpr std::string_view secret = "hunter2";

challenges::Event held(const std::string& dialect, const std::string& sql)
{
    challenges::Event event{What::opened, {}, {}, {}, {}};
    auto& challenge = event.challenge;
    challenge.id = "c1";
    challenge.code = "KX4-7PM";
    challenge.request_reason = "for hunter2";
    challenge.close_reason = "not for hunter2";
    auto& question = challenge.question;
    question.user = "ada";
    question.application_name = "hunter2";
    question.client_address = "10.0.0.1";
    question.listener = "shop";
    question.database = "shop";
    question.dialect = dialect;
    question.statements.push_back({sql, {{"hunter2", false, 25}}});
    question.recorded.statements = {sql};
    question.verdict.rules = {"delete"};
    question.verdict.because = {"Removes rows"};
    question.verdict.requirement.level = 2;
    return event;
}

std::string all_messages(const notify::Notice& notice)
{
    const auto mail = mail_of(notice, "bob@example.com");
    return webhook_body(notice) + slack_body(notice) + teams_body(notice) + mail.subject + mail.text;
}

TEST(Notices, NoMessageCarriesALiteral)
{
    struct Row {
        const char* dialect;
        std::string sql;
        const char* shape;
    };
    for (const auto& [dialect, sql, shape] : {
             Row{"postgres", "delete from t where a = 'hunter2' -- hunter2", "delete from t where a = $1"},
             Row{"postgres", "/* hunter2 */ select E'hunter2', $x$hunter2$x$, U&'hunter2'", "select $1, $2, $3"},
             Row{"postgres", "select 1 as \"my hunter2\", 2 as U&\"hunter2\"", "select $1 as …, $2 as …"},
             Row{"postgres", "select '\\' , 'hunter2'", "…"},
             Row{"postgres", "select 'hunter2", "…"},
             Row{"postgres", std::string(20'000, ' ') + "select 'hunter2'", "…"},
             Row{"mysql", "delete from t where a = 'hunter2' # hunter2", "delete from t where a = ?"},
             Row{"mysql", "select \"hunter2\", `my hunter2`, N'hunter2', _utf8'hunter2'", "select ?, …, ?, _utf8?"},
             Row{"mysql", "select /*!50000 'hunter2' */", "…"},
             Row{"mariadb", "select /*M! 'hunter2' */", "…"},
             Row{"mariadb", "set password for a@b = 'hunter2'", "set password for a@b = ?"},
             Row{"mysql", "select 'a\\'', 'hunter2'", "…"},
         })
        for (const auto event : {Event::challenge_opened, Event::challenge_decided, Event::second_person_needed}) {
            const auto notice = notice_of(event, held(dialect, sql), "https://stepgate.example");
            EXPECT_EQ(notice.statements, std::vector<std::string>{shape}) << sql;
            EXPECT_EQ(all_messages(notice).find(secret), std::string::npos) << sql;
            EXPECT_NE(all_messages(notice).find("https://stepgate.example/c/c1"), std::string::npos);
        }
}

TEST(Notices, NamesAreMadeReadable)
{
    auto event = held("postgres", "select 1");
    event.challenge.question.database = "a\nb\xff\xe2\x80\xae";
    const auto notice = notice_of(Event::challenge_opened, event, "");
    EXPECT_EQ(notice.database.find('\xff'), std::string::npos);
    EXPECT_EQ(notice.database.find("\xe2\x80\xae"), std::string::npos);
}

TEST(Notices, ADecisionSaysHowItEnded)
{
    auto event = held("postgres", "select 1");
    event.challenge.state = challenges::State::denied;
    event.challenge.closed_by = "bob";
    auto notice = notice_of(Event::challenge_decided, event, "");
    EXPECT_EQ(notice.outcome, "denied");
    EXPECT_EQ(notice.by, "bob");
    event.challenge.state = challenges::State::cancelled;
    event.challenge.closed_by = "ada";
    EXPECT_EQ(notice_of(Event::challenge_decided, event, "").outcome, "withdrawn");
    event.challenge.closed_by = {};
    EXPECT_EQ(notice_of(Event::challenge_decided, event, "").outcome, "cancelled");
}

TEST(Notices, ManyStatementsAreNotAllShown)
{
    auto event = held("postgres", "select 1");
    for (int i = 0; i < 9; ++i)
        event.challenge.question.statements.push_back({"select 2", {}});
    const auto notice = notice_of(Event::challenge_opened, event, "");
    EXPECT_EQ(notice.statements.size(), 6U);
    EXPECT_EQ(notice.statements.back(), "…");
}

} // namespace notices_test
} // namespace stepgate::proxy::app
