// tests/cases/postgres/clients.sql: what clients ask on their own behalf must pass without anybody noticing.

#include "policies/postgres/analyzer.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace stepgate::tests
{
namespace clients_test
{

using policies::postgres::Analyzer;
using policies::postgres::SessionState;

void expect_harmless(const std::string& sql, int line)
{
    // FETCH and CLOSE of the clients' own cursors, EXECUTE of their own statements, are covered by the session cases.
    const auto facts = Analyzer{}.analyze(sql, SessionState{});
    const std::string why = facts.opaque_reasons.empty() ? "" : facts.opaque_reasons.front();
    EXPECT_TRUE(facts.parsed && !facts.opaque) << "clients.sql:" << line << ": " << why << "\n" << sql;
    for (const auto& statement : facts.statements) {
        EXPECT_FALSE(statement.destructive) << "clients.sql:" << line << "\n" << sql;
        EXPECT_TRUE(statement.writes.empty()) << "clients.sql:" << line << "\n" << sql;
    }
}

TEST(Clients, QuestionsOfTheirOwnAreHarmless)
{
    std::ifstream in{"tests/cases/postgres/clients.sql"};
    ASSERT_TRUE(in);
    std::string sql;
    int number = 0;
    int begin = 0;
    int count = 0;
    bool started = false;
    const auto finish = [&] {
        if (!started)
            return;
        expect_harmless(sql, begin);
        ++count;
    };
    for (std::string line; std::getline(in, line);) {
        ++number;
        if (line == "----") {
            finish();
            started = true;
            sql.clear();
            begin = number + 1;
        } else {
            sql += line + "\n";
        }
    }
    finish();
    EXPECT_GT(count, 100);
}

} // namespace clients_test
} // namespace stepgate::tests
