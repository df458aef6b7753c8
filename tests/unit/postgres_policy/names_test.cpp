#include "policies/postgres/facts_memo.h"
#include "policies/postgres/names.h"

#include <gtest/gtest.h>

namespace stepgate::policies::postgres
{
namespace names_test
{

catalog::Contents shop()
{
    catalog::Contents contents;
    contents.schemas = {"pg_catalog", "public", "app", "alice", "information_schema"};
    catalog::Oid oid = 16384;
    for (const auto& [schema, name] : {std::pair{"public", "orders"},
                                       {"app", "orders"},
                                       {"alice", "notes"},
                                       {"public", "notes"},
                                       {"public", "pg_class"},
                                       {"app", "secrets"}}) {
        catalog::Relation& relation = contents.relations.emplace_back();
        relation.oid = ++oid;
        relation.schema = schema;
        relation.name = name;
    }
    return contents;
}

SessionState with_path(std::vector<std::string> path, std::string user = "alice")
{
    SessionState::Start start;
    start.search_path = std::move(path);
    start.user = std::move(user);
    return SessionState{start};
}

struct Case {
    std::vector<std::string> path;
    std::string user, schema, name;
    std::string table;
    bool known;
    std::size_t others = 0;
};

TEST(Names, AreFoundAsTheServerFindsThem)
{
    const catalog::Catalog catalog{shop()};
    const Case cases[] = {
        {{"$user", "public"}, "alice", "", "orders", "public.orders", true},
        {{"$user", "public"}, "alice", "", "notes", "alice.notes", true, 1}, // alice may lack rights on alice
        {{"$user", "public"}, "bob", "", "notes", "public.notes", true},     // bob has no schema
        {{"$user", "public"}, "", "", "orders", "public.orders", false, 1},  // nobody knows who it is
        {{"gone", "app", "public"}, "bob", "", "orders", "app.orders", true, 1},
        {{"app", "public"}, "bob", "public", "orders", "public.orders", true},
        {{"public"}, "bob", "", "secrets", "public.secrets", false},
        {{"public"}, "bob", "app", "gone", "app.gone", false},
        {{"public"}, "bob", "", "pg_class", "pg_catalog.pg_class", true},
        {{"public", "pg_catalog"}, "bob", "", "pg_class", "public.pg_class", true},
        {{"app", "pg_catalog"}, "bob", "", "pg_class", "pg_catalog.pg_class", true},
        {{"public"}, "bob", "pg_catalog", "pg_proc", "pg_catalog.pg_proc", true},
        {{}, "bob", "", "orders", "public.orders", false},
    };
    for (const Case& one : cases) {
        const SessionState state = with_path(one.path, one.user);
        const Found found = Names{state, &catalog}.relation(one.schema, one.name);
        EXPECT_EQ(found.table, one.table) << one.schema << '.' << one.name;
        EXPECT_EQ(found.known, one.known) << one.table;
        EXPECT_EQ(found.others.size(), one.others) << one.table;
        EXPECT_EQ(found.relation != nullptr, one.table.find("gone") == std::string::npos && !found.built_in &&
                                                 one.table != "public.secrets" && !one.path.empty())
            << one.table;
    }
}

TEST(Names, FollowTheRole)
{
    const catalog::Catalog catalog{shop()};
    SessionState state = with_path({"$user", "public"}, "bob");
    const auto run = [&](const char* sql) { state.apply(Analyzer{}.analyze(sql, state).statements.at(0)); };
    const auto notes = [&] { return Names{state, &catalog}.relation({}, "notes").table; };
    EXPECT_EQ(notes(), "public.notes");
    run("set role alice");
    EXPECT_EQ(notes(), "alice.notes");
    run("set role none");
    EXPECT_EQ(notes(), "public.notes");
    run("set session authorization alice");
    EXPECT_EQ(notes(), "alice.notes");
    run("reset session authorization");
    EXPECT_EQ(notes(), "public.notes");
}

TEST(Names, ThoseOfAnotherSnapshotAreNeverUsed)
{
    const auto old = std::make_shared<const catalog::Catalog>(shop());
    catalog::Contents moved = shop();
    moved.relations.front().schema = "alice";
    const auto fresh = std::make_shared<const catalog::Catalog>(std::move(moved));
    const SessionState state = with_path({"$user", "public"});
    FactsMemo memo;
    const auto table = [&](const auto& catalog) {
        return memo.facts("select * from orders", state, catalog)->statements.at(0).reads.at(0).table;
    };
    for (int round = 0; round < 2; ++round) {
        EXPECT_EQ(table(old), "public.orders");
        EXPECT_EQ(table(fresh), "alice.orders");
        EXPECT_FALSE(memo.facts("select * from orders", state)->statements.at(0).reads.at(0).schema_known);
    }
    EXPECT_EQ(memo.counters().misses, 3U);
    EXPECT_EQ(memo.counters().hits, 3U);
}

} // namespace names_test
} // namespace stepgate::policies::postgres
