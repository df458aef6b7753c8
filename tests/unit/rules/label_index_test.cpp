#include "policies/sensitivity/label_index.h"

#include "tests/unit/rules/support.h"

#include <gtest/gtest.h>

#include <string>

namespace stepgate::policies::sensitivity
{
namespace label_index_test
{

using Strings = std::vector<std::string>;

constexpr const char* site = R"(
[[label]]
table = "shop.public.customers"
columns = {ssn = ["pii", "secret"], Email = ["pii"]}
[[label]]
table = "hr.salaries"
labels = ["hr"]
[[label]]
table = '"Odd.Name"'
labels = ["odd"]
[[label]]
column_regex = '(?i)^passport.*$'
labels = ["travel"]
[[label]]
table_regex = '^cards?$'
column_regex = '^pan$'
labels = ["pci"]
[[label]]
table_regex = '_secret$'
labels = ["hidden"]
[[label]]
table = "staff"
column_regex = '^home_'
labels = ["home"]
)";

TEST(LabelIndex, Of)
{
    struct Row {
        const char* name;
        statement::TableAccess access;
        const char* database;
        Strings labels;
    };
    const Row rows[] = {
        {"a column", {"public.customers", true, {"ssn"}}, "shop", {"pii", "secret"}},
        {"another column", {"public.customers", true, {"email"}}, "shop", {"pii"}},
        {"case of the column", {"public.customers", true, {"EMAIL"}}, "shop", {"pii"}},
        {"case of the table", {"public.Customers", true, {"email"}}, "shop", {"pii"}},
        {"case of the database", {"public.customers", true, {"email"}}, "Shop", {"pii"}},
        {"a column without a label", {"public.customers", true, {"id"}}, "shop", {}},
        {"no column", {"public.customers", true, {}}, "shop", {}},
        {"another schema", {"test.customers", true, {"ssn"}}, "shop", {}},
        {"a schema that is a guess", {"test.customers", false, {"ssn"}}, "shop", {"pii", "secret"}},
        {"no schema", {"customers", true, {"ssn"}}, "shop", {"pii", "secret"}},
        {"another database", {"public.customers", true, {"ssn"}}, "test", {}},
        {"database not known", {"public.customers", true, {"ssn"}}, "", {"pii", "secret"}},
        {"whole row of a named table: bare column expressions count too",
         {"public.customers", true, {"*"}},
         "shop",
         {"pii", "secret", "travel"}},
        {"whole row of a table that nothing names", {"public.trips", true, {"*"}}, "shop", {}},
        {"a column by expression", {"public.trips", true, {"passport_no"}}, "shop", {"travel"}},
        {"expressions do not reach the catalogs", {"pg_catalog.pg_trips", true, {"passport_no"}}, "shop", {}},
        {"unless that is a guess", {"pg_catalog.pg_trips", false, {"passport_no"}}, "shop", {"travel"}},
        {"whole table", {"hr.salaries", true, {"amount"}}, "shop", {"hr"}},
        {"whole table, no column", {"hr.salaries", true, {}}, "shop", {"hr"}},
        {"a name with a dot", {"public.odd.name", true, {"x"}}, "shop", {"odd"}},
        {"a name with a dot and no schema", {"odd.name", true, {"x"}}, "shop", {"odd"}},
        {"column of a table by expression", {"public.card", true, {"pan"}}, "shop", {"pci"}},
        {"the same column elsewhere", {"public.kitchen", true, {"pan"}}, "shop", {}},
        {"whole row of a table by expression", {"public.cards", true, {"*"}}, "shop", {"pci"}},
        {"whole table by expression", {"public.top_secret", true, {"id"}}, "shop", {"hidden"}},
        {"columns by expression of a named table", {"public.staff", true, {"home_phone"}}, "shop", {"home"}},
        {"others of it", {"public.staff", true, {"phone"}}, "shop", {}},
        {"whole row of it", {"public.staff", true, {"*"}}, "shop", {"home", "travel"}},
    };
    const auto loaded = rules::policy_of(site);
    for (const auto& row : rows) {
        SCOPED_TRACE(row.name);
        EXPECT_EQ(loaded->labels().names(loaded->label_index().of(row.access, row.database)), row.labels);
    }
}

/// MySQL's own schema has a table `users`, as tools of administrators read it; on PostgreSQL it is anybody's.
TEST(LabelIndex, SchemaThatIsTheServersOwnOnMySql)
{
    const auto loaded = rules::policy_of(site);
    for (const auto* vendor : {"mysql", "mariadb", ""}) {
        catalog::Contents contents;
        contents.mysql.vendor = vendor;
        CatalogView view;
        view.catalog = std::make_shared<const catalog::Catalog>(std::move(contents));
        const auto labels = [&](const char* table, bool known) {
            return loaded->labels().names(loaded->label_index().of({table, known, {"*"}}, "shop", view));
        };
        EXPECT_EQ(labels("performance_schema.cards", true), *vendor ? Strings{} : Strings{"pci"}) << vendor;
        EXPECT_EQ(labels("performance_schema.cards", false), Strings{"pci"}) << vendor;
        EXPECT_EQ(labels("shop.cards", true), Strings{"pci"}) << vendor;
    }
}

TEST(LabelIndex, LabelsEveryAccessOfEveryStatement)
{
    statement::Facts facts;
    facts.parsed = true;
    facts.statements.resize(2);
    facts.statements[0].reads = {{"public.orders", true, {"id"}}, {"hr.salaries", true, {"x"}}};
    facts.statements[1].writes = {{"public.customers", true, {"email"}}};
    const auto loaded = rules::policy_of(site);
    const auto labelled = loaded->label_index().label(std::make_shared<statement::Facts>(facts), "shop");
    ASSERT_EQ(labelled.statements.size(), 2U);
    ASSERT_EQ(labelled.statements[0].reads.size(), 2U);
    EXPECT_TRUE(labelled.statements[0].reads[0].empty());
    EXPECT_EQ(loaded->labels().names(labelled.statements[0].reads[1]), Strings{"hr"});
    EXPECT_EQ(loaded->labels().names(labelled.statements[1].writes.at(0)), Strings{"pii"});
    EXPECT_EQ(loaded->labels().names(labelled.labels), (Strings{"hr", "pii"}));
    EXPECT_TRUE(labelled.sensitive());

    // A write that names no column is one of the whole table; a read that names none is of no column.
    facts.statements.resize(1);
    facts.statements[0].reads = {{"public.customers", true, {}}};
    facts.statements[0].writes = {{"public.customers", true, {}}};
    const auto deleted = loaded->label_index().label(std::make_shared<statement::Facts>(facts), "shop");
    EXPECT_TRUE(deleted.statements[0].reads[0].empty());
    EXPECT_EQ(loaded->labels().names(deleted.statements[0].writes[0]), (Strings{"pii", "secret", "travel"}));
}

TEST(LabelIndex, FindsNamesInTextsThatAreNotUnderstood)
{
    const auto loaded = rules::policy_of(site);
    const auto mentioned = [&](std::string_view text) { return loaded->label_index().mentioned(text); };
    EXPECT_TRUE(mentioned("selec * from Customers"));
    EXPECT_TRUE(mentioned("do $$ begin execute 'select email from x'; end $$"));
    EXPECT_FALSE(mentioned("do $$ begin perform 1 from orders; end $$"));
    EXPECT_FALSE(mentioned(""));
    EXPECT_TRUE(mentioned(std::string(100'000, ' '))) << "too long to look";
    EXPECT_FALSE(rules::policy_of("")->label_index().mentioned("customers"));
}

TEST(TableName, Parses)
{
    struct Row {
        const char* text;
        Strings parts; // empty: refused
    };
    const Row rows[] = {
        {"customers", {"customers"}},
        {"Public.Customers", {"public", "customers"}},
        {"shop.public.customers", {"shop", "public", "customers"}},
        {R"("a.b"."c""d")", {"a.b", "c\"d"}},
        {"", {}},
        {".", {}},
        {"a.", {}},
        {".a", {}},
        {"a.b.c.d", {}},
        {R"("a)", {}},
        {R"("a"b)", {}},
        {R"(a"b)", {}},
        {R"("")", {}},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.text);
        const auto name = parse_table_name(row.text);
        Strings parts;
        if (name && name->database)
            parts.push_back(*name->database);
        if (name && name->schema)
            parts.push_back(*name->schema);
        if (name)
            parts.push_back(name->table);
        EXPECT_EQ(parts, row.parts);
    }
}

} // namespace label_index_test
} // namespace stepgate::policies::sensitivity
