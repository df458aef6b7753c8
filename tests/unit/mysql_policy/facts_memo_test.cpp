// What the memo answers is always equal to a fresh analysis, whatever stands in the literals.

#include "policies/mysql/facts_memo.h"

#include "server_notation.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace stepgate::policies::mysql
{
namespace facts_memo_test
{

SessionState maria()
{
    return SessionState{{.version = any_version(statement::Dialect::mariadb),
                         .sql_mode = {},
                         .charset = "utf8mb4",
                         .database = "shop"}};
}

std::vector<std::string> all_cases()
{
    std::vector<std::string> texts;
    for (const char* folder : {"tests/cases/mysql", "tests/cases/mariadb"})
        for (const auto& entry : std::filesystem::directory_iterator{folder}) {
            std::ifstream in{entry.path()};
            for (std::string line; std::getline(in, line);)
                if (const std::size_t arrow = line.rfind(" -> "); arrow != std::string::npos)
                    texts.push_back(line.substr(0, arrow));
        }
    return texts;
}

/// What stands in place of the literals of a text, each of its class.
struct Literals {
    const char *text, *integer, *number = "1.5", *hex = "0x1f", *bits = "b'1'";
};

std::string with_other_literals(const std::string& sql, const SessionState& state, const Literals& literals)
{
    const Reading reading = state.reading(state.modes().front());
    Lexer lexer{sql, reading};
    std::string out;
    std::size_t done = 0;
    for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
        const char* other = nullptr;
        switch (token.kind) {
        case TokenKind::string:
            other = literals.text;
            break;
        case TokenKind::integer:
            other = literals.integer;
            break;
        case TokenKind::number:
            other = literals.number;
            break;
        case TokenKind::hex:
            other = literals.hex;
            break;
        case TokenKind::bits:
            other = literals.bits;
            break;
        default:
            continue;
        }
        out += sql.substr(done, token.begin - done) + other;
        done = token.end;
    }
    return out + sql.substr(done);
}

TEST(MysqlFactsMemo, EqualsAFreshAnalysisWhateverTheLiterals)
{
    const Analyzer analyzer;
    const SessionState states[] = {
        SessionState{{.version = {}, .sql_mode = {}, .charset = "utf8mb4", .database = "shop"}}, maria()};
    FactsMemo memo;
    std::size_t hits = 0;
    for (const std::string& sql : all_cases())
        for (const SessionState& state : states)
            for (const char* text : {"'x'", "'%'", "'ssn'", "'select 1'", "'ansi_quotes'"})
                for (const char* number : {"1", "5", "0"}) {
                    const std::string other = with_other_literals(sql, state, {text, number});
                    EXPECT_TRUE(*memo.facts(other, state) == analyzer.analyze(other, state)) << other;
                    ++hits;
                }
    EXPECT_GT(memo.counters().hits, hits / 2);
    EXPECT_GT(memo.counters().unshareable, 0U);
}

/// Whichever text of a shape comes first: what it leaves behind is no answer for another one that means something else.
void expect_fresh_after_each(const std::string& sql, const std::shared_ptr<const catalog::Catalog>& catalog)
{
    constexpr Literals all[] = {
        {"'x'", "1"},
        {"'99999999999999999999'", "99999999999999999999999", "9007199254740993.5", "x'00'", "b'11'"},
        {"'%'", "255", "1e30", "0xffffffffffffffffffff", "0b0"},
        {"'a'", "01", "0.5", "0x0"},
        {"'0'", "0", "0.0"},
        {"''", "5000000000", "1.0"},
        {"'5000000000'", "5000000000", "5000000000.5"},
    };
    static const Analyzer analyzer;
    static const SessionState state = maria();
    for (const Literals& first : all) {
        FactsMemo memo;
        const std::string before = with_other_literals(sql, state, first);
        (void)memo.facts(before, state, catalog);
        for (const Literals& second : all) {
            const std::string other = with_other_literals(sql, state, second);
            EXPECT_TRUE(*memo.facts(other, state, catalog) == analyzer.analyze(other, state, catalog.get()))
                << other << " after " << before;
        }
    }
}

TEST(MysqlFactsMemo, EqualsAFreshAnalysisWhicheverTextCameFirst)
{
    for (const std::string& sql : all_cases())
        expect_fresh_after_each(sql, nullptr);
}

/// With catalogs literals matter in more places: the types of columns say what they leave out.
TEST(MysqlFactsMemo, EqualsAFreshAnalysisWithACatalogToo)
{
    for (const char* dialect : {"mariadb", "mysql"}) {
        std::ifstream in{std::string{"tests/cases/"} + dialect + "/catalog.facts"};
        std::optional<tests::ServerNotation> server;
        for (std::string line; std::getline(in, line);) {
            const std::size_t arrow = line.rfind(" -> ");
            if (line == "@catalog")
                server.emplace(true, 101100U);
            else if (line.starts_with('@') && arrow == std::string::npos && server)
                (void)server->take(line);
            if (!server || arrow == std::string::npos)
                continue;
            expect_fresh_after_each(line.substr(0, arrow), server->made());
        }
    }
}

TEST(MysqlFactsMemo, SettingsAndDatabaseTellShapesApart)
{
    FactsMemo memo;
    SessionState state = maria();
    EXPECT_EQ(memo.facts("select x from t", state)->statements.at(0).reads.at(0).table, "shop.t");
    state.server_reported_database("other");
    EXPECT_EQ(memo.facts("select x from t", state)->statements.at(0).reads.at(0).table, "other.t");
    const auto plain = memo.facts("select \"x\" from t", state);
    state.server_reported_sql_mode("ANSI_QUOTES");
    EXPECT_FALSE(*memo.facts("select \"x\" from t", state) == *plain);
    EXPECT_EQ(memo.facts("select x from t where y = 1", state),
              memo.facts("SELECT x  FROM t /* z */ where y=2", state));
    EXPECT_NE(memo.facts("select x from T", state), memo.facts("select x from t", state)); // two tables
    EXPECT_NE(memo.facts("select x from Status", state), memo.facts("select x from status", state));
    EXPECT_NE(memo.facts("select count(x) from t", state), memo.facts("select count (x) from t", state));
}

TEST(MysqlFactsMemo, IsBounded)
{
    FactsMemo memo{{}, {.entries = 10, .bytes = 1 << 20}};
    const SessionState state = maria();
    for (int i = 0; i < 100; ++i)
        (void)memo.facts("select c" + std::to_string(i) + " from t", state);
    EXPECT_EQ(memo.counters().misses, 100U);
    (void)memo.facts("select c0 from t", state);
    (void)memo.facts("select c99 from t", state);
    EXPECT_EQ(memo.counters().misses, 101U);
    EXPECT_EQ(memo.counters().hits, 1U);
}

} // namespace facts_memo_test
} // namespace stepgate::policies::mysql
