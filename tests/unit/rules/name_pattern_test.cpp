#include "policies/rules/name_pattern.h"

#include <gtest/gtest.h>

#include <string>

namespace stepgate::policies::rules
{
namespace name_pattern_test
{

TEST(NamePattern, Matches)
{
    struct Row {
        const char *pattern, *name;
        bool schema_known, matches;
    };
    const Row rows[] = {
        {"orders", "public.orders", true, true},
        {"orders", "shop.orders", true, true},
        {"orders", "orders", false, true},
        {"public.orders", "public.orders", true, true},
        {"public.orders", "shop.orders", true, false},
        {"public.orders", "shop.orders", false, true}, // the schema is only a guess
        {"public.orders", "orders", true, true},       // no schema at all: cannot be told apart
        {"public.*", "public.orders", true, true},
        {"*.orders", "shop.orders", true, true},
        {"*", "shop.orders", true, true},
        {"ord?rs", "public.orders", true, true},
        {"ord*", "public.payments", true, false},
        {"ORDERS", "public.orders", true, true},
        {"orders", "public.Orders", true, true},
        {"b", "public.a.b", true, true},
        {"orders", "public.orders2", true, false},
        {"pg_read_*", "pg_catalog.pg_read_file", true, true},
    };
    for (const auto& row : rows)
        EXPECT_EQ(NamePattern{row.pattern}.matches(row.name, row.schema_known), row.matches)
            << row.pattern << " " << row.name;
}

TEST(NamePattern, GlobIsNotExponential)
{
    const std::string text(5000, 'a');
    std::string pattern;
    for (int i = 0; i < 20; ++i)
        pattern += "a*";
    EXPECT_TRUE(glob_match(pattern, text));
    EXPECT_FALSE(glob_match(pattern + "b", text));
    EXPECT_TRUE(glob_match("", ""));
    EXPECT_TRUE(glob_match("**", ""));
    EXPECT_FALSE(glob_match("?", ""));
}

} // namespace name_pattern_test
} // namespace stepgate::policies::rules
