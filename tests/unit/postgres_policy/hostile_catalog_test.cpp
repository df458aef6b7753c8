// Catalogs that are made to hurt: cycles, chains, bodies of any size. An answer in bounded time, opaque where it must.

#include "policies/postgres/analyzer.h"

#include <gtest/gtest.h>

#include <string>

namespace stepgate::policies::postgres
{
namespace hostile_catalog_test
{

catalog::Relation relation(catalog::Oid oid, std::string name, std::string definition = {})
{
    catalog::Relation made;
    made.oid = oid;
    made.schema = "public";
    made.name = std::move(name);
    made.kind = definition.empty() ? catalog::RelationKind::table : catalog::RelationKind::view;
    made.definition = std::move(definition);
    made.columns.emplace_back().name = "x";
    return made;
}

catalog::Function function(catalog::Oid oid, std::string name, std::string body, std::string language = "sql")
{
    catalog::Function made;
    made.oid = oid;
    made.schema = "public";
    made.name = std::move(name);
    made.language = std::move(language);
    made.body = std::move(body);
    return made;
}

statement::Facts analyze(catalog::Contents contents, std::string_view sql)
{
    contents.schemas = {"pg_catalog", "public"};
    const catalog::Catalog catalog{std::move(contents)};
    SessionState::Start start;
    start.user = "app";
    return Analyzer{}.analyze(sql, SessionState{start}, &catalog);
}

TEST(HostileCatalog, ViewsInACircle)
{
    catalog::Contents contents;
    constexpr int count = 3'000;
    for (int i = 0; i < count; ++i)
        contents.relations.push_back(relation(static_cast<catalog::Oid>(20'000 + i), "v" + std::to_string(i),
                                              "select x from public.v" + std::to_string((i + 1) % count)));
    const auto facts = analyze(std::move(contents), "select * from v0");
    EXPECT_FALSE(facts.opaque);
    EXPECT_EQ(facts.statements.at(0).reads.size(), static_cast<std::size_t>(count));
}

TEST(HostileCatalog, FunctionsThatAllCallEachOther)
{
    catalog::Contents contents;
    std::string all;
    for (int i = 0; i < 100; ++i)
        all += (i == 0 ? "select public.f" : ", public.f") + std::to_string(i) + "()";
    for (int i = 0; i < 100; ++i)
        contents.functions.push_back(function(static_cast<catalog::Oid>(20'000 + i), "f" + std::to_string(i), all));
    const auto facts = analyze(std::move(contents), "select f0()");
    EXPECT_FALSE(facts.opaque);
    EXPECT_EQ(facts.statements.at(0).calls.size(), 100U);
}

TEST(HostileCatalog, BodiesTooLongToRead)
{
    catalog::Contents contents;
    contents.functions.push_back(function(20'000, "long", "select '" + std::string(10'000'000, 'x') + "'"));
    contents.functions.push_back(function(20'001, "pl", "begin " + std::string(10'000'000, ';') + " end", "plpgsql"));
    contents.relations.push_back(relation(20'002, "v", "select " + std::string(10'000'000, '(') + "1"));
    for (const char* sql : {"select long()", "select pl()", "select * from v"})
        EXPECT_TRUE(analyze(contents, sql).opaque) << sql;
}

TEST(HostileCatalog, MoreCodeThanIsReadForOneStatement)
{
    catalog::Contents contents;
    for (int i = 0; i < 200; ++i)
        contents.functions.push_back(
            function(static_cast<catalog::Oid>(20'000 + i), "f" + std::to_string(i),
                     "select '" + std::string(200'000, 'x') + "'; select public.f" + std::to_string(i + 1) + "()"));
    EXPECT_TRUE(analyze(contents, "select f0()").opaque);
    EXPECT_TRUE(analyze(contents, "select f190()").opaque); // f200 is not there
    contents.functions.push_back(function(30'000, "f200", "select 1"));
    EXPECT_FALSE(analyze(contents, "select f190()").opaque);
}

TEST(HostileCatalog, DeepBlocksAndManyVariables)
{
    catalog::Contents contents;
    std::string deep, many = "declare ";
    for (int i = 0; i < 10'000; ++i) {
        deep += "begin ";
        many += "v" + std::to_string(i) + " int; ";
    }
    many += "begin ";
    for (int i = 0; i < 10'000; ++i)
        many += "v1 := 1; ";
    contents.functions.push_back(function(20'000, "deep", deep, "plpgsql"));
    contents.functions.push_back(function(20'001, "many", many + "end", "plpgsql"));
    contents.functions.push_back(function(20'002, "empty", "", "plpgsql"));
    for (const char* sql : {"select deep()", "select many()", "select empty()"})
        EXPECT_TRUE(analyze(contents, sql).opaque) << sql;
}

TEST(HostileCatalog, PartsThatPointNowhere)
{
    catalog::Contents contents;
    catalog::Relation table = relation(20'000, "t");
    table.parents = {1, 20'000};
    table.children = {2, 20'000};
    table.triggers.push_back({"gone", {true, true, true, true}, 99'999, {}});
    table.referenced_by.push_back({77, {"a"}, {"x"}, {}, {}});
    table.referenced_by.push_back(
        {20'000, {"x"}, {"x"}, catalog::ReferenceAction::cascade, catalog::ReferenceAction::cascade});
    contents.relations.push_back(table);
    EXPECT_TRUE(analyze(contents, "delete from t").opaque);
    EXPECT_FALSE(analyze(contents, "select * from t").opaque);
}

TEST(HostileCatalog, EveryPrefixOfABodyIsReadOrOpaque)
{
    const std::string body =
        "<<l>> declare r record; c cursor (k int) for select x from t where x = k; a int[] := '{1}'; begin a[1] := 2; "
        "for r in select x from t loop raise notice '% %', r.x, 1 using detail = 'x'; end loop; for i in reverse 9..1 "
        "by 2 loop exit when i = 2; end loop; open c(1); fetch next from c into r; close c; case 1 when 1, 2 then "
        "null; else null; end case; select x into strict r from t; execute 'select 1' into r using 1; return query "
        "select 1; get diagnostics a = row_count; begin null; exception when others then raise; end; end l;";
    catalog::Contents contents;
    contents.relations.push_back(relation(20'000, "t"));
    contents.functions.push_back(function(20'001, "f", body, "plpgsql"));
    catalog::Type record;
    record.schema = "pg_catalog";
    record.name = "record";
    contents.types.push_back(record);
    const auto whole = analyze(contents, "select f()");
    EXPECT_FALSE(whole.opaque) << (whole.opaque ? whole.opaque_reasons.front() : "");
    for (std::size_t length = 0; length + 3 < body.size(); ++length) {
        contents.functions.back().body = body.substr(0, length);
        EXPECT_TRUE(analyze(contents, "select f()").opaque) << contents.functions.back().body;
    }
}

} // namespace hostile_catalog_test
} // namespace stepgate::policies::postgres
