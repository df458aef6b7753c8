#include "proxy/session/catalog_use.h"

#include "policies/rules/judge.h"
#include "tests/unit/session/labelled_customers.h"

#include <gtest/gtest.h>

namespace stepgate::proxy::session
{
namespace mysql_catalog_use_test
{

using policies::catalog::Catalog;
using policies::catalog::Contents;
using policies::catalog::Oid;
using policies::catalog::Relation;

std::shared_ptr<const Catalog> server_with(const std::vector<std::string>& tables)
{
    Contents contents;
    contents.mysql.vendor = "mariadb";
    contents.mysql.triggers_seen = {"*"};
    contents.server_version = 101100;
    Oid oid = 0;
    for (const auto& name : tables) {
        Relation relation;
        relation.oid = ++oid;
        relation.schema = "shop";
        relation.name = name;
        relation.columns = {{"id", 0, 1, false, ""}, {"ssn", 0, 2, false, ""}};
        contents.relations.push_back(relation);
    }
    return std::make_shared<const Catalog>(std::move(contents));
}

/// Two sessions of one server of MySQL. It numbers nothing that stays: a renamed table is another one.
class MySqlUse : public testing::Test
{
  protected:
    MySqlUse()
    {
        policies::mysql::SessionState::Start start;
        start.version = policies::mysql::any_version(policies::statement::Dialect::mariadb);
        start.database = "shop";
        state = policies::mysql::SessionState{start};
        read({"customers", "orders"});
        mine.attach(database);
        theirs.attach(database);
    }
    void read(const std::vector<std::string>& tables)
    {
        const auto catalog = server_with(tables);
        const auto seen = database->lineage();
        const policies::sensitivity::Lineage none;
        const auto labelled = [](auto, auto table, auto column) { return table == "customers" && column != "id"; };
        auto fresh = std::make_shared<const policies::sensitivity::Lineage>(
            (seen ? *seen : none).observed(*catalog, labelled, std::chrono::system_clock::now()));
        EXPECT_TRUE(database->replace(seen, std::move(fresh)));
        database->publish(catalog, database->covers(), true);
    }
    std::shared_ptr<const policies::rules::MatchedFacts> facts(CatalogUse& use, const std::string& sql)
    {
        use.look();
        return judge.facts(sql, state, "shop", use.view());
    }
    /// It succeeds.
    void run(const std::string& sql)
    {
        const auto sent = facts(mine, sql);
        mine.departs(*sent, judge.policy().labels(), false, true, std::chrono::system_clock::now());
        mine.idle();
        for (const auto& statement : sent->facts->statements)
            state.apply(statement);
    }
    bool unsure(CatalogUse& use, const std::string& sql) { return use.unsure(*facts(use, sql)->facts); }
    bool labelled(CatalogUse& use, const std::string& sql) { return !facts(use, sql)->labels.empty(); }

