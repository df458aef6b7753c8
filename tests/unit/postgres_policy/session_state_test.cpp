#include "policies/postgres/analyzer.h"
#include "policies/postgres/facts_memo.h"
#include "policies/postgres/identifier_list.h"
#include "policies/postgres/session_state.h"

#include <gtest/gtest.h>

namespace stepgate::policies::postgres
{
namespace session_state_test
{

using Path = std::vector<std::string>;

statement::StatementFacts facts_of(std::string_view sql, const SessionState& state = {})
{
    return Analyzer{}.analyze(sql, state).statements.at(0);
}

void run(SessionState& state, std::string_view sql)
{
    state.apply(facts_of(sql, state));
}

TEST(SessionState, StartsAsTold)
{
    const SessionState state;
    EXPECT_EQ(state.search_path(), (Path{"$user", "public"}));
    EXPECT_EQ(state.lexing(), Lexing::standard);
    EXPECT_TRUE(state.text_is_utf8());
    EXPECT_FALSE(state.uncertain());
    EXPECT_EQ(state.prepared("x"), nullptr);
    EXPECT_EQ(state.cursor(""), nullptr);
}

TEST(SessionState, RollbackTakesSettingsBack)
{
    SessionState state;
    run(state, "begin");
    run(state, "set search_path = app");
    EXPECT_EQ(state.search_path(), Path{"app"});
    run(state, "rollback");
    EXPECT_EQ(state.search_path(), (Path{"$user", "public"}));
    run(state, "set search_path = app");
    state.transaction_ended(true); // an implicit transaction
    run(state, "begin");
    run(state, "set local search_path = other");
    EXPECT_EQ(state.search_path(), Path{"other"});
    run(state, "commit");
    EXPECT_EQ(state.search_path(), Path{"app"});
    run(state, "set search_path = lost");
    state.transaction_ended(false); // an error came in the same implicit transaction
    EXPECT_EQ(state.search_path(), Path{"app"});
    run(state, "reset search_path");
    EXPECT_EQ(state.search_path(), (Path{"$user", "public"}));
}

/// "name=value", or "name?number" of what only the server knows.
std::string settings_of(const SessionState& state, bool with_start = false)
{
    std::string all;
    for (const auto& [name, value, change] : state.settings().in_force(with_start, true))
        all += (all.empty() ? "" : " ") + name + (value ? "=" + *value : "?" + std::to_string(change));
    return all;
}

TEST(SessionState, SettingsThatMeanOtherRowsAreKnownAsTheyAreNow)
{
    SessionState::Start start;
    start.settings = {{"timezone", "UTC"}, {"application_name", "x"}};
    SessionState state{start};
    bool in_block = false;
    for (const auto& [sql, expected] : std::initializer_list<std::pair<const char*, const char*>>{
             {"set statement_timeout = 5", ""},
             {"set timezone = 'CET'", "timezone=CET"},
             {"begin", "timezone=CET"},
             {"set local app.tenant = 7", "app.tenant=7 timezone=CET"},
             {"savepoint s", "app.tenant=7 timezone=CET"},
             {"reset timezone", "app.tenant=7"},
             {"rollback to s", "app.tenant?4 timezone?4"},
             {"commit", "timezone?4"},
             {"reset timezone", ""},
             {"begin", ""},
             {"select set_config('app.tenant', current_user, false)", "app.tenant?6"},
             {"rollback", ""},
             {"commit", ""},
             {"set datestyle to iso, dmy", "datestyle=iso, dmy"},
             {"set role app", "datestyle=iso, dmy role=app"},
             {"reset all", "role=app"},
             {"set session authorization other", "session_authorization=other"},
             {"discard all", ""},
             {"select set_config('search_path', current_user, false)", "search_path?12 settings?12"},
         }) {
        run(state, sql);
        in_block = std::string_view{sql} == "begin" || (in_block && sql != std::string_view{"commit"});
        if (!in_block)
            state.transaction_ended(true);
        EXPECT_EQ(settings_of(state), expected) << sql;
    }
    const auto generation = state.generation();
    run(state, "set app.tenant = 8");
    EXPECT_EQ(state.generation(), generation); // facts stay what they are
    run(state, "reset app.tenant");
    EXPECT_EQ(settings_of(state, true), "search_path?12 settings?12 timezone=UTC");
}

TEST(SessionState, RollbackToASavepointIsUncertainUntilTheTransactionEnds)
{
    SessionState state;
    run(state, "begin");
    run(state, "savepoint a");
    run(state, "set search_path = app");
    run(state, "rollback to a");
    EXPECT_FALSE(state.search_path_known());
    run(state, "rollback");
    EXPECT_TRUE(state.search_path_known());
}

TEST(SessionState, LexingStaysDoubtfulOnceChanged)
{
    SessionState state;
    run(state, "set standard_conforming_strings = on");
    EXPECT_EQ(state.lexing(), Lexing::standard);
    const auto before = state.generation();
    run(state, "set standard_conforming_strings = off");
    EXPECT_EQ(state.lexing(), Lexing::both);
    EXPECT_TRUE(state.uncertain());
    EXPECT_NE(state.generation(), before);
    run(state, "set standard_conforming_strings to default");
    EXPECT_EQ(state.lexing(), Lexing::both);
    SessionState told;
    told.server_reported("standard_conforming_strings", "on");
    EXPECT_EQ(told.lexing(), Lexing::standard);
    told.server_reported("standard_conforming_strings", "off");
    EXPECT_EQ(told.lexing(), Lexing::both);
}

TEST(SessionState, ForeseenChangesWidenDoubt)
{
    SessionState state;
    state.foresee(facts_of("set search_path = app"));
    EXPECT_FALSE(state.search_path_known());
    run(state, "set search_path = app");
    EXPECT_TRUE(state.search_path_known());
    state.foresee(facts_of("set client_encoding = 'UTF8'"));
    EXPECT_FALSE(state.text_is_utf8());
    state.server_reported("client_encoding", "UTF8");
    EXPECT_TRUE(state.text_is_utf8());
    state.foresee(facts_of("prepare p as select 1"));
    ASSERT_NE(state.prepared("p"), nullptr);
    EXPECT_EQ(*state.prepared("p"), "select 1");
}

TEST(SessionState, PreparedStatementsShareOneNamespace)
{
    SessionState state;
    state.prepare("s1", "select 1");
    run(state, "prepare s2 as select 2");
    EXPECT_EQ(*state.prepared("s1"), "select 1");
    EXPECT_EQ(*state.prepared("s2"), "select 2");
    state.prepare("s1", "delete from t"); // the server refuses it and keeps the old one
    EXPECT_EQ(state.prepared("s1"), nullptr);
    state.deallocate("s1");
    state.prepare("s1", "delete from t");
    EXPECT_EQ(*state.prepared("s1"), "delete from t");
    state.prepare("", "select 3");
    state.prepare("", "select 4");
    EXPECT_EQ(*state.prepared(""), "select 4");
    run(state, "discard all");
    EXPECT_EQ(state.prepared("s2"), nullptr);
}

TEST(SessionState, CursorsEndWithTheTransactionUnlessHeld)
{
    SessionState state;
    run(state, "begin");
    run(state, "declare c cursor for select 1");
    run(state, "declare h cursor with hold for select 2");
    state.open_portal("p", "select 3");
    EXPECT_EQ(*state.cursor("c"), "select 1");
    EXPECT_EQ(*state.cursor("p"), "select 3");
    run(state, "commit");
    EXPECT_EQ(state.cursor("c"), nullptr);
    EXPECT_EQ(state.cursor("p"), nullptr);
    ASSERT_NE(state.cursor("h"), nullptr);
    run(state, "begin");
    run(state, "declare g cursor with hold for select 2");
    run(state, "rollback");
    EXPECT_EQ(state.cursor("g"), nullptr);
    ASSERT_NE(state.cursor("h"), nullptr);
    run(state, "close h");
    EXPECT_EQ(state.cursor("h"), nullptr);
}

TEST(SessionState, GenerationChangesOnlyWhenAnalysisCould)
{
    SessionState state;
    const auto changed = [&state](auto&& change) {
        const auto before = state.generation();
        change();
        return state.generation() != before;
    };
    EXPECT_FALSE(changed([&] { run(state, "set statement_timeout = 5"); }));
    EXPECT_FALSE(changed([&] { run(state, "select 1"); }));
    EXPECT_FALSE(changed([&] { state.prepare("", "select 1"); }));
    EXPECT_FALSE(changed([&] { run(state, "begin"); }));
    EXPECT_FALSE(changed([&] { run(state, "commit"); }));
    EXPECT_TRUE(changed([&] { state.prepare("a", "select 1"); }));
    EXPECT_TRUE(changed([&] { run(state, "set search_path = x"); }));
    EXPECT_TRUE(changed([&] { state.transaction_ended(false); }));
    EXPECT_TRUE(changed([&] { run(state, "deallocate a"); }));
}

TEST(SessionState, ResetAllLeavesALocalRoleLocal)
{
    SessionState state;
    for (const char* sql : {"begin", "set local role alice", "reset all"})
        run(state, sql);
    EXPECT_EQ(state.role(), "alice");
    run(state, "commit");
    EXPECT_EQ(state.role(), "");
}

TEST(SessionState, ResetAllPassesOverALocalDefault)
{
    SessionState state;
    for (const char* sql : {"begin", "set search_path = app", "set local search_path to default", "reset all"})
        run(state, sql);
    EXPECT_EQ(state.search_path(), (Path{"$user", "public"}));
    run(state, "commit"); // to app
    EXPECT_FALSE(state.search_path_known());
    run(state, "reset all");
    EXPECT_TRUE(state.search_path_known());
}

TEST(SessionState, RollbackToMakesUncertainOnlyWhatWasSet)
{
    SessionState::Start start;
    start.user = "app";
    SessionState state{start};
    for (const char* sql : {"begin", "savepoint s", "create table t (a int)", "rollback to s"})
        run(state, sql);
    EXPECT_TRUE(state.search_path_known() && state.user_known());
    run(state, "set local role alice");
    run(state, "rollback to s");
    EXPECT_FALSE(state.user_known());
}

TEST(SessionState, FactsBehindARollbackAreNotThoseOfAnotherSession)
{
    FactsMemo memo{Limits{}};
    SessionState stays, goes;
    run(stays, "set search_path = app");
    stays.transaction_ended(true);
    run(goes, "begin");
    run(goes, "set search_path = app");
    const auto table = [&memo](const SessionState& state) {
        return memo.facts("rollback; select * from t", state, nullptr)->statements.at(1).reads.at(0).table;
    };
    EXPECT_EQ(table(stays), "app.t");
    EXPECT_EQ(table(goes), "public.t");
}

TEST(SessionState, SettingsKeyTellsReadingsApart)
{
    SessionState a;
    SessionState b;
    b.prepare("p", "select 1");
    EXPECT_EQ(a.settings_key(), b.settings_key());
    run(a, "set search_path = x, y");
    run(b, "set search_path = 'x, y'");
    EXPECT_NE(a.settings_key(), b.settings_key());
}

TEST(SessionState, ADroppedTemporaryTableIsForgotten)
{
    const auto kept = [](const SessionState& state) { return state.redefined_relation("t") != nullptr; };
    SessionState state;
    run(state, "create temp table t (a int)");
    state.transaction_ended(true);
    state.catalog_read();
    EXPECT_TRUE(kept(state)); // no catalog has it
    for (const char* not_dropped : {"drop table public.t", "drop table other"}) {
        run(state, not_dropped);
        state.transaction_ended(true);
        state.catalog_read();
        EXPECT_TRUE(kept(state)) << not_dropped;
    }
    run(state, "begin");
    run(state, "drop table t");
    state.catalog_read();
    EXPECT_TRUE(kept(state)); // it may come back
    run(state, "rollback");
    state.catalog_read();
    EXPECT_TRUE(kept(state));
    run(state, "begin");
    run(state, "drop table t");
    run(state, "rollback to a");
    run(state, "commit");
    state.catalog_read();
    EXPECT_TRUE(kept(state));
    state.foresee(facts_of("drop table t", state)); // it may fail
    state.transaction_ended(true);
    state.catalog_read();
    EXPECT_TRUE(kept(state));
    run(state, "set search_path = public, pg_temp");
    run(state, "drop table t"); // public's
    state.transaction_ended(true);
    state.catalog_read();
    EXPECT_TRUE(kept(state));
    run(state, "reset search_path");
    run(state, "drop table t");
    EXPECT_TRUE(kept(state));
    state.transaction_ended(true);
    EXPECT_FALSE(kept(state));
}

/// A statement that succeeds, with the ReadyForQuery behind it; "!" fails it.
void step(SessionState& state, std::string_view sql, bool& block)
{
    if (sql == "!") {
        block ? state.transaction_failed() : state.transaction_ended(false);
        return;
    }
    const auto facts = facts_of(sql, state);
    state.apply(facts);
    block = facts.kind == statement::Kind::begin ||
            (block && facts.kind != statement::Kind::commit && facts.kind != statement::Kind::rollback);
    if (!block)
        state.transaction_ended(true);
}

TEST(SessionState, TemporaryTablesThatMayBeThereAreKnownOthersForgotten)
{
    struct Row {
        std::vector<std::string_view> statements;
        bool kept;
    };
    const Row rows[] = {
        {{"create temp table t (a int)"}, true},
        {{"create temp table t (a int)", "drop table t"}, false},
        {{"create temp table t (a int)", "drop table if exists t"}, false},
        {{"create temp table t (a int)", "drop table pg_temp.t"}, false},
        {{"create temp table t (a int)", "drop table public.t"}, true},
        {{"create temp table t (a int)", "create index on t (a)", "alter table t add b int", "drop table t"}, false},
        {{"create temp table t (a int) on commit drop"}, false},
        {{"begin", "create temp table t (a int) on commit drop"}, true},
        {{"begin", "create temp table t (a int) on commit drop", "create index on t (a)", "commit"}, false},
        {{"begin", "create temp table t on commit drop as select 1", "commit"}, false},
        {{"create temp table t (a int)", "begin", "create temp table if not exists t (a int) on commit drop", "commit"},
         true},
        {{"begin", "create temp table t (a int)", "rollback"}, false},
        {{"begin", "create temp table t (a int)", "!", "rollback"}, false},
        {{"begin", "create temp table t (a int)", "!", "commit"}, false},
        {{"create temp table t (a int)", "begin", "drop table t", "rollback"}, true},
        {{"create temp table t (a int)", "begin", "drop table t", "!", "commit"}, true},
        {{"create temp table t (a int)", "begin", "drop table t", "commit"}, false},
        {{"create temp table t (a int)", "begin", "savepoint s", "drop table t", "rollback to s", "commit"}, true},
        {{"begin", "create temp table t (a int)", "savepoint s", "drop table t",
          "create temp table t (a int) on commit drop", "rollback to s", "commit"},
         true},
        {{"create temp table t (a int)", "begin", "savepoint s", "drop table t", "!", "rollback to s", "commit"}, true},
        {{"create temp table t (a int)", "begin", "drop table t", "create temp table t (b int)", "commit"}, true},
        {{"create temp table t (a int)", "discard all"}, false},
        {{"create temp table t (a int)", "begin", "discard temp", "rollback"}, true},
        {{"create temp table t (a int)", "begin", "discard temp", "commit"}, false},
        {{"create temp table x (a int)", "alter table x rename to t"}, true},
        {{"create temp table t (a int)", "alter table t rename to x"}, false},
        {{"create temp table t (a int)", "begin", "alter table t rename to x", "rollback"}, true},
        {{"create table pg_temp.t (a int)"}, true},
        {{"set search_path = pg_temp, public", "create table t (a int)", "drop table t"}, true},
        {{"create temp table x (a int)", "create view t as select a from x"}, true},
        {{"create temp sequence t"}, true},
        {{"create temp sequence t", "drop sequence t"}, false},
    };
    for (const Row& row : rows) {
        SessionState state;
        bool block = false;
        std::string text;
        for (const std::string_view sql : row.statements) {
            step(state, sql, block);
            (text += sql) += "; ";
        }
        if (!block)
            state.catalog_read(); // no catalog has it
        EXPECT_EQ(state.redefined_relation("t") != nullptr, row.kept) << text;
    }
}

TEST(SessionState, AnyNumberOfTemporaryTablesOneAfterTheOther)
{
    SessionState state;
    bool block = false;
    for (int i = 0; i < 1000; ++i) {
        const std::string name = "t" + std::to_string(i);
        step(state, "create temp table " + name + " as select 1 as a", block);
        step(state, "drop table " + name, block);
    }
    EXPECT_FALSE(state.redefined_all());
    for (int i = 0; i < 300; ++i)
        step(state, "create temp table t" + std::to_string(i) + " (a int)", block);
    EXPECT_TRUE(state.redefined_all());
    state.catalog_read();
    EXPECT_TRUE(state.redefined_all()) << "those that are there are not all known";
    step(state, "begin", block);
    step(state, "discard temp", block);
    step(state, "rollback", block);
    EXPECT_TRUE(state.redefined_all());
    step(state, "discard all", block);
    EXPECT_FALSE(state.redefined_all());
    step(state, "begin", block);
    for (int i = 0; i < 300; ++i)
        step(state, "create table p" + std::to_string(i) + " (a int)", block);
    EXPECT_TRUE(state.redefined_all());
    step(state, "commit", block);
    state.catalog_read();
    EXPECT_FALSE(state.redefined_all());
}

TEST(SessionState, ACommitOfAFailedTransactionTakesBack)
{
    SessionState state;
    bool block = false;
    for (const char* sql : {"begin", "set search_path = app", "!"})
        step(state, sql, block);
    const Analyzer analyzer;
    const auto batch = analyzer.analyze("commit; select * from t", state);
    ASSERT_EQ(batch.statements.size(), 2U);
    EXPECT_EQ(batch.statements[1].reads.front().table, "public.t");
}

TEST(SearchPath, SplitsAsTheServerDoes)
{
    const auto split = [](std::string_view text) { return identifier_list(text, ','); };
    EXPECT_EQ(split("app, \"Other\", PUBLIC"), (Path{"app", "Other", "public"}));
    EXPECT_EQ(split("\"a\"\"b\",\"c, d\""), (Path{"a\"b", "c, d"}));
    EXPECT_EQ(split("\"$user\", public"), (Path{"$user", "public"}));
    EXPECT_EQ(split(""), Path{});
    EXPECT_EQ(split("\"\""), Path{""});
    EXPECT_EQ(split("pub\"lic, app"), (Path{"pub\"lic", "app"})); // no quotes in the middle of a name
    EXPECT_EQ(split("pub\vlic, app"), (Path{"pub\vlic", "app"})); // the server's white space has no \v
    EXPECT_EQ(split(std::string(70, 'a') + ", app"), (Path{std::string(63, 'a'), "app"}));
    EXPECT_EQ(split('"' + std::string(62, 'a') + "\u00e9\""), (Path{std::string(62, 'a')}));
    for (const char* malformed : {"pub lic", "a,,b", "a,", "\"a", "\"a\"b", ","})
        EXPECT_EQ(split(malformed), std::nullopt) << malformed;
}

TEST(SearchPath, OfNamesThatTheServerCuts)
{
    SessionState state;
    run(state, "set search_path = '" + std::string(70, 'a') + "', app");
    EXPECT_EQ(state.search_path(), (Path{std::string(63, 'a'), "app"}));
    run(state, "select set_config('search_path', 'a b', false)"); // an error at the server
    EXPECT_FALSE(state.search_path_known());
}

struct Database {
    const char* encoding;
    const char* sql;
    bool opaque;
};

TEST(OtherEncodings, NamesThatMayBeOthersAreNotUnderstood)
{
    const std::string longer = "select 1 as \"" + std::string(43, 'a') + "\u00e9\"";
    for (const Database& one : {
             Database{"LATIN1", "select \u00c9 from t", true},
             Database{"LATIN1", "select \u00e9, \"\u00c9\", '\u00c9', $$\u00c9$$ from caf\u00e9 -- \u00c9", false},
             Database{"LATIN2", "select \u0104 from t", true},
             Database{"LATIN2", "select \u0105, \u0142, \u017c from t", false},
             Database{"WIN1251", "select \u0418\u043c\u044f from t", true},
             Database{"WIN1251", "select \u0438\u043c\u044f from t", false},
             Database{"EUC_JP", "select \u0416\u6f22 from \u8868", false},
             Database{"SQL_ASCII", "select \u00e9 from t", true},
             Database{"SQL_ASCII", "select \"\u00e9\", '\u00e9' from t", false},
             Database{"LATIN1", longer.c_str(), true},
             Database{"UTF8", longer.c_str(), false},
             Database{"UTF8", "select \u00c9 from t", false},
         }) {
        SessionState::Start start;
        start.server_encoding = one.encoding;
        const auto facts = Analyzer{}.analyze(one.sql, SessionState{start});
        EXPECT_EQ(facts.opaque, one.opaque) << one.encoding << ": " << one.sql;
    }
}

} // namespace session_state_test
} // namespace stepgate::policies::postgres
