#include "policies/rules/judge.h"
#include "tests/unit/rules/support.h"

namespace stepgate::policies::rules
{
namespace engine_test
{

using namespace std::chrono;
using statement::Facts;
using statement::Kind;
using statement::StatementFacts;
using statement::Where;
using Strings = std::vector<std::string>;

// Wednesday, 2026-01-07 12:00 UTC.
constexpr auto noon = system_clock::time_point{sys_days{2026y / January / 7} + 12h};

std::shared_ptr<const Facts> facts(std::vector<StatementFacts> statements)
{
    Facts result;
    result.parsed = true;
    result.statements = std::move(statements);
    return std::make_shared<const Facts>(std::move(result));
}

std::shared_ptr<const Facts> facts(StatementFacts one)
{
    return facts(std::vector{std::move(one)});
}

StatementFacts of(Kind kind)
{
    StatementFacts result;
    result.kind = kind;
    return result;
}

StatementFacts select(std::string table, Strings columns)
{
    StatementFacts result;
    result.kind = Kind::select;
    result.reads = {{std::move(table), true, std::move(columns)}};
    return result;
}

StatementFacts delete_all()
{
    StatementFacts result;
    result.kind = Kind::delete_rows;
    result.where = Where::missing;
    result.destructive = true;
    result.writes = {{"public.orders", true, {"*"}}};
    return result;
}

Asker alice()
{
    return {"shop", "alice", "shopdb", "app", "10.1.2.3", "psql", {"dba", "dev"}};
}

Verdict judge(const Judge& judge, const std::shared_ptr<const Facts>& facts, const Asker& asker = alice(),
              std::string_view sql = "", bool in_transaction = false, system_clock::time_point now = noon)
{
    return judge.verdict(*judge.match(facts, asker.database), sql, asker, in_transaction, now);
}

/// Does a rule with this `when` (and `then`) match?
bool holds(std::string_view when, const std::shared_ptr<const Facts>& facts, const Asker& asker = alice(),
           std::string_view sql = "", bool in_transaction = false, system_clock::time_point now = noon,
           std::string_view then = "\"deny\"")
{
    const auto policy =
        policy_of("[[label]]\ntable = \"customers\"\ncolumns = {ssn = [\"pii\"], card = [\"pci\"]}\n"
                  "[[rule]]\nid = \"r\"\nwhen = {" +
                  std::string{when} + "}\nthen = " + std::string{then} + "\n[default]\nopaque = \"allow\"\n");
    return judge(Judge{policy}, facts, asker, sql, in_transaction, now).rules == Strings{"r"};
}

TEST(Engine, FactConditions)
{
    const auto read_ssn = facts(select("public.customers", {"ssn"}));
    const auto read_id = facts(select("public.customers", {"id"}));
    const auto read_both = facts(std::vector{select("public.customers", {"id"}), select("public.orders", {"ssn"})});
    auto call = of(Kind::select);
    call.calls = {"pg_catalog.pg_read_file", "purge"};
    auto drop = of(Kind::drop);
    drop.object = "table";
    auto explained = of(Kind::explain);
    explained.inner = {Kind::delete_rows};
    auto block = of(Kind::do_block);
    block.inner = {{Kind::create, "role"}, {Kind::drop, "view"}};
    auto renames = of(Kind::alter);
    renames.object = "table";
    renames.inner = {Kind::rename};
    struct Row {
        const char* when;
        std::shared_ptr<const Facts> facts;
        bool holds;
    };
    const Row rows[] = {
        {"", facts(of(Kind::select)), true},
        {"", facts(std::vector<StatementFacts>{}), true},
        {R"(statement = ["delete"])", facts(delete_all()), true},
        {R"(statement = ["update", "delete"])", facts(delete_all()), true},
        {"statement = ['create'], object = ['role']", facts(block), true},
        {"statement = ['drop'], object = ['role']", facts(block), false},
        {"statement = ['create'], object_not = ['role']", facts(block), false},
        {"statement = ['drop'], object_not = ['role']", facts(block), true},
        {"object = ['view']", facts(block), true},
        {"statement = ['rename'], object = ['table']", facts(renames), true},
        {"statement = ['rename'], object_not = ['table']", facts(renames), false},
        {R"(statement = ["update"])", facts(delete_all()), false},
        {R"(statement = "delete", where = "missing")", facts(delete_all()), true},
        {R"(statement = "delete", where = "present")", facts(delete_all()), false},
        {"destructive = true", facts(delete_all()), true},
        {"destructive = false", facts(delete_all()), false},
        {"destructive = false", facts(of(Kind::select)), true},
        {"opaque = true", facts(of(Kind::select)), false},
        {R"(object = "table")", facts(drop), true},
        {R"(object = "view")", facts(drop), false},
        {R"(object_not = "view")", facts(drop), true},
        {R"(object_not = ["view", "table"])", facts(drop), false},
        {R"(statement = "delete")", facts(explained), true}, // EXPLAIN ANALYZE runs it
        {R"(statement = "explain")", facts(explained), true},
        {R"(statement = "update")", facts(explained), false},
        {R"(reads = {labels = ["pii"]})", read_ssn, true},
        {R"(reads = {labels = ["pci"]})", read_ssn, false},
        {R"(reads = {labels = ["pci", "pii"]})", read_ssn, true},
        {R"(writes = {labels = ["pii"]})", read_ssn, false},
        {R"(reads = {labels = ["pii"]})", read_id, false},
        {R"(reads = {tables = ["customers"]})", read_id, true},
        {R"(reads = {tables = ["shop.*"]})", read_id, false},
        {R"(reads = {columns = ["i?"]})", read_id, true},
        {R"(reads = {columns = ["ssn"]})", read_id, false},
        {R"(reads = {columns = ["ssn"]})", facts(select("public.customers", {"*"})), true},
        {R"(reads = {labels = ["pii"]})", facts(select("public.customers", {"*"})), true},
        {R"(reads = {tables = ["*"]})", facts(of(Kind::select)), false},
        // All of it on one table of one statement, never put together from several.
        {R"(reads = {tables = ["customers"], columns = ["ssn"]})", read_both, false},
        {R"(reads = {tables = ["orders"], columns = ["ssn"]})", read_both, true},
        {R"(statement = "delete", reads = {labels = ["pii"]})",
         facts(std::vector{delete_all(), select("public.customers", {"ssn"})}), false},
        {R"(statement = "select", reads = {labels = ["pii"]})",
         facts(std::vector{delete_all(), select("public.customers", {"ssn"})}), true},
        {R"(calls = ["pg_read_*"])", facts(call), true},
        {R"(calls = ["pg_catalog.pg_read_file"])", facts(call), true},
        {R"(calls = ["public.pg_read_file"])", facts(call), false},
        {R"(calls = ["public.purge"])", facts(call), true}, // schema not known: it may be that one
        {R"(statement = "empty")", facts(std::vector<StatementFacts>{}), true},
        {R"(statement = "unknown")", facts(std::vector<StatementFacts>{}), false},
    };
    for (const auto& row : rows)
        EXPECT_EQ(holds(row.when, row.facts), row.holds) << row.when;
}

TEST(Engine, AskerConditions)
{
    struct Row {
        const char* when;
        bool holds;
    };
    const Row rows[] = {
        {R"(user = {in = ["alice", "bob"]})", true},
        {R"(user = {in = ["bob"]})", false},
        {R"(user = {in = ["Alice"]})", false},
        {R"(user = {not_in = ["bob"]})", true},
        {R"(user = {not_in = ["alice"]})", false},
        {R"(user = {in_group = ["dev", "ops"]})", true},
        {R"(user = {in_group = ["ops"]})", false},
        {R"(user = {not_in_group = ["ops"]})", true},
        {R"(user = {not_in_group = ["dba"]})", false},
        {R"(user = {in = ["alice"], not_in_group = ["dba"]})", false},
        {R"(listener = ["shop"])", true},
        {R"(listener = ["hr"])", false},
        {R"(database = "shopdb", role = "app")", true},
        {R"(database = "shopdb", role = "root")", false},
        {R"(client_address = {in = ["10.0.0.0/8"]})", true},
        {R"(client_address = {not_in = ["10.0.0.0/8"]})", false},
        {R"(client_address = {in = ["10.0.0.0/8"], not_in = ["10.1.0.0/16"]})", false},
        {R"(client_address = {not_in = ["192.168.0.0/16"]})", true},
        {"application_name_regex = '^ps'", true},
        {"application_name_regex = '^DBeaver'", false},
        {"in_transaction = false", true},
        {"in_transaction = true", false},
    };
    for (const auto& row : rows)
        EXPECT_EQ(holds(row.when, facts(of(Kind::select))), row.holds) << row.when;
    EXPECT_TRUE(holds("in_transaction = true", facts(of(Kind::select)), alice(), "", true));
}

TEST(Engine, TimeConditions)
{
    struct Row {
        const char* when;
        int hours; // since Wednesday, 00:00 UTC
        bool holds;
    };
    const Row rows[] = {
        {R"(between = "08:00-18:00")", 8, true},
        {R"(between = "08:00-18:00")", 18, false},
        {R"(between = "08:00-18:00", zone = "+02:00")", 6, true},
        {R"(between = "08:00-18:00", zone = "+02:00")", 16, false},
        {R"(between = "08:00-18:00", zone = "-05:00")", 12, false},
        {R"(between = "22:00-06:00")", 23, true},
        {R"(between = "22:00-06:00")", 5, true},
        {R"(between = "22:00-06:00")", 12, false},
        {R"(between = "22:00-06:00", days = ["wed"])", 23, true},
        {R"(between = "22:00-06:00", days = ["wed"])", 24 + 5, true}, // the window that began on Wednesday
        {R"(between = "22:00-06:00", days = ["wed"])", 5, false},     // and this one on Tuesday
        {R"(days = ["sat", "sun"])", 12, false},
        {R"(days = ["sat", "sun"])", 72, true},
        {R"(between = "00:00-24:00")", 0, true},
        {R"(days = ["thu"], zone = "+14:00")", 12, true},
    };
    const auto midnight = noon - 12h;
    for (const auto& row : rows)
        EXPECT_EQ(holds("time = {" + std::string{row.when} + "}", facts(of(Kind::select)), alice(), "", false,
                        midnight + hours{row.hours}),
                  row.holds)
            << row.when << " at " << row.hours;
}

TEST(Engine, UnsureMeansStricter)
{
    Asker nowhere = alice();
    nowhere.client_address = "unix";
    const auto read = facts(of(Kind::select));
    EXPECT_TRUE(holds(R"(client_address = {in = ["10.0.0.0/8"]})", read, nowhere));
    EXPECT_TRUE(holds(R"(client_address = {not_in = ["10.0.0.0/8"]})", read, nowhere));
    EXPECT_FALSE(holds(R"(client_address = {in = ["10.0.0.0/8"]})", read, nowhere, "", false, noon, "\"allow\""));
}

TEST(Engine, SqlRegexLooksAtTheText)
{
    const auto read = facts(of(Kind::select));
    EXPECT_TRUE(holds(R"(sql_regex = '(?i)\bxp_cmdshell\b')", read, alice(), "exec XP_CMDSHELL 'x'"));
    EXPECT_FALSE(holds(R"(sql_regex = '(?i)\bxp_cmdshell\b')", read, alice(), "select 1"));
    EXPECT_FALSE(holds(R"(sql_regex = 'x', statement = "delete")", read, alice(), "x"));

    const auto policy = policy_of("[[rule]]\nid = \"a\"\nwhen = {sql_regex = 'one'}\nthen = \"notify\"\n"
                                  "[[rule]]\nid = \"b\"\nwhen = {sql_regex = 'two'}\nthen = \"notify\"\n");
    EXPECT_EQ(judge(Judge{policy}, read, alice(), "two").rules, Strings{"b"});
    EXPECT_EQ(judge(Judge{policy}, read, alice(), "two one").rules, (Strings{"a", "b"}));
}

TEST(Engine, BatchJoinsAllStatements)
{
    const auto policy =
        policy_of("[[rule]]\nid = \"d\"\nwhen = {statement = \"delete\"}\nthen = {challenge = {level = 1}}\n"
                  "[[rule]]\nid = \"t\"\nwhen = {statement = \"truncate\"}\nthen = {challenge = {level = 2}}\n");
    const auto verdict = judge(Judge{policy}, facts(std::vector{of(Kind::select), of(Kind::truncate), delete_all()}));
    EXPECT_EQ(verdict.action, Action::challenge);
    EXPECT_EQ(verdict.requirement.level, 2);
    EXPECT_EQ(verdict.rules, (Strings{"d", "t"}));
}

TEST(Engine, OpaqueDefaultJoins)
{
    Facts opaque;
    opaque.opaque = true;
    opaque.opaque_reasons = {"calls public.purge, whose body is not known"};
    const auto unparsed = std::make_shared<const Facts>(opaque);
    auto verdict = judge(Judge{policy_of("")}, unparsed);
    EXPECT_EQ(verdict.action, Action::challenge);
    EXPECT_EQ(verdict.requirement.level, 2);
    EXPECT_EQ(verdict.rules, Strings{"default.opaque"});
    EXPECT_EQ(verdict.because, Strings{"Not fully understood: calls public.purge, whose body is not known"});

    const auto policy =
        policy_of("[[rule]]\nid = \"o\"\nwhen = {opaque = true}\nthen = {challenge = {level = 1}}\n"
                  "[[rule]]\nid = \"u\"\nwhen = {statement = \"unknown\"}\nthen = {challenge = {level = 1}}\n"
                  "[[rule]]\nid = \"none\"\nwhen = {statement = \"select\"}\nthen = \"deny\"\n");
    verdict = judge(Judge{policy}, unparsed);
    EXPECT_EQ(verdict.rules, (Strings{"o", "u", "default.opaque"}));
    EXPECT_EQ(verdict.requirement.level, 2);
    EXPECT_FALSE(verdict.elevation);

    EXPECT_EQ(judge(Judge{policy_of("[default]\nopaque = \"allow\"\n")}, unparsed), Verdict{});
}

TEST(Engine, StatementDefaultIsForWhatNoRuleSpeaksAbout)
{
    const auto policy = policy_of("[[rule]]\nid = \"reads\"\nwhen = {statement = \"select\"}\nthen = \"allow\"\n"
                                  "[[rule]]\nid = \"alice-writes\"\nwhen = {statement = \"insert\", user = {in = "
                                  "[\"alice\"]}}\nthen = \"allow\"\n"
                                  "[default]\nstatement = \"deny\"\n");
    const Judge rules{policy};
    Asker bob = alice();
    bob.user = "bob";
    struct Row {
        const char* name;
        std::vector<Kind> kinds;
        Asker asker;
        Action action;
    };
    const Row rows[] = {
        {"spoken about", {Kind::select}, alice(), Action::allow},
        {"not spoken about", {Kind::drop}, alice(), Action::deny},
        {"one of two", {Kind::select, Kind::drop}, alice(), Action::deny},
        {"both", {Kind::select, Kind::insert}, alice(), Action::allow},
        {"only for others", {Kind::select, Kind::insert}, bob, Action::deny},
        {"an empty query", {}, alice(), Action::deny},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.name);
        std::vector<StatementFacts> statements;
        for (const auto kind : row.kinds)
            statements.push_back(of(kind));
        const auto verdict = judge(rules, facts(statements), row.asker);
        EXPECT_EQ(verdict.action, row.action);
        EXPECT_EQ(verdict.rules.front() == "default.statement", row.action == Action::deny);
    }
}

TEST(Engine, LabelsAreToldAlsoWhenAllowed)
{
    const auto policy = policy_of("[[label]]\ntable = \"customers\"\ncolumns = {ssn = [\"pii\", \"a\"]}\n");
    const auto verdict = judge(Judge{policy}, facts(select("public.customers", {"ssn"})));
    EXPECT_EQ(verdict.action, Action::allow);
    EXPECT_EQ(verdict.labels, (Strings{"a", "pii"}));
}

TEST(Engine, FactsOfAnotherPolicyAreMatchedAgain)
{
    Judge rules{policy_of("")};
    const auto before = rules.match(facts(delete_all()), "");
    rules.replace(policy_of("[[rule]]\nid = \"d\"\nwhen = {statement = \"delete\"}\nthen = \"deny\"\n"));
    EXPECT_EQ(rules.verdict(*before, "", alice(), false, noon).rules, Strings{"d"});
}

TEST(Engine, MemoFollowsPolicyAndDatabase)
{
    const auto with_label = [](const char* database) {
        return policy_of("[[label]]\ntable = \"" + std::string{database} +
                         ".public.customers\"\ncolumns = {ssn = [\"pii\"]}\n");
    };
    Judge rules{with_label("shop")};
    const postgres::SessionState state;
    const auto in_shop = rules.facts("select ssn from customers", state, "shop");
    const auto in_test = rules.facts("select ssn from customers", state, "test");
    EXPECT_FALSE(in_shop->labels.empty());
    EXPECT_TRUE(in_test->labels.empty());
    EXPECT_EQ(rules.facts("select ssn from customers", state, "shop"), in_shop);
    EXPECT_EQ(rules.facts("select ssn from customers", state, "test"), in_test);
    rules.replace(with_label("test"));
    EXPECT_TRUE(rules.facts("select ssn from customers", state, "shop")->labels.empty());
}

/// Whether code is understood says nothing about the texts in it.
TEST(Judge, TextThatRunsMayHoldAPassword)
{
    catalog::Contents contents;
    contents.schemas = {"pg_catalog", "public"};
    catalog::Function calm;
    calm.oid = 20'000;
    calm.schema = "public";
    calm.name = "calm";
    calm.language = "sql";
    calm.argument_types = {25};
    calm.body = "select 1";
    contents.functions.push_back(calm);
    sensitivity::CatalogView view;
    view.catalog = std::make_shared<const catalog::Catalog>(std::move(contents));
    view.revision = sensitivity::next_view_revision();
    Judge judge{policy_of("")};
    const auto* understood = "do $$ begin execute 'alter role x password ''p'''; end $$";
    EXPECT_FALSE(judge.facts(understood, postgres::SessionState{}, "d", view)->facts->opaque);
    struct Row {
        const char* sql;
        bool sensitive;
    };
    for (const auto& row : {Row{understood, true}, Row{"do $$ begin perform 1; end $$", false},
                            Row{"select calm('alter role x password ''p''')", true}, Row{"select calm('x')", false},
                            Row{"create function f() returns void language plpgsql as "
                                "$$ begin execute 'alter role x password ''p'''; end $$",
                                true},
                            Row{"prepare s as select 'password'", true}, Row{"alter role x password 'p'", true},
                            Row{"select password from accounts where id = 1", false}}) {
        const auto facts = judge.facts(row.sql, postgres::SessionState{}, "d", view);
        EXPECT_EQ(judge.sensitive(*facts, row.sql), row.sensitive) << row.sql;
    }
}

/// MySQL's own functions run no text, and every word of a text that is not kept from view costs.
TEST(Judge, MySqlsOwnFunctionsRunNoText)
{
    Judge judge{policy_of("")};
    struct Row {
        const char* sql;
        bool sensitive;
    };
    for (const auto& row : {Row{"select concat('set password = ', 'p') from t where id = 1", false},
                            Row{"prepare s from 'set password = \\'p\\''", true},
                            Row{"select app.calm('set password = \\'p\\'')", true}}) {
        const auto facts = judge.facts(row.sql, mysql::SessionState{}, "d");
        EXPECT_EQ(judge.sensitive(*facts, row.sql), row.sensitive) << row.sql;
    }
}

} // namespace engine_test
} // namespace stepgate::policies::rules
