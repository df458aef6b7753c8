// Runs tests/cases/mysql/*.facts and tests/cases/mariadb/*.facts: a line is a statement and the facts expected of it.

#include "facts_notation.h"
#include "server_notation.h"

#include "policies/mysql/analyzer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>

namespace stepgate::tests
{
namespace facts_cases_test
{

using policies::mysql::Analyzer;
using policies::mysql::SessionState;
using policies::statement::Dialect;

std::string trimmed(std::string_view text)
{
    const std::size_t begin = text.find_first_not_of(" \t");
    const std::size_t end = text.find_last_not_of(" \t\r");
    return begin == std::string_view::npos ? std::string{} : std::string{text.substr(begin, end - begin + 1)};
}

/// "\n" in a case is a line end, "\b" a backslash, "\x1f" the byte with that number.
std::string unescaped(std::string text)
{
    for (std::size_t at = 0; (at = text.find('\\', at)) != std::string::npos; ++at) {
        const char kind = at + 1 < text.size() ? text[at + 1] : '\0';
        if (kind == 'n' || kind == 'b') {
            text.replace(at, 2, kind == 'n' ? "\n" : "\\");
        } else if (kind == 'x' && at + 3 < text.size()) {
            int byte = 0;
            std::from_chars(text.data() + at + 2, text.data() + at + 4, byte, 16);
            text.replace(at, 4, 1, static_cast<char>(byte));
        }
    }
    return text;
}

class CaseFile
{
  public:
    CaseFile(std::filesystem::path path, Dialect dialect) : path_(std::move(path))
    {
        standard_.version = policies::mysql::any_version(dialect);
        standard_.database = "shop";
        state_ = SessionState{standard_};
        start_ = standard_;
    }

    void run()
    {
        std::ifstream in{path_};
        ASSERT_TRUE(in) << path_;
        for (std::string line; std::getline(in, line);) {
            ++number_;
            const std::string text = trimmed(line);
            if (text.empty() || text.starts_with('#'))
                continue;
            if (text.starts_with('@') && text.find(" -> ") == std::string::npos)
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
        if (word == "catalog")
            return void(server_.emplace(start_.version.mariadb, start_.version.high));
        if (server_ && server_->take(unescaped(text)))
            return;
        const auto restart = [&](auto&& change) {
            change();
            state_ = SessionState{start_};
        };
        if (word == "session") {
            restart([&] { start_ = standard_; });
        } else if (word == "version") {
            const auto version = policies::mysql::parse_server_version(rest);
            if (!version)
                return fail("no version: " + rest);
            restart([&] { start_.version = *version; });
        } else if (word == "mode") {
            restart([&] { start_.sql_mode = rest; });
        } else if (word == "charset") {
            restart([&] { start_.charset = rest; });
        } else if (word == "database") {
            restart([&] { start_.database = rest; });
        } else if (word == "run" || word == "foresee") {
            const auto facts = analyzer_.analyze(rest, state_, catalog());
            if (!facts.parsed || facts.statements.empty())
                fail("@" + word + " needs a statement");
            for (const auto& statement : facts.statements)
                word == "run" ? state_.apply(statement) : state_.foresee(statement);
        } else if (word == "reported_mode") {
            state_.server_reported_sql_mode(rest);
        } else if (word == "reported_charset") {
            state_.server_reported_charset(rest);
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
        const auto facts = analyzer_.analyze(sql, state_, catalog());
        const NotedFacts actual = note(facts, *expected);
        if (!(actual == *expected) || actual.opaque_contains.find(expected->opaque_contains) == std::string::npos)
            fail("expected " + to_text(*expected) + "\n     got " + to_text(actual));
    }

    [[nodiscard]] const policies::catalog::Catalog* catalog() { return server_ ? server_->made().get() : nullptr; }

    std::filesystem::path path_;
    std::optional<ServerNotation> server_;
    int number_ = 0;
    int cases_ = 0;
    Analyzer analyzer_;
    SessionState::Start standard_, start_;
    SessionState state_;
};

class MysqlFactsCases : public testing::TestWithParam<std::string>
{
};

TEST_P(MysqlFactsCases, AsExpected)
{
    const std::filesystem::path path = "tests/cases/" + GetParam() + ".facts";
    CaseFile{path, GetParam().starts_with("mariadb") ? Dialect::mariadb : Dialect::mysql}.run();
}

std::vector<std::string> case_files()
{
    std::vector<std::string> names;
    for (const std::string folder : {"mysql", "mariadb"})
        for (const auto& entry : std::filesystem::directory_iterator{"tests/cases/" + folder})
            if (entry.path().extension() == ".facts")
                names.push_back(folder + "/" + entry.path().stem().string());
    std::ranges::sort(names);
    return names;
}

INSTANTIATE_TEST_SUITE_P(Files, MysqlFactsCases, testing::ValuesIn(case_files()), [](const auto& test) {
    std::string name = test.param;
    std::ranges::replace(name, '/', '_');
    return name;
});

} // namespace facts_cases_test
} // namespace stepgate::tests
