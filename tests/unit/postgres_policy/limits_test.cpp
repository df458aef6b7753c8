#include "policies/postgres/analyzer.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace stepgate::policies::postgres
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

statement::Facts facts_of(const std::string& sql)
{
    return Analyzer{}.analyze(sql, SessionState{});
}

struct DeepText {
    std::string name;
    std::string sql;
    bool opaque;
};

class Deep : public testing::TestWithParam<DeepText>
{
};

TEST_P(Deep, NeitherCrashesNorPasses)
{
    const auto facts = facts_of(GetParam().sql);
    EXPECT_EQ(facts.opaque, GetParam().opaque) << (facts.opaque_reasons.empty() ? "" : facts.opaque_reasons.front());
}

INSTANTIATE_TEST_SUITE_P(
    Texts, Deep,
    testing::Values(
        DeepText{"long_sum", "select 1" + repeated("+1", 1'000'000), false},
        DeepText{"long_sum_of_columns", "select a" + repeated("+a", 30'000) + " from t", false},
        DeepText{"parentheses", "select " + repeated("(", 100'000) + "1" + repeated(")", 100'000), true},
        DeepText{"few_parentheses", "select " + repeated("(", 2'000) + "1" + repeated(")", 2'000), false},
        DeepText{"nots", "select " + repeated("not ", 5'000) + "true", true},
        DeepText{"minuses", "select " + repeated("- ", 5'000) + "a from t", true},
        DeepText{"functions", "select " + repeated("abs(", 3'000) + "1" + repeated(")", 3'000), true},
        DeepText{"subqueries", repeated("select * from (", 3'000) + "select 1" + repeated(") x", 3'000), true},
        DeepText{"few_subqueries", repeated("select * from (", 50) + "select 1" + repeated(") x", 50), false},
        DeepText{"unions", "select 1" + repeated(" union select 1", 20'000), false},
        DeepText{"exists_unions", "delete from t where exists (select 1" + repeated(" union select 1", 20'000) + ")",
                 false},
        DeepText{"ors", "delete from t where a = 1" + repeated(" or a = 1", 50'000), false},
        DeepText{"ranges", "delete from t where a < 1" + repeated(" or a < 1", 20'000), false},
        DeepText{"long_text_of_a_row",
                 "delete from t where length(a" + repeated(" || a", 2'000) + ") <> 9999 or a < 'x'", false},
        DeepText{"repeated_text", "delete from t where repeat(a, 9000000000000) <> 'x'", false},
        DeepText{"casts", "select 1" + repeated("::int", 5'000), true},
        DeepText{"subscripts", "select a" + repeated("[1]", 20'000) + " from t", false},
        DeepText{"joins", "select 1 from t" + repeated(" join t using (a)", 3'000), true},
        DeepText{"values", "insert into t values (1)" + repeated(",(1)", 100'000), false},
        DeepText{"statements", repeated("select 1;", 20'000), true},
        DeepText{"right_leaning", "select " + repeated("1 = any(select ", 3'000) + "1" + repeated(")", 3'000), true},
        DeepText{"where_nots", "delete from t where " + repeated("not ", 5'000) + "a = a", true},
        DeepText{"comments", repeated("/*", 100'000) + repeated("*/", 100'000) + "select 1", true},
        DeepText{"empty_comments", "select 1" + repeated("/**/", 500'000), true},
        DeepText{"pluses", "select " + repeated("+", 500'000) + "1", true},
        DeepText{"plus_minus", "select " + repeated("+-", 500'000) + "1", true},
        DeepText{"banner", "/*" + repeated("*", 100'000) + "*/ select 1 --" + repeated("-", 100'000), false},
        DeepText{"many_tables", "select 1 from t" + repeated(",t", 400'000), false},
        DeepText{"tables_and_columns", "select a" + repeated(",a", 300'000) + " from t" + repeated(",t", 300'000),
                 true},
        DeepText{"wide_subquery",
                 "select x" + repeated(",x", 20'000) + " from (select 1 as y" + repeated(",1 as y", 20'000) + ") s",
                 true}),
    [](const auto& test) { return test.param.name; });

TEST(Limits, TextsThatAreNotParsed)
{
    EXPECT_TRUE(facts_of(std::string{"select '\0'", 11}).opaque);
    EXPECT_FALSE(facts_of(std::string{"select 1\0; drop table x", 23}).parsed);
    EXPECT_FALSE(facts_of("select '\xff'").parsed);
    EXPECT_FALSE(facts_of("select '\xc0\xa7'").parsed); // an overlong quote
    EXPECT_FALSE(facts_of("select '\xed\xa0\x80'").parsed);
    EXPECT_FALSE(facts_of("select '\xe2\x82'").parsed);
    EXPECT_TRUE(facts_of("select '\xe2\x82\xac'").parsed);
    const Analyzer tiny{Limits{.max_bytes = 20, .max_depth = 5, .max_statements = 2}};
    EXPECT_TRUE(tiny.analyze("select 1234567890123", SessionState{}).parsed);
    EXPECT_FALSE(tiny.analyze("select 12345678901234", SessionState{}).parsed);
    EXPECT_FALSE(tiny.analyze("select 1;select 1", SessionState{}).opaque);
    EXPECT_TRUE(tiny.analyze(";;;select 1;begin;end", SessionState{}).opaque);
    EXPECT_TRUE(tiny.analyze("select @@@@@1", SessionState{}).parsed);
    EXPECT_TRUE(tiny.analyze("select - - - - - -a", SessionState{}).opaque);
}

TEST(Limits, ReasonsHoldNoLiterals)
{
    const auto facts = facts_of("alter role bob password 'hunter2");
    ASSERT_FALSE(facts.opaque_reasons.empty());
    EXPECT_EQ(facts.opaque_reasons.front().find("hunter2"), std::string::npos);
    EXPECT_TRUE(facts.carries_secret);
}

TEST(Limits, ThreadsDoNotDisturbEachOther)
{
    SessionState::Start start;
    start.standard_conforming_strings = false;
    const SessionState backslashes{start};
    const std::string sql = R"(delete from t where a = '\' or true --')";
    std::thread other{[&] {
        for (int i = 0; i < 2000; ++i)
            EXPECT_EQ(Analyzer{}.analyze(sql, backslashes).statements.at(0).where, statement::Where::present);
    }};
    for (int i = 0; i < 2000; ++i)
        EXPECT_EQ(Analyzer{}.analyze(sql, SessionState{}).statements.at(0).where, statement::Where::always_true);
    other.join();
}

TEST(Names, SchemaIsKnownOnlyWhenWritten)
{
    const auto facts = facts_of("select * from public.a, b, pg_class");
    const auto& reads = facts.statements.at(0).reads;
    ASSERT_EQ(reads.size(), 3U);
    EXPECT_EQ(reads[0].table, "pg_catalog.pg_class");
    EXPECT_TRUE(reads[0].schema_known);
    EXPECT_EQ(reads[1].table, "public.a");
    EXPECT_TRUE(reads[1].schema_known);
    EXPECT_EQ(reads[2].table, "public.b");
    EXPECT_FALSE(reads[2].schema_known);
    const auto mixed = facts_of("select * from public.a, a").statements.at(0).reads;
    ASSERT_EQ(mixed.size(), 1U);
    EXPECT_FALSE(mixed[0].schema_known);
}

} // namespace limits_test
} // namespace stepgate::policies::postgres
