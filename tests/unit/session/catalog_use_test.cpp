#include "proxy/session/catalog_use.h"

#include "policies/rules/judge.h"
#include "tests/unit/session/labelled_customers.h"

#include <gtest/gtest.h>

namespace stepgate::proxy::session
{
namespace catalog_use_test
{

using policies::catalog::Catalog;
using policies::catalog::Contents;
using policies::catalog::Relation;

std::shared_ptr<const Catalog> snapshot()
{
    Contents contents;
    contents.schemas = {"pg_catalog", "public"};
    policies::catalog::Oid oid = 100;
    for (const auto* name : {"customers", "orders", "orders_1"}) {
        Relation relation;
        relation.oid = ++oid;
        relation.schema = "public";
        relation.name = name;
        relation.columns = {{"id", 23, 1, false, ""}, {"ssn", 25, 2, false, ""}};
        contents.relations.push_back(relation);
    }
    contents.relations[1].children = {103};
    contents.relations[2].parents = {102};
    for (const auto* name : {"calm", "other"}) {
        policies::catalog::Function function;
        function.oid = 20'000 + ++oid;
        function.schema = "public";
        function.name = name;
        function.language = "sql";
        function.body = "select 1";
        contents.functions.push_back(function);
    }
    return std::make_shared<const Catalog>(std::move(contents));
}

/// Two sessions of one database.
class Use : public testing::Test
{
  protected:
    Use()
    {
        database->publish(snapshot(), database->covers(), true);
        mine.attach(database);
        theirs.attach(database);
    }

    std::shared_ptr<const policies::rules::MatchedFacts> facts(CatalogUse& use, const std::string& sql)
    {
        use.look();
        return judge.facts(sql, policies::postgres::SessionState{}, "d", use.view());
    }
    void send(CatalogUse& use, const std::string& sql, bool in_block = false)
    {
        use.departs(*facts(use, sql), judge.policy().labels(), in_block, true, {});
    }
    bool unsure(CatalogUse& use, const std::string& sql) { return use.unsure(*facts(use, sql)->facts); }
    bool labelled(CatalogUse& use, const std::string& sql) { return !facts(use, sql)->labels.empty(); }
    void read_again()
    {
        database->publish(snapshot(), database->covers(), true);
        mine.look();
        theirs.look();
    }

