#include "policies/rules/policy.h"
#include "policies/sensitivity/lineage.h"
#include "tests/unit/rules/support.h"

#include <gtest/gtest.h>

namespace stepgate::policies::sensitivity
{
namespace lineage_test
{

using namespace std::chrono_literals;
using catalog::Catalog;
using catalog::Contents;
using catalog::Relation;
using catalog::RelationKind;
using statement::TableAccess;

Relation table(catalog::Oid oid, std::string name, std::vector<std::string> columns)
{
    Relation relation;
    relation.oid = oid;
    relation.schema = "public";
    relation.name = std::move(name);
    std::int16_t number = 0;
    for (auto& column : columns)
        relation.columns.push_back({std::move(column), 25, ++number, false, ""});
    return relation;
}

std::shared_ptr<const Catalog> snapshot(std::vector<Relation> relations)
{
    Contents contents;
    contents.schemas = {"public"};
    contents.relations = std::move(relations);
    return std::make_shared<const Catalog>(std::move(contents));
}

constexpr std::string_view policy_text = R"(
[[label]]
table = "customers"
columns = {ssn = ["secret"]}
[[label]]
column_regex = '^email$'
labels = ["pii"]
[[label]]
table = "wages"
labels = ["pay"]
)";

class LineageLabels : public testing::Test
{
  protected:
    std::shared_ptr<const rules::Policy> policy = rules::policy_of(policy_text);
    CatalogView view;

    void seen_on_mysql(std::vector<Relation> relations)
    {
        Contents contents;
        contents.mysql.vendor = "mysql";
        contents.relations = std::move(relations);
        view.catalog = std::make_shared<const Catalog>(std::move(contents));
    }

    void see(std::vector<Relation> relations)
    {
        view.catalog = snapshot(std::move(relations));
        static const Lineage nothing;
        const auto& old = view.lineage ? *view.lineage : nothing;
        const auto labelled = [this](std::string_view schema, std::string_view name, std::string_view column) {
            TableAccess access{std::string{schema} + "." + std::string{name}, true, {}};
            if (!column.empty())
                access.columns.emplace_back(column);
            return !policy->label_index().of(access, "").empty();
        };
        view.lineage = std::make_shared<const Lineage>(old.observed(*view.catalog, labelled, now));
    }

    std::vector<std::string> labels(std::string name, std::vector<std::string> columns, bool known = true)
    {
        auto facts = std::make_shared<statement::Facts>();
        facts->statements.emplace_back().reads = {{std::move(name), known, std::move(columns)}};
        return policy->labels().names(policy->label_index().label(facts, "", view, policy->labels()).labels);
    }

