#include "policies/catalog/catalog.h"

#include <gtest/gtest.h>

namespace stepgate::policies::catalog
{
namespace catalog_test
{

Relation relation(Oid oid, std::string schema, std::string name)
{
    Relation one;
    one.oid = oid;
    one.schema = std::move(schema);
    one.name = std::move(name);
    return one;
}

Function function(Oid oid, std::string schema, std::string name)
{
    Function one;
    one.oid = oid;
    one.schema = std::move(schema);
    one.name = std::move(name);
    return one;
}

TEST(Catalog, FindsByNameAndOid)
{
    Contents contents;
    contents.schemas = {"public", "app"};
    contents.relations = {relation(1, "public", "t"), relation(2, "app", "t"), relation(3, "a.b", "c"),
                          relation(4, "a", "b.c")};
    contents.functions = {function(10, "app", "f"), function(11, "app", "f"), function(12, "public", "g")};
    contents.operators = {{20, "app", "===", 1, 2, 10, "app.f"}, {21, "public", "===", 3, 4, 12, "public.g"}};
    contents.casts = {{100, 200, 0, {}}, {200, 300, 10, {}}, {300, 300, 11, {}}};
    contents.types = {{100, "pg_catalog", "text", TypeKind::base, 0, 0, 0, {}, {}, {}}};
    const Catalog catalog{std::move(contents)};

    EXPECT_TRUE(catalog.has_schema("app"));
    EXPECT_FALSE(catalog.has_schema("ap"));
    ASSERT_NE(catalog.relation("app", "t"), nullptr);
    EXPECT_EQ(catalog.relation("app", "t")->oid, 2U);
    EXPECT_EQ(catalog.relation("a.b", "c")->oid, 3U); // a dot within a name does not confuse it
    EXPECT_EQ(catalog.relation("a", "b.c")->oid, 4U);
    EXPECT_EQ(catalog.relation("app", "u"), nullptr);
    EXPECT_EQ(catalog.relation(3)->schema, "a.b");
    EXPECT_EQ(catalog.relation(Oid{99}), nullptr);
    EXPECT_EQ(catalog.functions("app", "f").size(), 2U);
    EXPECT_TRUE(catalog.functions("public", "f").empty());
    EXPECT_EQ(catalog.function(12)->name, "g");
    EXPECT_TRUE(catalog.names_function("g"));
    EXPECT_FALSE(catalog.names_function("h"));
    EXPECT_EQ(catalog.operators("===").size(), 2U);
    EXPECT_TRUE(catalog.operators("==").empty());
    EXPECT_EQ(catalog.type("pg_catalog", "text"), catalog.type(Oid{100}));
    EXPECT_EQ(catalog.casts(200).size(), 2U);
    EXPECT_EQ(catalog.casts(300).size(), 2U); // one from and to itself counts once
}

TEST(Catalog, RevisionsDiffer)
{
    const Catalog one{Contents{}};
    const Catalog two{Contents{}};
    EXPECT_NE(one.revision(), two.revision());
}

} // namespace catalog_test
} // namespace stepgate::policies::catalog
