#include "catalog_notation.h"

#include "policies/postgres/facts_memo.h"
#include "policies/postgres/tokenizer.h"

#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace stepgate::policies::postgres
{
namespace facts_memo_test
{

/// Statements to vary: those of the case files and these, whose literals decide something.
std::vector<std::string> seeds()
{
    std::vector<std::string> out{
        "select * from t where a = 1 or a <> 1",
        "delete from t where a + 1 = a + 1",
        "delete from t where note like '%'",
        "select set_config('search_path', 'a', false)",
        "select x::float(4)",
        "set search_path = 'a'",
        "prepare p as select 1",
        "select 'a' 'b'",
        "select 1 'b'",
        "update t set a = 1, b = 'x' where c in (1, 2, 3) and d = 1.5",
        "insert into t (a, b) values (1, 'x'), (2, 'y')",
        "select b'1', x'f', $$x$$, E'a', $1, .5, 123456789, 1234567890",
    };
    for (const char* file : {"destructive", "hidden_reads", "functions", "session", "lexing", "views", "resolution",
                             "bodies", "triggers", "cascades", "every_row", "temporary"}) {
        std::ifstream in{std::string{"tests/cases/postgres/"} + file + ".facts"};
        for (std::string line; std::getline(in, line);) {
            const std::size_t arrow = line.rfind(" -> ");
            if (!line.empty() && line[0] != '#' && line[0] != '@' && arrow != std::string::npos)
                out.push_back(line.substr(0, arrow));
        }
    }
    return out;
}

class Mutator
{
  public:
    std::string operator()(std::string sql)
    {
        for (int changes = pick(4); changes >= 0; --changes)
            change(sql);
        return sql;
    }
    int pick(int below) { return std::uniform_int_distribution<int>{0, below - 1}(random_); }

  private:
    void change(std::string& sql)
    {
        if (pick(4) == 0)
            other_value(sql);
        static constexpr std::array<std::string_view, 16> pieces{
            " ", "\n", "\t", "/* c */", "-- c\n", "'", "%", "0", "7", "99999", "\\", "é", "''", "1", "\xff", ";"};
        if (sql.empty())
            return;
        const auto at = static_cast<std::size_t>(pick(static_cast<int>(sql.size())));
        const char c = sql[at];
        if (c >= '0' && c <= '9')
            sql[at] = static_cast<char>('0' + pick(10));
        else if (c == ' ')
            sql.replace(at, 1, pick(2) == 0 ? "\n" : " /* x */ ");
        else if (pick(3) == 0)
            sql.insert(at, pieces[static_cast<std::size_t>(pick(static_cast<int>(pieces.size())))]);
        else if (std::isalpha(static_cast<unsigned char>(c)) != 0 && pick(2) == 0)
            sql[at] = static_cast<char>(c ^ 0x20);
    }

    /// Another text in one of its quotes, or another number.
    void other_value(std::string& sql)
    {
        static constexpr std::array<std::string_view, 12> texts{"on", "off", "true", "f",    "0",       "all",
                                                                "%",  "{}",  "",     "text", "replica", "(,)"};
        const std::size_t open = sql.find('\'', static_cast<std::size_t>(pick(static_cast<int>(sql.size()) + 1)));
        const std::size_t close = open == std::string::npos ? open : sql.find('\'', open + 1);
        if (close != std::string::npos)
            sql.replace(open + 1, close - open - 1, texts[static_cast<std::size_t>(pick(texts.size()))]);
        const std::size_t digit = sql.find_first_of("0123456789");
        if (digit != std::string::npos && pick(2) == 0)
            sql[digit] = pick(2) == 0 ? '0' : '1';
    }

    std::mt19937 random_{20240601};
};

/// The catalogs of a case file, each as its lines leave it.
std::vector<std::shared_ptr<const catalog::Catalog>> catalogs_of(const std::string& file)
{
    std::vector<std::shared_ptr<const catalog::Catalog>> out;
    std::optional<tests::CatalogNotation> notation;
    std::ifstream in{"tests/cases/postgres/" + file + ".facts"};
    for (std::string line, problem; std::getline(in, line);) {
        if (line == "@catalog" && notation)
            out.push_back(notation->made());
        if (line == "@catalog")
            notation.emplace();
        else if (notation && line.starts_with('@'))
            notation->take(line.substr(1), problem);
    }
    if (notation)
        out.push_back(notation->made());
    return out;
}

TEST(FactsMemo, AlwaysEqualsAFreshAnalysis)
{
    const std::vector<std::string> all = seeds();
    ASSERT_GT(all.size(), 400U);
    SessionState::Start with_backslashes;
    with_backslashes.standard_conforming_strings = false;
    SessionState other_path;
    other_path.apply(Analyzer{}.analyze("set search_path = app", other_path).statements.at(0));
    SessionState doubtful;
    doubtful.server_reported("standard_conforming_strings", "off");
    SessionState prepared;
    prepared.prepare("q", "delete from t");
    SessionState own;
    own.transaction_began();
    statement::StatementFacts made;
    made.kind = statement::Kind::create;
    made.effects = {
        statement::Redefine{.relation = "t", .function = {}, .temporary = true, .lasts = true, .copies = {}}};
    made.makes_temporary = "pg_temp.t";
    own.apply(made);
    own.transaction_ended(true);
    const std::vector<SessionState> states{
        SessionState{}, SessionState{with_backslashes}, other_path, doubtful, prepared, own};

    std::vector<std::shared_ptr<const catalog::Catalog>> catalogs{nullptr};
    for (const char* file : {"views", "resolution", "bodies", "triggers", "cascades", "every_row"})
        for (auto& catalog : catalogs_of(file))
            catalogs.push_back(std::move(catalog));
    ASSERT_GT(catalogs.size(), 8U);

    FactsMemo memo;
    Mutator mutate;
    for (int round = 0; round < 50'000; ++round) {
        const std::string& seed = all[static_cast<std::size_t>(mutate.pick(static_cast<int>(all.size())))];
        const std::string sql = mutate(seed);
        const SessionState& state = states[static_cast<std::size_t>(mutate.pick(5))];
        const auto& catalog = catalogs[static_cast<std::size_t>(mutate.pick(static_cast<int>(catalogs.size())))];
        const Analyzer analyzer; // knows no body yet
        ASSERT_EQ(*memo.facts(sql, state, catalog), analyzer.analyze(sql, state, catalog.get())) << sql;
    }
    EXPECT_GT(memo.counters().hits, 500U);
    EXPECT_GT(memo.counters().misses, 500U);
    EXPECT_GT(memo.counters().unshareable, 100U);
}

/// The text with these in place of its literals, each of its class.
std::string with_other_literals(const std::string& sql, const std::string& string, const std::string& integer)
{
    std::string out;
    std::size_t done = 0;
    Tokenizer tokens{sql, false};
    for (Token token; tokens.next(token);) {
        if (token.kind != TokenKind::string && token.kind != TokenKind::integer)
            continue;
        out += sql.substr(done, token.begin - done) + (token.kind == TokenKind::string ? string : integer);
        done = token.end;
    }
    return out + sql.substr(done);
}

/// Whichever text of a shape comes first: what it leaves behind is no answer for another one that means something else.
void expect_fresh_after_each(const std::string& sql, const std::shared_ptr<const catalog::Catalog>& catalog)
{
    constexpr std::pair<const char*, const char*> literals[] = {
        {"'x'", "5"},    {"'%'", "0"},           {"''", "1"},     {"'.*'", "999999999"}, {"'on'", "2"}, {"'off'", "3"},
        {"'{%}'", "32"}, {"'2147483647'", "63"}, {"'-1'", "255"}, {"'0'", "32767"},
    };
    const Analyzer analyzer;
    for (const auto& first : literals) {
        FactsMemo memo;
        const std::string before = with_other_literals(sql, first.first, first.second);
        (void)memo.facts(before, {}, catalog);
        for (const auto& second : literals) {
            const std::string other = with_other_literals(sql, second.first, second.second);
            EXPECT_EQ(*memo.facts(other, {}, catalog), analyzer.analyze(other, {}, catalog.get()))
                << other << " after " << before;
        }
    }
}

TEST(FactsMemo, EqualsAFreshAnalysisWhicheverTextCameFirst)
{
    for (const auto& file : std::filesystem::directory_iterator{"tests/cases/postgres"}) {
        if (file.path().extension() != ".facts")
            continue;
        tests::CatalogNotation notation;
        std::shared_ptr<const catalog::Catalog> catalog;
        std::ifstream in{file.path()};
        for (std::string line, problem; std::getline(in, line);) {
            const std::size_t arrow = line.rfind(" -> ");
            if (line == "@catalog")
                notation = {};
            if (line.starts_with('@'))
                (void)notation.take(line.substr(1), problem);
            if (line.starts_with('@'))
                catalog = notation.made();
            else if (!line.starts_with('#') && arrow != std::string::npos)
                expect_fresh_after_each(line.substr(0, arrow), catalog);
        }
    }
}

TEST(FactsMemo, RepeatedShapesShareOnePointer)
{
    FactsMemo memo;
    const SessionState state;
    const auto first = memo.facts("select * from t where id = 1", state);
    EXPECT_EQ(first, memo.facts("SELECT * from t where id = 77", state));
    EXPECT_NE(first, memo.facts("select * from u where id = 1", state));
    EXPECT_EQ(memo.counters().hits, 1U);
}

// Found by the fuzzer of the analyzer.
TEST(FactsMemo, AnApostropheInACommentIsNoString)
{
    FactsMemo memo;
    const auto plain = memo.facts("select a from t", {});
    EXPECT_EQ(*memo.facts("select a from t --it's", {}), Analyzer{}.analyze("select a from t --it's", {}));
    EXPECT_EQ(memo.facts("select a from t /* $1 it's */", {}), plain);
}

TEST(FactsMemo, LiteralsThatDecideAreNotShared)
{
    FactsMemo memo;
    const SessionState state;
    EXPECT_TRUE(memo.facts("delete from t where note like '%'", state)->statements.at(0).destructive);
    EXPECT_FALSE(memo.facts("delete from t where note like 'a'", state)->statements.at(0).destructive);
    EXPECT_TRUE(memo.facts("delete from t where note like '%%'", state)->statements.at(0).destructive);
    EXPECT_TRUE(memo.facts("delete from t where a < 5 or a > 4", state)->statements.at(0).destructive);
    EXPECT_FALSE(memo.facts("delete from t where a < 4 or a > 5", state)->statements.at(0).destructive);
    EXPECT_TRUE(memo.facts("delete from t where a >= ''", state)->statements.at(0).destructive);
    EXPECT_FALSE(memo.facts("delete from t where a >= 'b'", state)->statements.at(0).destructive);
    EXPECT_FALSE(memo.facts("delete from t where a <> all('{1}')", state)->statements.at(0).destructive);
    EXPECT_TRUE(memo.facts("delete from t where a <> all('{}')", state)->statements.at(0).destructive);
    EXPECT_FALSE(memo.facts("delete from t where not a = any('{1}')", state)->statements.at(0).destructive);
    EXPECT_TRUE(memo.facts("delete from t where not a = any('{}')", state)->statements.at(0).destructive);
    EXPECT_FALSE(memo.facts("explain (analyze 'off') delete from t", state)->statements.at(0).destructive);
    EXPECT_TRUE(memo.facts("explain (analyze 'on') delete from t", state)->statements.at(0).destructive);
    EXPECT_FALSE(memo.facts("explain (analyze 0) delete from t", state)->statements.at(0).destructive);
    EXPECT_TRUE(memo.facts("explain (analyze 1) delete from t", state)->statements.at(0).destructive);
}

TEST(FactsMemo, ArgumentsThatNothingCanBeBuiltOfAreNotShared)
{
    FactsMemo memo;
    const auto catalog = catalogs_of("bodies").back(); // with purge(text, text)
    SessionState::Start alice;
    alice.user = "alice";
    const SessionState state{alice};
    EXPECT_TRUE(memo.facts("select purge('customers', 'back\\slash')", state, catalog)->opaque);
    EXPECT_FALSE(memo.facts("select purge('customers', 'x')", state, catalog)->opaque);
}

TEST(FactsMemo, StaysWithinItsSize)
{
    FactsMemo memo{Limits{}, {.entries = 10, .bytes = 1'000'000}};
    const SessionState state;
    const auto held = memo.facts("select t0.a from t0", state);
    for (int i = 0; i < 100; ++i)
        (void)memo.facts("select a from t" + std::to_string(i), state);
    EXPECT_EQ(memo.entries(), 10U);
    EXPECT_EQ(held->statements.at(0).reads.at(0).table, "public.t0"); // outlives its place
    FactsMemo small{Limits{}, {.entries = 1000, .bytes = 20'000}};
    for (int i = 0; i < 100; ++i)
        (void)small.facts("select a from t" + std::to_string(i), state);
    EXPECT_LE(small.bytes(), 20'000U);
    EXPECT_GT(small.entries(), 3U);
    FactsMemo none{Limits{}, {.entries = 0, .bytes = 0}};
    EXPECT_TRUE(none.facts("select 1", state)->parsed);
    EXPECT_EQ(none.entries(), 0U);
}

} // namespace facts_memo_test
} // namespace stepgate::policies::postgres
