#include "proxy/app/command_check.h"
#include "proxy/app/command_explain.h"

#include <gtest/gtest.h>

#include <sstream>

namespace stepgate::proxy::app
{
namespace explain_test
{

struct Run {
    int exit_code;
    std::string out, err;
};

Run explain(ExplainOptions options, const std::string& input = {})
{
    std::istringstream in{input};
    std::ostringstream out, err;
    const int exit_code = run_explain(options, in, out, err);
    return {exit_code, out.str(), err.str()};
}

ExplainOptions with_packs()
{
    ExplainOptions options;
    options.config = "tests/cases/config/valid/full.toml";
    options.user = "alice";
    options.database = "shop";
    return options;
}

TEST(Explain, OneStatementWithoutConfiguration)
{
    ExplainOptions options;
    options.statement = "delete from orders";
    const auto run = explain(options);
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_EQ(run.out,
              R"({"id":null,"facts":{"parsed":true,"opaque":false,"opaque_reasons":[],"statements":[{"kind":"delete",)"
              R"("reads":[],"writes":[{"table":"public.orders","columns":[]}],"calls":[],"where":"missing",)"
              R"("destructive":true}]}})"
              "\n");
}

TEST(Explain, OneStatementWithPacks)
{
    auto options = with_packs();
    options.statement = "delete from orders";
    const auto run = explain(options);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_NE(
        run.out.find(R"(,"verdict":{"action":"challenge","level":2,"rules":["delete-without-where"],"labels":[]}})"),
        std::string::npos)
        << run.out;
}

/// What each line's answer must contain, in order.
struct Line {
    const char *input, *contains;
};

void expect_lines(const ExplainOptions& options, const std::vector<Line>& lines, int exit_code)
{
    std::string input;
    for (const auto& line : lines)
        input += std::string{line.input} + '\n';
    const auto run = explain(options, input);
    EXPECT_EQ(run.exit_code, exit_code) << run.err;
    std::istringstream out{run.out};
    std::string answer;
    for (const auto& line : lines) {
        ASSERT_TRUE(std::getline(out, answer)) << line.input;
        EXPECT_NE(answer.find(line.contains), std::string::npos) << line.input << '\n' << answer;
    }
    EXPECT_FALSE(std::getline(out, answer)) << answer;
}

TEST(Explain, JsonLines)
{
    expect_lines(with_packs(),
                 {
                     {R"({"id":1,"sql":"select 1"})", R"({"id":1,"facts":{"parsed":true)"},
                     {R"({"id":"a","sql":"select ssn from customers"})",
                      R"("rules":["read-pii","read-secret"],"labels":["pii","secret"])"},
                     {R"({"id":[1,{"x":2}],"sql_base64":"c2VsZWN0IDE="})", R"({"id":[1,{"x":2}],"facts")"},
                     {R"({"sql":"select 1; delete from orders"})", R"("level":2,"rules":["delete-without-where"])"},
                     {R"({"sql":"selec"})", R"("parsed":false,"opaque":true)"},
                     {R"({"sql":"selec"})", R"("rules":["default.opaque"])"},
                     {R"({"sql_base64":"c2VsZWN0ICf/Jw=="})", R"("verdict")"}, // select '\xff'
                     {R"({"sql":"exec xp_cmdshell"})", R"("action":"deny","level":0,"rules":["no-cmdshell"])"},
                     {R"({"dialect":"mysql","sql":"select `ssn` from customers","database":"shop"})",
                      R"("reads":[{"table":"shop.customers","columns":["ssn"]}])"},
                     {R"({"dialect":"mariadb","sql":"delete from orders"})",
                      R"("action":"challenge","level":2,"rules":["delete-without-where"])"},
                     {R"({"sql":""})", R"("statements":[]},"verdict":{"action":"allow")"},
                 },
                 0);
}

TEST(Explain, LinesOfOneSessionAreJudgedInOrder)
{
    expect_lines(with_packs(),
                 {
                     {R"({"session":"s","sql":"set search_path = hr"})", R"("action":"allow")"},
                     {R"({"session":"s","sql":"select id from t"})", R"("table":"hr.t")"},
                     {R"({"session":"other","sql":"select id from t"})", R"("table":"public.t")"},
                     {R"({"sql":"select id from t"})", R"("table":"public.t")"},
                     {R"({"session":"s","search_path":["x"],"sql":"select id from t"})", R"("table":"x.t")"},
                     {R"({"session":7,"sql":"prepare d as delete from orders"})", R"("verdict")"},
                     {R"({"session":7,"sql":"execute d"})", R"("delete-without-where")"},
                     {R"({"session":8,"sql":"execute d"})", R"("opaque":true)"},
                 },
                 0);
}

TEST(Explain, MysqlSessions)
{
    expect_lines(
        with_packs(),
        {
            {R"({"dialect":"mysql","sql":"select \"ssn\" from customers"})", R"("columns":[])"},
            {R"({"dialect":"mysql","sql_mode":"ANSI_QUOTES","sql":"select \"ssn\" from customers"})",
             R"("columns":["ssn"])"},
            {R"({"session":1,"dialect":"mysql","sql":"set sql_mode = 'ansi'"})", R"("kind":"set")"},
            {R"({"session":1,"dialect":"mysql","sql":"select \"ssn\" from customers"})", R"("columns":["ssn"])"},
            {R"({"session":1,"dialect":"mysql","sql":"use hr"})", R"("kind":"use")"},
            {R"({"session":1,"dialect":"mysql","sql":"select id from t"})", R"("table":"hr.t")"},
            {R"({"session":1,"dialect":"mysql","sql":"prepare d from 'delete from t'"})", R"("prepare")"},
            {R"({"session":1,"dialect":"mysql","sql":"execute d"})", R"("delete-without-where")"},
            {R"({"dialect":"mysql","sql":"select 1 /*!80030 , ssn */ from customers"})", R"("opaque":true)"},
            {R"({"dialect":"mysql","server_version":"8.0.36","sql":"select 1 /*!80030 , ssn */ from c"})",
             R"("columns":["ssn"])"},
            {R"({"dialect":"mariadb","server_version":"10.11.6-MariaDB","sql":"select 1 /*!80030 , ssn */ from c"})",
             R"("columns":[])"},
            {R"({"dialect":"mysql","sql_mode":"ORACLE","sql":"select 1"})", R"("opaque":true)"},
        },
        0);
    expect_lines(
        with_packs(),
        {
            {R"({"dialect":"mysql","sql_mode":"sharp","sql":"select 1"})", R"("error":"unknown sql_mode)"},
            {R"({"dialect":"mysql","server_version":"x","sql":"select 1"})", R"("error":"unknown server_version)"},
            {R"({"dialect":"mysql","sql_mode":7,"sql":"select 1"})", R"("error":"\"sql_mode\" must be)"},
        },
        1);
}