    std::chrono::system_clock::time_point now{1'000'000s};
};

using Names = std::vector<std::string>;

TEST_F(LineageLabels, StarIsTheRealColumns)
{
    EXPECT_EQ(labels("public.people", {"*"}), Names{}); // no snapshot: nothing says so
    see({table(1, "people", {"id", "email"}), table(2, "other", {"id"})});
    EXPECT_EQ(labels("public.people", {"*"}), Names{"pii"});
    EXPECT_EQ(labels("public.people", {"id"}), Names{});
    EXPECT_EQ(labels("public.people", {}), Names{});
    EXPECT_EQ(labels("public.other", {"*"}), Names{});
}

/// A table that a label names has no other labels for that where its columns are known.
TEST_F(LineageLabels, StarOfALabelledTableIsItsRealColumns)
{
    EXPECT_EQ(labels("public.customers", {"*"}), (Names{"pii", "secret"}));
    see({table(1, "customers", {"id", "ssn"})});
    EXPECT_EQ(labels("public.customers", {"*"}), Names{"secret"});
    EXPECT_EQ(labels("public.customers", {"*"}, false), (Names{"pii", "secret"}));
    EXPECT_EQ(labels("app.customers", {"*"}), (Names{"pii", "secret"})); // not in the snapshot
    auto rename = std::make_shared<statement::Facts>();
    rename->statements.emplace_back().writes = {{"public.customers", true, {}}};
    const auto renamed = policy->label_index().label(rename, "", view, policy->labels()).labels;
    EXPECT_EQ(policy->labels().names(renamed), (Names{"pii", "secret"}));
    see({table(1, "customers", {"id", "ssn", "email"})});
    EXPECT_EQ(labels("public.customers", {"*"}), (Names{"pii", "secret"}));
}

TEST_F(LineageLabels, UnknownSchemaMeansAny)
{
    auto hr = table(1, "people", {"email"});
    hr.schema = "hr";
    see({hr});
    EXPECT_EQ(labels("public.people", {"*"}, false), Names{"pii"});
    EXPECT_EQ(labels("public.people", {"*"}, true), Names{});
}

TEST_F(LineageLabels, FollowsRenames)
{
    see({table(1, "customers", {"id", "ssn"}), table(2, "wages", {"amount"})});
    see({table(1, "clients", {"id", "tax"}), table(2, "numbers", {"amount"})});
    EXPECT_EQ(labels("public.clients", {"tax"}), Names{"secret"});
    EXPECT_EQ(labels("public.clients", {"*"}), Names{"secret"});
    EXPECT_EQ(labels("public.clients", {"id"}), Names{});
    EXPECT_EQ(labels("public.numbers", {}), Names{"pay"});
    see({table(1, "again", {"id", "third"})}); // and on
    EXPECT_EQ(labels("public.again", {"third"}), Names{"secret"});
    see({table(9, "again", {"id", "third"})}); // dropped, another of that name made
    EXPECT_EQ(labels("public.again", {"*"}), Names{});
}

TEST_F(LineageLabels, ChildrenThatLeaveKeepTheLabelsOfTheirParents)
{
    auto child = table(2, "customers_1", {"ssn", "id"});
    auto grandchild = table(3, "customers_1_1", {"id", "ssn"});
    auto receiver = table(5, "copied_1", {"x"});
    child.parents = {1};
    grandchild.parents = {2};
    receiver.parents = {4};
    view.lineage = std::make_shared<const Lineage>(Lineage{{}, {{0, "public.copied", "pay", 1'000'000}}});
    see({table(1, "customers", {"id", "ssn"}), child, grandchild, table(4, "copied", {"x"}), receiver});
    child.parents.clear();
    grandchild.parents.clear();
    receiver.parents.clear();
    see({child, grandchild, receiver});
    EXPECT_EQ(labels("public.customers_1", {"ssn"}), Names{"secret"});
    EXPECT_EQ(labels("public.customers_1", {"id"}), Names{});
    EXPECT_EQ(labels("public.customers_1_1", {"*"}), Names{"secret"});
    EXPECT_EQ(labels("public.copied_1", {"x"}), Names{"pay"});
}

TEST_F(LineageLabels, DroppedColumnIsForgotten)
{
    see({table(1, "customers", {"id", "ssn"})});
    see({table(1, "clients", {"id"})});
    EXPECT_EQ(labels("public.clients", {"*"}), Names{});
}

TEST_F(LineageLabels, CopiesCarryLabels)
{
    view.lineage = std::make_shared<const Lineage>(Lineage{{}, {{0, "public.copy", "secret", 1'000'000}}});
    EXPECT_EQ(labels("public.copy", {"anything"}), Names{"secret"}); // at once, before any snapshot
    see({table(5, "copy", {"x"})});
    EXPECT_EQ(view.lineage->copies().at(0).relation, 5U);
    EXPECT_EQ(labels("public.copy", {"x"}), Names{"secret"});
    see({table(5, "renamed", {"x"})});
    EXPECT_EQ(labels("public.renamed", {}), Names{"secret"});
    EXPECT_EQ(labels("public.copy", {"x"}), Names{});
    see({});
    EXPECT_TRUE(view.lineage->empty());
}

TEST_F(LineageLabels, CopyThatNeverAppearedIsForgottenAfterADay)
{
    view.lineage = std::make_shared<const Lineage>(Lineage{{}, {{0, "public.copy", "secret", 1'000'000}}});
    now += 23h;
    see({});
    EXPECT_EQ(view.lineage->copies().size(), 1U);
    now += 2h;
    see({});
    EXPECT_TRUE(view.lineage->empty());
}

TEST_F(LineageLabels, FamiliesShareLabels)
{
    auto parent = table(1, "customers", {"id", "ssn"});
    auto child = table(2, "part_1", {"id", "ssn"});
    auto grandchild = table(3, "part_1_a", {"id", "ssn", "email"});
    parent.children = {2};
    child.parents = {1};
    child.children = {3};
    grandchild.parents = {2};
    see({parent, child, grandchild});
    EXPECT_EQ(labels("public.part_1", {"ssn"}), Names{"secret"});
    EXPECT_EQ(labels("public.part_1_a", {"*"}), (Names{"pii", "secret"}));
    EXPECT_EQ(labels("public.customers", {"*"}), (Names{"pii", "secret"})); // its rows are the child's too
    EXPECT_EQ(labels("public.part_1", {"id"}), Names{});
}

TEST_F(LineageLabels, GeneratedColumnIsWhatItIsMadeOf)
{
    auto made = table(1, "people", {"id", "email", "domain", "nothing"});
    made.columns[2].generated = true;
    made.columns[2].expression = "split_part(email, '@'::text, 2)";
    made.columns[3].generated = true;
    made.columns[3].expression = "(no_email + id)";
    see({made});
    EXPECT_EQ(labels("public.people", {"domain"}), Names{"pii"});
    EXPECT_EQ(labels("public.people", {"nothing"}), Names{});
}

TEST_F(LineageLabels, GeneratedColumnIsWhatOthersThatItIsMadeOfAreMadeOf)
{
    auto made = table(1, "people", {"id", "Email", "domain", "Shown", "nothing"});
    made.columns[2].generated = made.columns[3].generated = made.columns[4].generated = true;
    made.columns[2].expression = "substring_index(`EMAIL`,'@',-1)";
    made.columns[3].expression = "upper(`domain`)";
    made.columns[4].expression = "(`Nothing` + `id`)";
    see({made});
    EXPECT_EQ(labels("public.people", {"shown"}), Names{"pii"}) << "in any case, as MySQL finds it";
    EXPECT_EQ(labels("public.people", {"nothing"}), Names{});
}

TEST_F(LineageLabels, DefaultOfMySqlIsWhatItIsMadeOf)
{
    auto made = table(1, "people", {"id", "email", "login"});
    made.columns[2].expression = "lower(`email`)";
    see({made});
    EXPECT_EQ(labels("public.people", {"login"}), Names{}) << "PostgreSQL's name no columns";
    seen_on_mysql({made});
    EXPECT_EQ(labels("public.people", {"login"}), Names{"pii"});
}

TEST_F(LineageLabels, CopiesOnceEach)
{
    const Lineage one{{}, {{0, "public.copy", "pii", 1}}};
    EXPECT_EQ(one.with({{0, "public.copy", "pii", 9}}), one);
    EXPECT_EQ(one.with({{0, "public.copy", "pay", 9}, {0, "public.other", "pii", 9}}).copies().size(), 3U);
}

TEST_F(LineageLabels, Json)
{
    const Lineage lineage{{{1, 2, "public", "customers", "ssn"}, {4294967295U, 0, "a.b", "c\"d", ""}},
                          {{0, "public.copy", "pii", 17}, {5, "public.other", "pay", 18}}};
    auto read = Lineage::from_json(lineage.to_json());
    ASSERT_TRUE(std::holds_alternative<Lineage>(read)) << std::get<std::string>(read);
    EXPECT_EQ(std::get<Lineage>(read), lineage);
    for (const auto* broken :
         {"", "[]", "{}", R"({"version":2,"names":[],"copies":[]})", R"({"version":1,"names":[[1]],"copies":[]})",
          R"({"version":1,"names":[],"copies":[7]})"})
        EXPECT_TRUE(std::holds_alternative<std::string>(Lineage::from_json(broken))) << broken;
}

} // namespace lineage_test
} // namespace stepgate::policies::sensitivity
