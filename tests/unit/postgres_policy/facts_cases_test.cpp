// Runs tests/cases/postgres/*.facts: a line is a statement and the facts expected of it.

#include "catalog_notation.h"
#include "facts_notation.h"

#include "policies/postgres/analyzer.h"
#include "policies/postgres/facts_memo.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace stepgate::tests
{
namespace facts_cases_test
{

using policies::postgres::Analyzer;
using policies::postgres::FactsMemo;
using policies::postgres::SessionState;

const std::filesystem::path folder = "tests/cases/postgres";

std::string trimmed(std::string_view text)
{
    const std::size_t begin = text.find_first_not_of(" \t");
    const std::size_t end = text.find_last_not_of(" \t\r");
    return begin == std::string_view::npos ? std::string{} : std::string{text.substr(begin, end - begin + 1)};
}

/// "\n" in a case is a line end, "\b" a backslash.
std::string unescaped(std::string text)
{
    for (std::size_t at = 0; (at = text.find('\\', at)) != std::string::npos; ++at)
        if (at + 1 < text.size() && (text[at + 1] == 'n' || text[at + 1] == 'b'))
            text.replace(at, 2, text[at + 1] == 'n' ? "\n" : "\\");
    return text;
}

class CaseFile
{
  public:
    explicit CaseFile(std::filesystem::path path) : path_(std::move(path)) {}

    void run()
    {
        std::ifstream in{path_};
        ASSERT_TRUE(in) << path_;
        for (std::string line; std::getline(in, line);) {
            ++number_;
            const std::string text = trimmed(line);
            if (text.empty() || text.starts_with('#'))
                continue;
            if (text.starts_with('@'))
                directive(text.substr(1));
            else
                check(text);
        }
        EXPECT_GT(cases_, 0) << path_ << " holds no case";
    }

  private:
    void fail(const std::string& what) { ADD_FAILURE_AT(path_.c_str(), number_) << what; }

    void directive(const std::string& text)
    {
        const std::string word = text.substr(0, text.find(' '));
        const std::string rest = unescaped(trimmed(text.substr(std::min(text.size(), word.size()))));
        if (word == "session") {
            state_ = SessionState{};
        } else if (word == "user") {
            SessionState::Start start;
            start.user = rest;
            state_ = SessionState{start};
        } else if (word == "catalog") {
            notation_.emplace();
        } else if (std::string problem; notation_ && notation_->take(unescaped(text), problem)) {
            if (!problem.empty())
                fail(problem);
        } else if (word == "backslashes") {
            SessionState::Start start;
            start.standard_conforming_strings = false;
            state_ = SessionState{start};
        } else if (word == "run") {
            const auto facts = analyzer_.analyze(rest, state_, catalog().get());
            if (!facts.parsed || facts.statements.empty())
                fail("@run needs a statement");
            for (const auto& statement : facts.statements)
                state_.apply(statement);
        } else if (word == "parse") { // @parse name sql: a Parse message
            state_.prepare(rest.substr(0, rest.find(' ')), trimmed(rest.substr(rest.find(' '))));
        } else if (word == "encoding") {
            state_.server_reported("client_encoding", rest);
        } else {
            fail("unknown directive @" + word);
        }
    }

    void check(const std::string& line)
    {
        const std::size_t arrow = line.rfind(" -> ");
        if (arrow == std::string::npos)
            return fail("no \" -> \" in the line");
        std::string problem;
        const auto expected = parse_notation(line.substr(arrow + 4), problem);
        if (!expected)
            return fail(problem);
        ++cases_;
        const std::string sql = unescaped(trimmed(line.substr(0, arrow)));
        const auto facts = analyzer_.analyze(sql, state_, catalog().get());
        const NotedFacts actual = note(facts, *expected);
        if (!(actual == *expected) || actual.opaque_contains.find(expected->opaque_contains) == std::string::npos)
            fail("expected " + to_text(*expected) + "\n     got " + to_text(actual));
        for (int round = 0; round < 2; ++round)
            if (!(*memo_.facts(sql, state_, catalog()) == facts))
                fail("the memo differs from a fresh analysis");
    }

    [[nodiscard]] std::shared_ptr<const policies::catalog::Catalog> catalog()
    {
        return notation_ ? notation_->made() : nullptr;
    }

    std::filesystem::path path_;
    int number_ = 0;
    int cases_ = 0;
    Analyzer analyzer_;
    FactsMemo memo_;
    SessionState state_;
    std::optional<CatalogNotation> notation_;
};

class FactsCases : public testing::TestWithParam<std::string>
{
};

TEST_P(FactsCases, AsExpected)
{
    CaseFile{folder / (GetParam() + ".facts")}.run();
}

std::vector<std::string> case_files()
{
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator{folder})
        if (entry.path().extension() == ".facts")
            names.push_back(entry.path().stem());
    std::ranges::sort(names);
    return names;
}

INSTANTIATE_TEST_SUITE_P(Files, FactsCases, testing::ValuesIn(case_files()),
                         [](const auto& test) { return test.param; });

TEST(FactsNotation, RefusesWhatItDoesNotKnow)
{
    std::string problem;
    EXPECT_FALSE(parse_notation("delte reads=public.t", problem));
    EXPECT_FALSE(parse_notation("delete read=public.t", problem));
    EXPECT_FALSE(parse_notation("delete destructive=yes", problem));
    EXPECT_FALSE(parse_notation("delete where", problem));
    EXPECT_FALSE(parse_notation("delete where=missing where=missing", problem));
    EXPECT_FALSE(parse_notation("", problem));
    EXPECT_TRUE(parse_notation("nothing", problem));
    EXPECT_TRUE(parse_notation("delete writes=public.t where=missing destructive opaque(calls f)", problem));
}

} // namespace facts_cases_test
} // namespace stepgate::tests