    policies::rules::Judge judge{labelled_customers()};
    policies::mysql::SessionState state;
    std::shared_ptr<upstream::DatabaseCatalog> database = std::make_shared<upstream::DatabaseCatalog>(
        "l", "", [] {}, [] {});
    CatalogUse mine, theirs;
};

TEST_F(MySqlUse, AFunctionThatWasJustMadeMayBeInATextThatIsNotUnderstood)
{
    EXPECT_FALSE(unsure(theirs, "SELCT tidy()"));
    run("CREATE FUNCTION tidy() RETURNS int RETURN 1");
    EXPECT_TRUE(unsure(theirs, "SELCT tidy()"));
    EXPECT_TRUE(unsure(mine, "SELCT 1"));
    EXPECT_FALSE(unsure(mine, "SELECT id FROM orders"));
    read({"customers", "orders"});
    EXPECT_FALSE(unsure(mine, "SELCT 1"));
}

TEST_F(MySqlUse, AStatementThatDefinesNothingLeavesEverythingSure)
{
    run("insert into orders values (1, 2)");
    EXPECT_FALSE(unsure(theirs, "select id from orders"));
    EXPECT_FALSE(database->wants_snapshot());
}

TEST_F(MySqlUse, WhatWasDefinedWaitsForTheSnapshot)
{
    run("create trigger t before insert on orders for each row set new.id = 1");
    EXPECT_TRUE(unsure(theirs, "insert into orders values (1, 2)"));
    EXPECT_FALSE(unsure(theirs, "select id from customers"));
    read({"customers", "orders"});
    EXPECT_FALSE(unsure(theirs, "insert into orders values (1, 2)"));
}

struct Move {
    std::string name, change, read;
    std::vector<std::string> tables; // afterwards
    bool labelled;
};

class MySqlMoves : public MySqlUse, public testing::WithParamInterface<Move>
{
};

TEST_P(MySqlMoves, LabelsGoAlong)
{
    run(GetParam().change);
    read(GetParam().tables);
    EXPECT_EQ(labelled(theirs, GetParam().read), GetParam().labelled);
    read(GetParam().tables);
    EXPECT_EQ(labelled(theirs, GetParam().read), GetParam().labelled) << "in the next snapshot too";
}

INSTANTIATE_TEST_SUITE_P(
    Rows, MySqlMoves,
    testing::Values(
        Move{"rename_table", "rename table customers to people", "select ssn from people", {"orders", "people"}, true},
        Move{"rename_other", "rename table orders to people", "select ssn from people", {"customers", "people"}, false},
        Move{"alter_rename", "alter table customers rename to people", "select ssn from people", {"people"}, true},
        Move{"change_column",
             "alter table customers change ssn id2 int",
             "select id from customers",
             {"customers"},
             true},
        Move{
            "change_other", "alter table customers change id id int", "select id from customers", {"customers"}, false},
        Move{"rename_column",
             "alter table customers rename column ssn to x",
             "select id from customers",
             {"customers"},
             true},
        Move{"alter_other", "alter table customers add column x int", "select id from customers", {"customers"}, false},
        Move{"select",
             "create table t as select ssn from customers",
             "select 1 from t where id = 2",
             {"customers", "t"},
             true},
        Move{"select_other",
             "create table t as select id from customers",
             "select id from t",
             {"customers", "t"},
             false},
        Move{"like", "create table t like customers", "select id from t", {"customers", "t"}, true},
        Move{"insert",
             "insert into orders select ssn, 1 from customers",
             "select id from orders",
             {"customers", "orders"},
             true},
        Move{"exchange",
             "alter table orders exchange partition p with table customers",
             "select id from orders",
             {"customers", "orders"},
             true}),
    [](const auto& one) { return one.param.name; });

TEST_F(MySqlUse, ATemporaryCopyIsTheSessionsOwn)
{
    run("create temporary table work as select ssn from customers");
    EXPECT_TRUE(labelled(mine, "select id from work"));
    EXPECT_FALSE(labelled(theirs, "select id from work"));
    EXPECT_FALSE(database->wants_snapshot());
    run("drop temporary table work");
    run("create table work as select ssn from customers");
    read({"customers", "orders", "work"});
    EXPECT_TRUE(labelled(theirs, "select id from work")) << "not taken for the temporary one";
}

TEST_F(MySqlUse, ATableThatATemporaryOneHidesIsLabelledToo)
{
    run("create temporary table work (id int)");
    run("create table work as select ssn from customers");
    read({"customers", "orders", "work"});
    EXPECT_TRUE(labelled(theirs, "select id from work"));
}

TEST_F(MySqlUse, AResetForgetsTemporaryTables)
{
    run("create temporary table work as select ssn from customers");
    mine.forget_temporary();
    state.reset();
    EXPECT_FALSE(labelled(mine, "select id from work"));
}

} // namespace mysql_catalog_use_test
} // namespace stepgate::proxy::session