TEST(Explain, BadLines)
{
    expect_lines(
        with_packs(),
        {
            {R"({"id":1,"sql":)", R"({"id":null,"error":"not JSON: )"},
            {R"([])", R"({"id":null,"error":"not a JSON object"})"},
            {R"({"id":2})", R"({"id":2,"error":"there is no \"sql\""})"},
            {R"({"id":3,"sql":7})", R"({"id":3,"error":"\"sql\" must be a string"})"},
            {R"({"id":4,"sql":"select 1","search_path":"a"})",
             R"("error":"\"search_path\" must be an array of strings")"},
            {R"({"id":5,"sql":"a","sql_base64":"YQ=="})", R"("error":"give \"sql\" or \"sql_base64\", not both")"},
            {R"({"id":6,"sql_base64":"YQ"})", R"("error":"\"sql_base64\" is not base64")"},
            {R"({"id":7,"sql":"select 1","dialect":"oracle"})", R"("error":"unknown dialect \"oracle\")"},
            {R"({"id":8,"sql":"select 1"})", R"({"id":8,"facts")"}, // and the rest is still answered
        },
        1);
    EXPECT_EQ(explain(with_packs(), "\n  \n\r\n").out, "");
    EXPECT_EQ(explain(with_packs(), std::string(100'000, '[') + "\n").exit_code, 1);
}

/// A line's snapshot counts from there on, for the view's real columns: no name of the statement matches a label.
TEST(Explain, CatalogOfALine)
{
    expect_lines(with_packs(),
                 {
                     {R"({"sql":"select * from plain_table"})", R"("labels":[])"},
                     {R"({"sql":"select * from plain_table","catalog":"tests/cases/catalog/small.json"})",
                      R"("labels":["pii"]})"},
                     {R"({"sql":"select * from plain_table"})", R"("labels":["pii"]})"},
                     {R"({"id":4,"sql":"select 1","catalog":"tests/cases/catalog/none.json"})",
                      R"({"id":4,"error":"tests/cases/catalog/none.json: the file cannot be read"})"},
                 },
                 1);
}

TEST(Explain, CatalogOption)
{
    auto options = with_packs();
    options.catalog = "tests/cases/catalog/small.json";
    options.statement = "select * from plain_table";
    EXPECT_NE(explain(options).out.find(R"("labels":["pii"])"), std::string::npos) << explain(options).out;
    options.catalog = "tests/cases/catalog/broken.json";
    EXPECT_EQ(explain(options).exit_code, 2);
    EXPECT_EQ(explain(options).err,
              "stepgate: tests/cases/catalog/broken.json: relations[0]: unknown field \"colums\"\n");
}

TEST(Explain, WrongOptions)
{
    ExplainOptions dialect;
    dialect.dialect = "oracle";
    EXPECT_EQ(explain(dialect).exit_code, 2);
    ExplainOptions listener;
    listener.listener = "a";
    EXPECT_EQ(explain(listener).exit_code, 2);
    auto unknown = with_packs();
    unknown.listener = "none";
    EXPECT_EQ(explain(unknown).exit_code, 2);
    EXPECT_NE(explain(unknown).err.find("shop-pg watch"), std::string::npos);
    ExplainOptions broken;
    broken.config = "tests/cases/config/invalid/duplicate_key.toml";
    const auto run = explain(broken);
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_EQ(run.out, "");
    EXPECT_TRUE(run.err.starts_with("tests/cases/config/invalid/duplicate_key.toml:2:")) << run.err;
}

TEST(Check, SaysWhatItFound)
{
    std::ostringstream out, err;
    EXPECT_EQ(run_check({"tests/cases/config/valid/minimal.toml"}, out, err), 0);
    EXPECT_TRUE(out.str().starts_with("ok: 1 listener, 1 rule, 2 labels, policy revision ")) << out.str();
    EXPECT_EQ(err.str(), "");
}

TEST(Check, PrintsEveryError)
{
    std::ostringstream out, err;
    EXPECT_EQ(run_check({"tests/cases/config/invalid/policies.toml"}, out, err), 2);
    EXPECT_EQ(out.str(), "");
    EXPECT_NE(err.str().find(R"(broken.toml:3:22: unknown statement kind "detele"; did you mean "delete"?)"),
              std::string::npos)
        << err.str();
    EXPECT_NE(err.str().find("3 errors\n"), std::string::npos) << err.str();
}

} // namespace explain_test
} // namespace stepgate::proxy::app