    policies::rules::Judge judge{labelled_customers()};
    std::shared_ptr<upstream::DatabaseCatalog> database = std::make_shared<upstream::DatabaseCatalog>(
        "l", "d", [] {}, [] {});
    CatalogUse mine, theirs;
};

/// What others may not look up while a statement is under way, and after it until the catalogs were read again.
struct Window {
    std::string name, change, statement;
    bool unsure;
};
class Windows : public Use, public testing::WithParamInterface<Window>
{
};

TEST_P(Windows, OfAChange)
{
    const auto& row = GetParam();
    EXPECT_FALSE(unsure(theirs, row.statement));
    send(mine, row.change);
    EXPECT_EQ(unsure(theirs, row.statement), row.unsure) << "under way";
    EXPECT_EQ(theirs.may_wait(), row.unsure || theirs.may_wait());
    mine.idle();
    EXPECT_EQ(unsure(theirs, row.statement), row.unsure) << "not read yet";
    EXPECT_EQ(unsure(mine, row.statement), row.unsure) << "not read yet";
    read_again();
    EXPECT_FALSE(unsure(theirs, row.statement));
    EXPECT_FALSE(unsure(mine, row.statement));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Windows,
    testing::Values(
        Window{"rename", "alter table orders rename to x", "select id from orders", true},
        Window{"renamed_to", "alter table orders rename to orders_1", "select id from orders_1", true},
        Window{"rename_other", "alter table orders rename to x", "select id from customers", false},
        Window{"rename_column", "alter table customers rename column ssn to t", "select t from customers", true},
        Window{"view", "create view v as select 1 as a", "select * from v", true},
        Window{"view_other", "create view v as select 1 as a", "select * from orders", false},
        Window{"function", "create or replace function calm() returns int language sql as 'select 2'", "select calm()",
               true},
        Window{"function_other", "create or replace function calm() returns int language sql as 'select 2'",
               "select other()", false},
        Window{"trigger", "create trigger t after insert on orders execute function calm()",
               "insert into orders values (1)", true},
        Window{"trigger_other", "create trigger t after insert on orders execute function calm()",
               "insert into customers values (1)", false},
        Window{"cast", "create cast (text as int) with function calm()", "select id from orders", true},
        Window{"operator", "create operator |+| (leftarg = int, rightarg = int, function = calm)",
               "select id from orders", true},
        Window{"type", "create domain d as int check (calm() > 0)", "select id from orders", true},
        Window{"columns_of_a_domain", "alter table orders add column d d", "alter domain d add check (value > 1)",
               true},
        Window{"type_alone", "alter domain d add check (calm() > 1)", "select '5'::d", true},
        Window{"type_of_a_parameter", "alter domain d add check (calm() > 1)", "prepare p (d) as select 1", false},
        Window{"type_no_name", "alter domain d add check (calm() > 1)", "select '5'::int", false},
        Window{"child", "create table c () inherits (orders)", "select id from orders", true},
        Window{"cascade", "alter table orders_1 add foreign key (id) references customers on delete cascade",
               "delete from customers where id = 1", true},
        Window{"role", "create role r", "select id from orders", false},
        Window{"no_name", "create view v as select 1 as a", "select 1, now()", false},
        Window{"alter", "alter table orders add column c int", "select c from orders", true},
        Window{"alter_other", "alter table orders add column c int", "select id from customers", false},
        Window{"alter_child", "alter table orders_1 add column c int", "select id from orders", true},
        Window{"new_table", "create table fresh (a int)", "select id from orders", false},
        Window{"index", "create index on orders (id)", "select id from orders", false},
        Window{"read", "select * from customers", "select * from customers", false},
        Window{"write", "update orders set id = 1", "select * from orders", false},
        Window{"grant", "grant select on orders to public", "select * from orders", false},
        Window{"temporary", "create temp table orders (a int)", "select * from customers", false},
        Window{"drop", "drop table orders", "select * from orders", true},
        Window{"drop_schema", "drop schema s", "select * from orders", true},
        Window{"prepared", "prepare transaction 'x'", "select * from customers", true}),
    [](const auto& row) { return row.param.name; });

/// They could come to wait for a lock of the block, and find what is there after it.
TEST_F(Use, InABlockNamesCountForOthersAtOnce)
{
    send(mine, "alter table orders rename to x", true);
    EXPECT_TRUE(unsure(theirs, "select id from orders"));
    EXPECT_TRUE(unsure(theirs, "select id from x"));
    EXPECT_FALSE(unsure(theirs, "select id from customers"));
    EXPECT_FALSE(unsure(mine, "select id from customers"));
    EXPECT_FALSE(unsure(mine, "select id from orders")); // its own state knows
    EXPECT_FALSE(mine.may_wait());
    send(mine, "select 1", true);
    EXPECT_TRUE(unsure(theirs, "select id from orders"));
    send(mine, "commit", true);
    EXPECT_TRUE(unsure(theirs, "select id from orders"));
    EXPECT_TRUE(theirs.may_wait());
    mine.idle();
    EXPECT_TRUE(unsure(theirs, "select id from orders"));
    EXPECT_TRUE(unsure(mine, "select id from orders"));
    EXPECT_TRUE(mine.may_wait());
    theirs.give_up();
    EXPECT_FALSE(theirs.may_wait());
    EXPECT_TRUE(unsure(theirs, "select id from orders"));
    read_again();
    EXPECT_FALSE(unsure(theirs, "select id from orders"));
}

/// All would have to wait as long as the block lasts.
TEST_F(Use, InABlockAnyNameCountsForOthersWhenItMayEnd)
{
    send(mine, "create cast (text as int) with function calm()", true);
    EXPECT_FALSE(unsure(theirs, "select id from orders"));
    send(mine, "alter table orders rename to x", true);
    EXPECT_TRUE(unsure(theirs, "select id from orders"));
    EXPECT_FALSE(unsure(theirs, "select id from customers"));
    send(mine, "rollback", true);
    EXPECT_TRUE(unsure(theirs, "select id from customers"));
    mine.idle();
    read_again();
    EXPECT_FALSE(unsure(theirs, "select id from customers"));
    EXPECT_FALSE(unsure(theirs, "select id from orders"));
}

TEST_F(Use, AMigrationGoesOn)
{
    send(mine, "create table fresh (a int)", true);
    EXPECT_FALSE(unsure(mine, "insert into fresh values (1)"));
    EXPECT_FALSE(unsure(mine, "create index on fresh (a)"));
    send(mine, "alter table fresh add column b int", true);
    EXPECT_FALSE(unsure(mine, "alter table fresh add column c int"));
    EXPECT_FALSE(unsure(mine, "insert into orders values (1)"));
}

/// A migration whose step begins before the snapshot shows the one before it.
TEST_F(Use, AMigrationWaitsForItsOwnPast)
{
    send(mine, "alter table orders add column c int");
    mine.idle();
    send(mine, "create table lines (order_id int)", true);
    EXPECT_TRUE(unsure(mine, "alter table lines add foreign key (order_id) references orders (id)"));
    EXPECT_TRUE(mine.may_wait());
    read_again();
    EXPECT_FALSE(unsure(mine, "alter table lines add foreign key (order_id) references orders (id)"));
}

/// Nothing is renamed before a snapshot has shown which labelled name it had.
TEST_F(Use, ARenameWaitsForTheSnapshot)
{
    const auto fresh = std::make_shared<upstream::DatabaseCatalog>(
        "l", "d", [] {}, [] {});
    CatalogUse early;
    early.attach(fresh);
    EXPECT_TRUE(unsure(early, "alter table customers rename to x"));
    EXPECT_TRUE(unsure(early, "alter table customers rename ssn to x"));
    EXPECT_TRUE(unsure(early, "alter table customers set schema s"));
    EXPECT_TRUE(unsure(early, "create table y (a int)")); // an event trigger may see it
    EXPECT_TRUE(early.may_wait());
    fresh->publish(snapshot(), fresh->covers(), true);
    EXPECT_FALSE(unsure(early, "alter table customers rename to x"));
}

TEST_F(Use, WithinOneText)
{
    EXPECT_FALSE(facts(mine, "alter table customers rename to x; select ssn from x")->labels.empty());
    EXPECT_TRUE(facts(mine, "alter table orders rename to x; select id from orders")->facts->opaque);
    EXPECT_FALSE(unsure(mine, "alter table customers rename to x"));
    EXPECT_FALSE(unsure(mine, "create table y (a int); insert into y values (1)"));
}

TEST_F(Use, ALostSessionLeavesTheDoubt)
{
    send(mine, "drop table orders");
    mine.leave(4711);
    EXPECT_TRUE(unsure(theirs, "select id from orders"));
    EXPECT_EQ(database->covers().backends, std::vector{4711});
    database->publish(snapshot(), database->covers(), false);
    EXPECT_TRUE(unsure(theirs, "select id from orders"));
    database->publish(snapshot(), database->covers(), true);
    EXPECT_FALSE(unsure(theirs, "select id from orders"));
}

/// Its transaction is rolled back, but who knows when.
TEST_F(Use, ALostBlockIsInDoubtUntilItsProcessIsGone)
{
    send(mine, "alter table orders rename to x", true);
    mine.leave(4711);
    EXPECT_FALSE(unsure(theirs, "select id from customers"));
    EXPECT_TRUE(unsure(theirs, "select id from orders"));
    database->publish(snapshot(), database->covers(), false);
    EXPECT_TRUE(unsure(theirs, "select id from orders"));
    database->publish(snapshot(), database->covers(), true);
    EXPECT_FALSE(unsure(theirs, "select id from orders"));
}

/// For everybody at once, before the copy is made.
TEST_F(Use, CopiesCarryLabels)
{
    struct Row {
        const char *copy, *read;
    };
    for (const auto& row : {Row{"create table a as select ssn from customers", "select * from a"},
                            Row{"select ssn into b from customers", "select x from b"},
                            Row{"insert into c select ssn from customers", "select x from c"},
                            Row{"create materialized view e as select ssn from customers", "table e"},
                            Row{"update f set x = c.ssn from customers c", "select x from f"},
                            Row{"create table g as select x from a", "select x from g"}}) {
        EXPECT_FALSE(labelled(theirs, row.read)) << row.read;
        send(mine, row.copy);
        EXPECT_TRUE(labelled(theirs, row.read)) << row.copy;
    }
    for (const auto* harmless : {"create table n as select id from customers", "insert into n values (1)",
                                 "update customers set id = 1 where ssn = 'x'"})
        send(mine, harmless);
    EXPECT_FALSE(labelled(theirs, "select * from n"));
    EXPECT_FALSE(labelled(theirs, "select id from customers"));
}

TEST_F(Use, TemporaryCopiesAreTheSessionsOwn)
{
    send(mine, "create temp table t as select ssn from customers");
    EXPECT_TRUE(labelled(mine, "select * from t"));
    EXPECT_FALSE(labelled(theirs, "select * from t"));
    send(mine, "insert into t2 select * from t");
    EXPECT_TRUE(labelled(theirs, "select * from t2"));
    EXPECT_EQ(database->covers().sequence, 0U); // nobody had to read anything again
}

TEST_F(Use, WithoutADatabaseNothingIsKnownAndNothingIsDoubted)
{
    CatalogUse none;
    none.look();
    send(none, "drop table customers");
    none.idle();
    EXPECT_FALSE(unsure(none, "select * from customers"));
    EXPECT_FALSE(none.may_wait());
    none.leave(1);
}

} // namespace catalog_use_test
} // namespace stepgate::proxy::session
