#include "policies/statement/facts.h"

#include <gtest/gtest.h>

#include <set>

namespace stepgate::policies::statement
{
namespace kind_test
{

TEST(Kind, EveryKindHasANameOfItsOwnThatLeadsBack)
{
    std::set<std::string_view> names;
    for (int i = 0; i <= static_cast<int>(Kind::unknown); ++i) {
        const auto kind = static_cast<Kind>(i);
        EXPECT_FALSE(to_string(kind).empty()) << i;
        EXPECT_TRUE(names.insert(to_string(kind)).second) << to_string(kind);
        EXPECT_EQ(kind_from_string(to_string(kind)), kind);
    }
    EXPECT_EQ(kind_from_string("delete"), Kind::delete_rows);
    EXPECT_EQ(kind_from_string("do"), Kind::do_block);
    EXPECT_EQ(kind_from_string("delete_rows"), std::nullopt);
    EXPECT_EQ(kind_from_string(""), std::nullopt);
}

TEST(Dialect, NamesLeadBack)
{
    for (const Dialect dialect : {Dialect::postgres, Dialect::mysql, Dialect::mariadb})
        EXPECT_EQ(dialect_from_string(to_string(dialect)), dialect);
    EXPECT_EQ(dialect_from_string("oracle"), std::nullopt);
}

TEST(Where, Names)
{
    EXPECT_EQ(to_string(Where::none), "none");
    EXPECT_EQ(to_string(Where::missing), "missing");
    EXPECT_EQ(to_string(Where::always_true), "always_true");
    EXPECT_EQ(to_string(Where::present), "present");
}

TEST(StatementFacts, DoesWhatRunsInside)
{
    StatementFacts facts;
    facts.kind = Kind::explain;
    facts.inner = {Kind::delete_rows};
    EXPECT_TRUE(facts.does(Kind::explain));
    EXPECT_TRUE(facts.does(Kind::delete_rows));
    EXPECT_FALSE(facts.does(Kind::update));
}

} // namespace kind_test
} // namespace stepgate::policies::statement
