#include "policies/rules/judge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

// Runs tests/cases/policy/*.verdicts against the shipped packs: one statement a line, " -> ", what stepgate says:
// "allow", "notify RULE…", "challenge level=N RULE…" or "deny RULE…". Lines with # are comments. Each statement is
// judged in a session of its own, of MySQL or MariaDB in files named mysql….

namespace stepgate::policies::rules
{
namespace verdict_cases_test
{

std::string text_of(const Verdict& verdict)
{
    std::string text{to_string(verdict.action)};
    if (verdict.action == Action::challenge)
        text += " level=" + std::to_string(verdict.requirement.level);
    if (verdict.action != Action::allow)
        for (const auto& rule : verdict.rules)
            text += ' ' + rule;
    return text;
}

std::shared_ptr<const Policy> packs()
{
    const std::vector<std::filesystem::path> files{"policies/packs/destructive.toml", "policies/packs/pii.toml"};
    const auto loaded = load_policy_files(files);
    if (const auto* errors = std::get_if<std::vector<PolicyError>>(&loaded))
        for (const auto& error : *errors)
            ADD_FAILURE() << to_string(error);
    const auto* policy = std::get_if<std::shared_ptr<const Policy>>(&loaded);
    return policy == nullptr ? std::make_shared<const Policy>() : *policy;
}

std::string trimmed(std::string text)
{
    const auto space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
    while (!text.empty() && space(text.back()))
        text.pop_back();
    return text.substr(std::min(text.find_first_not_of(" \t"), text.size()));
}

std::vector<std::string> case_files()
{
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator{"tests/cases/policy"})
        if (entry.path().extension() == ".verdicts")
            files.push_back(entry.path().string());
    std::ranges::sort(files);
    return files;
}

class VerdictCases : public testing::TestWithParam<std::string>
{
};

TEST_P(VerdictCases, AsWritten)
{
    Judge judge{packs()};
    const Asker asker{"shop", "alice", "shop", "app", "10.0.0.1", "psql", {}};
    const std::chrono::system_clock::time_point now{};
    const bool mysql = std::filesystem::path{GetParam()}.stem().string().starts_with("mysql");
    mysql::SessionState::Start in_shop;
    in_shop.database = "shop";
    std::ifstream in{GetParam()};
    std::string line;
    int number = 0, cases = 0;
    while (std::getline(in, line)) {
        ++number;
        const auto arrow = line.rfind(" -> ");
        if (line.empty() || line.front() == '#')
            continue;
        ASSERT_NE(arrow, std::string::npos) << GetParam() << ':' << number << ": no \" -> \"";
        const std::string sql = line.substr(0, arrow);
        const auto facts = mysql ? judge.facts(sql, mysql::SessionState{in_shop}, asker.database)
                                 : judge.facts(sql, postgres::SessionState{}, asker.database);
        const auto verdict = judge.verdict(*facts, sql, asker, false, now);
        EXPECT_EQ(text_of(verdict), trimmed(line.substr(arrow + 4)))
            << GetParam() << ':' << number << ": " << sql
            << (verdict.because.empty() ? "" : "\nbecause " + verdict.because.front());
        ++cases;
    }
    EXPECT_GT(cases, 10);
}

INSTANTIATE_TEST_SUITE_P(Files, VerdictCases, testing::ValuesIn(case_files()),
                         [](const auto& file) { return std::filesystem::path{file.param}.stem().string(); });

} // namespace verdict_cases_test
} // namespace stepgate::policies::rules
