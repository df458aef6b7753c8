#include "policies/mysql/facts_memo.h"

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <string>

namespace stepgate::policies::mysql
{
namespace limits_test
{

std::string repeated(std::string_view part, std::size_t times)
{
    std::string out;
    out.reserve(part.size() * times);
    for (std::size_t i = 0; i < times; ++i)
        out += part;
    return out;
}

/// t0, t1, …
std::string numbered(std::string_view before, std::string_view name, int count)
{
    std::string out;
    for (int i = 0; i < count; ++i)
        out.append(i == 0 ? "" : ", ").append(before).append(name).append(std::to_string(i));
    return out;
}

SessionState state_of(statement::Dialect dialect)
{
    return SessionState{{.version = any_version(dialect), .sql_mode = {}, .charset = "utf8mb4", .database = "shop"}};
}

statement::Facts facts_of(const std::string& sql, statement::Dialect dialect = statement::Dialect::mysql)
{
    return Analyzer{}.analyze(sql, state_of(dialect));
}

long peak_kilobytes()
{
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

struct HostileText {
    std::string name;
    std::string sql;
    bool opaque;
};

void PrintTo(const HostileText& text, std::ostream* out)
{
    *out << text.name;
}

class Hostile : public testing::TestWithParam<HostileText>
{
};

/// Neither crashes nor passes unread, and takes no memory to speak of besides the text.
TEST_P(Hostile, IsReadInFlatMemory)
{
    [[maybe_unused]] const long before = peak_kilobytes();
    const auto facts = facts_of(GetParam().sql);
    EXPECT_EQ(facts.opaque, GetParam().opaque) << (facts.opaque_reasons.empty() ? "" : facts.opaque_reasons.front());
#if !defined(__SANITIZE_ADDRESS__)
    EXPECT_LT(peak_kilobytes() - before, 64 * 1024);
#endif
}

INSTANTIATE_TEST_SUITE_P(
    Texts, Hostile,
    testing::Values(
        HostileText{"parentheses", "select " + repeated("(", 100'000) + "1" + repeated(")", 100'000), true},
        HostileText{"open_parentheses", "select " + repeated("(", 1'000'000), true},
        HostileText{"few_parentheses", "select " + repeated("(", 100) + "1" + repeated(")", 100), false},
        HostileText{"sums", "select 1" + repeated("+1", 1'000'000), true},
        HostileText{"some_sums", "select 1" + repeated("+1", 50'000), false},
        HostileText{"nots", "select " + repeated("not ", 100'000) + "1", true},
        HostileText{"minus", "select " + repeated("- ", 100'000) + "1", true},
        HostileText{"bangs", "select " + repeated("! ", 100'000) + "1", true},
        HostileText{"subqueries", "select * from " + repeated("(select * from ", 10'000) + "t", true},
        HostileText{"few_subqueries", "select * from " + repeated("(select * from ", 40) + "t" + repeated(") x", 40),
                    false},
        HostileText{"table_parentheses", "select * from " + repeated("(", 100'000) + "t" + repeated(")", 100'000),
                    true},
        HostileText{"query_parentheses", repeated("(", 100'000) + "select 1" + repeated(")", 100'000), true},
        HostileText{"unions", "select 1" + repeated(" union select 1", 20'000), false},
        HostileText{"ors", "delete from t where a = 1" + repeated(" or a = 1", 40'000), false},
        HostileText{"functions", "select " + repeated("abs(", 50'000) + "1" + repeated(")", 50'000), true},
        HostileText{"cases", "select " + repeated("case when ", 50'000) + "1", true},
        HostileText{"braces", "select " + repeated("{x ", 100'000) + "1" + repeated("}", 100'000), true},
        HostileText{"values", "insert into t values (1)" + repeated(",(1)", 300'000), false},
        HostileText{"in_list", "select 1 from t where a in (1" + repeated(",1", 1'000'000) + ")", false},
        HostileText{"statements", repeated("select 1;", 20'000), true},
        HostileText{"some_statements", repeated("select 1;", 5'000), false},
        HostileText{"comments", repeated("/*! ", 500'000), true},
        HostileText{"skipped_comments", repeated("/*!99999 /* */ */ ", 100'000) + "select 1", false},
        HostileText{"blocks", "create procedure p() " + repeated("begin ", 100'000), true},
        HostileText{"joins", "select 1 from t" + repeated(" join t using (a)", 20'000), true},
        HostileText{"tables_and_columns", "select a" + repeated(",a", 100'000) + " from t" + repeated(",t", 100'000),
                    true},
        HostileText{"ctes", "with c as (select 1)" + repeated(", c as (select 1)", 50'000) + " select 1", false},
        HostileText{"ctes_and_tables",
                    "with c as (select 1)" + repeated(", c as (select 1)", 5'000) + " select 1 from t" +
                        repeated(" union select 1 from t", 2'000),
                    true},
        HostileText{"tables", "select 1 from " + numbered("", "t", 20'000), true},
        HostileText{"drops", "drop table " + numbered("", "t", 20'000), true},
        HostileText{"some_drops", "drop table " + numbered("", "t", 2'000), false},
        HostileText{"aliases",
                    "select " + numbered("1 as ", "a", 20'000) + " from t order by " + numbered("", "a", 20'000), true},
        HostileText{"json_columns", "select 1 from json_table('', '' " + repeated("columns (nested path '' ", 20'000),
                    true},
        HostileText{"concat", "set sql_mode = " + repeated("concat(", 100'000) + "'a'", true},
        HostileText{"variables", repeated("set @a = concat(@a, @a), @a = 'x';", 5'000), false}),
    [](const auto& test) { return test.param.name; });

TEST(Limits, TextsThatAreNotRead)
{
    const Analyzer tiny{
        Limits{.max_bytes = 20, .max_depth = 8, .max_statements = 2, .max_operators = 3, .max_work = 10}};
    const SessionState state = state_of(statement::Dialect::mysql);
    EXPECT_TRUE(tiny.analyze("select 1234567890123", state).parsed);
    EXPECT_FALSE(tiny.analyze("select 12345678901234", state).parsed);
    EXPECT_FALSE(tiny.analyze("select 1;select 1", state).opaque);
    EXPECT_TRUE(tiny.analyze(";;do 1;do 1;do 1", state).opaque);
    EXPECT_FALSE(tiny.analyze("select 1+1+1+1", state).opaque);
    EXPECT_TRUE(tiny.analyze("select 1+1+1+1+1", state).opaque);
    EXPECT_FALSE(tiny.analyze("select ((((1))))", state).opaque);
    EXPECT_TRUE(tiny.analyze("select ((((((((1", state).opaque);
}

/// A text that is cut anywhere is read without harm, and a cut UPDATE or DELETE never looks harmless while it parses.
TEST(Limits, CutAnywhere)
{
    const std::vector<std::string> texts = {
        "with c as (select `a``b`, 'it''s' from t) select c.x, count(distinct y) over (partition by z rows between 1 "
        "preceding and current row) from c left join (select 1) d using (x) where a in (select 1 union select 2) order "
        "by 1 limit 5 into outfile '/tmp/x'",
        "insert into t (a, b) values (1, _utf8mb4'x'), (0x1f, default) on duplicate key update a = values(a) /*!50000 "
        ", "
        "b = 1 */",
        "update a join b on a.x = b.y set a.z = case when 1 then 2 else 3 end where a.i = b.i or not b.k like '%'",
        "create table t (a int default (uuid()), b varchar(5) references c (d)) engine = merge union = (x, y) select 1",
        "create procedure p(a int) begin declare c cursor for select 1; if a then leave l; end if; end; set @a = "
        "concat(@@sql_mode, 'x'), names utf8mb4; prepare s from @a; execute s using @b",
        "grant select (a, b) on c.d to 'e'@'f' identified by 'g'; load data local infile 'x' into table t (a, @b)"};
    for (const auto dialect : {statement::Dialect::mysql, statement::Dialect::mariadb}) {
        for (const std::string& text : texts) {
            EXPECT_TRUE(facts_of(text, dialect).parsed) << text;
            for (std::size_t size = 0; size < text.size(); ++size) {
                const auto facts = facts_of(text.substr(0, size), dialect);
                EXPECT_TRUE(facts.parsed || facts.opaque);
                for (const auto& statement : facts.statements)
                    EXPECT_TRUE(statement.kind != statement::Kind::update || !statement.writes.empty());
            }
        }
    }
}

TEST(Limits, ReasonsHoldNoLiterals)
{
    const auto facts = facts_of("create usr bob identified by 'hunter2");
    ASSERT_FALSE(facts.opaque_reasons.empty());
    EXPECT_EQ(facts.opaque_reasons.front().find("hunter2"), std::string::npos);
    EXPECT_TRUE(facts.carries_secret);
}

TEST(Names, DatabaseIsKnownWhenChosenOrWritten)
{
    const SessionState none;
    const auto facts = Analyzer{}.analyze("select * from shop.a, b", none);
    const auto& reads = facts.statements.at(0).reads;
    ASSERT_EQ(reads.size(), 2U);
    EXPECT_EQ(reads[0].table, "b");
    EXPECT_FALSE(reads[0].schema_known);
    EXPECT_EQ(reads[1].table, "shop.a");
    EXPECT_TRUE(reads[1].schema_known);
    EXPECT_TRUE(facts_of("select * from `a.b`.c").opaque);
}

} // namespace limits_test
} // namespace stepgate::policies::mysql
