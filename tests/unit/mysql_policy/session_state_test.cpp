#include "policies/mysql/analyzer.h"

#include <gtest/gtest.h>

namespace stepgate::policies::mysql
{
namespace session_state_test
{

void run(SessionState& state, std::string_view sql)
{
    const auto facts = Analyzer{}.analyze(sql, state);
    ASSERT_TRUE(facts.parsed) << sql;
    for (const auto& statement : facts.statements)
        state.apply(statement);
}

void foresee(SessionState& state, std::string_view sql)
{
    for (const auto& statement : Analyzer{}.analyze(sql, state).statements)
        state.foresee(statement);
}

SessionState shop()
{
    return SessionState{{.version = {}, .sql_mode = "NO_ZERO_DATE", .charset = "utf8mb4", .database = "shop"}};
}

TEST(MysqlSessionState, DefaultsOnlyTheServerKnows)
{
    SessionState state = shop();
    run(state, "set names latin1");
    EXPECT_EQ(state.charset_name(), "latin1");
    run(state, "set sql_mode = default");
    EXPECT_TRUE(state.uncertain());
    EXPECT_EQ(state.sql_mode(), std::nullopt);
    state.server_reported_sql_mode("ANSI_QUOTES");
    EXPECT_FALSE(state.uncertain());
    run(state, "set names default");
    EXPECT_TRUE(state.uncertain());
    EXPECT_FALSE(state.refusal("select '\xC3\xA9'").empty());
}

TEST(MysqlSessionState, ForeseenChangesWidenAndNeverNarrow)
{
    SessionState state = shop();
    foresee(state, "set sql_mode = 'ansi_quotes'");
    EXPECT_EQ(state.modes().size(), 2U);
    EXPECT_TRUE(state.uncertain());
    EXPECT_EQ(state.sql_mode(), std::nullopt);
    foresee(state, "set sql_mode = 'ansi_quotes'");
    EXPECT_EQ(state.modes().size(), 2U);
    state.server_reported_sql_mode("ANSI_QUOTES");
    EXPECT_FALSE(state.uncertain());
    foresee(state, "use other");
    EXPECT_FALSE(state.database_known());
    state.server_reported_database("other");
    EXPECT_EQ(state.database(), "other");
    foresee(state, "set names gbk");
    EXPECT_FALSE(state.refusal("select 1").empty());
    state.server_reported_charset("utf8mb4");
    EXPECT_TRUE(state.refusal("select 1").empty());
    foresee(state, "set sql_mode = @nobody");
    EXPECT_FALSE(state.refusal("select 1").empty());
}

TEST(MysqlSessionState, ForeseenPrepareMakesATakenNameUnknown)
{
    SessionState state = shop();
    run(state, "prepare p from 'select 1'");
    ASSERT_NE(state.prepared("P"), nullptr);
    foresee(state, "prepare p from 'delete from t'");
    EXPECT_EQ(state.prepared("p"), nullptr);
    foresee(state, "prepare q from 'select 1'");
    EXPECT_EQ(state.prepared("q"), nullptr);
}

TEST(MysqlSessionState, AProcedureMakesEverythingUnknown)
{
    SessionState state = shop();
    run(state, "set @a = 'x'; prepare p from @a");
    EXPECT_NE(state.variable("A"), nullptr);
    run(state, "call shop.p()");
    EXPECT_EQ(state.variable("a"), nullptr);
    EXPECT_EQ(state.prepared("p"), nullptr);
    EXPECT_FALSE(state.refusal("select 1").empty());
    state.server_reported_sql_mode("");
    EXPECT_FALSE(state.refusal("select 1").empty()); // the character set is still not known
    state.server_reported_charset("utf8mb4");
    EXPECT_TRUE(state.refusal("select 1").empty());
}

TEST(MysqlSessionState, ResetGoesBackToTheStart)
{
    SessionState state = shop();
    run(state, "set sql_mode = 'ansi'; use other; set @a = 'x'; prepare p from @a; set names gbk");
    const auto generation = state.generation();
    state.reset();
    EXPECT_EQ(state, shop());
    EXPECT_GT(state.generation(), generation);
}

TEST(MysqlSessionState, VariablesAreBounded)
{
    SessionState state = shop();
    statement::StatementFacts facts;
    for (int i = 0; i < 2'000; ++i)
        facts.effects.emplace_back(statement::SetParameter{.name = "@v" + std::to_string(i), .value = {{"x"}}});
    facts.effects.emplace_back(statement::SetParameter{.name = "@v1", .value = {{std::string(100'000, 'x')}}});
    state.apply(facts);
    EXPECT_NE(state.variable("v0"), nullptr);
    EXPECT_EQ(state.variable("v1"), nullptr);
    EXPECT_EQ(state.variable("v1999"), nullptr);
}

TEST(MysqlSessionState, EqualSettingsHaveEqualKeys)
{
    SessionState one = shop(), other = shop();
    run(one, "set sql_mode = 'ansi_quotes'");
    EXPECT_NE(one.settings_key(), other.settings_key());
    run(other, "set sql_mode = 'ANSI_QUOTES'");
    EXPECT_EQ(one.settings_key(), other.settings_key());
    run(other, "use other");
    EXPECT_NE(one.settings_key(), other.settings_key());
}

} // namespace session_state_test
} // namespace stepgate::policies::mysql
