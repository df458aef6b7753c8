#include "protocols/postgres/report.h"
#include "protocols/postgres/tracker.h"
#include "tests/unit/postgres_protocol/support.h"

#include <gtest/gtest.h>

#include <memory>

namespace stepgate::protocols::postgres
{
namespace tracker_test
{

using Sessions = Tracker<std::string, std::string>;

void receive(Sessions& tracker, const Message& message)
{
    const auto event = tracker.received(message.frame());
    ASSERT_TRUE(event) << message.frame().type << ": " << event.error().message();
}

void receive(Sessions& tracker, std::string_view types)
{
    for (const char type : types) {
        if (type == 'C')
            receive(tracker, encoded([](wire::Bytes& out) { encode_command_complete(out, "SELECT 1"); }));
        else if (type == 'E')
            receive(tracker, encoded([](wire::Bytes& out) { encode_error(out, {"ERROR", "42601", "no"}); }));
        else
            receive(tracker, message(type));
    }
}

void ready(Sessions& tracker, Transaction status = Transaction::idle)
{
    receive(tracker, encoded([&](wire::Bytes& out) { encode_ready_for_query(out, status); }));
}

template <class Value>
std::string found(const Names<Value>& names, std::string_view name)
{
    const auto* value = names.find(name);
    return value == nullptr ? "unknown" : *value;
}

TEST(Statements, are_there_for_what_is_sent_next_and_stay)
{
    Sessions tracker;
    tracker.parse("s", "select 1");
    EXPECT_EQ(found(tracker.statements(), "s"), "select 1") << "a Bind in the same packet means this one";
    EXPECT_EQ(tracker.statements().size(), 0U) << "but the server has not accepted it";
    tracker.sync();
    receive(tracker, "1");
    EXPECT_EQ(tracker.statements().size(), 1U);
    ready(tracker);
    EXPECT_EQ(found(tracker.statements(), "s"), "select 1");
    EXPECT_EQ(found(tracker.statements(), "t"), "unknown");
}

TEST(Statements, of_an_earlier_group_are_not_sure_before_they_are_answered)
{
    Sessions tracker;
    tracker.parse("s", "select 1");
    EXPECT_TRUE(tracker.statements().is_sure("s", tracker.group())) << "if it fails, all of this group is skipped";
    tracker.sync();
    EXPECT_FALSE(tracker.statements().is_sure("s", tracker.group()));
    EXPECT_TRUE(tracker.is_renaming());
    EXPECT_TRUE(tracker.renamed().empty());
    receive(tracker, "1");
    EXPECT_TRUE(tracker.statements().is_sure("s", tracker.group()));
    EXPECT_FALSE(tracker.is_renaming());
    const auto renamed = tracker.renamed();
    ASSERT_EQ(renamed.size(), 1U);
    EXPECT_EQ(renamed[0].name, "s");
    EXPECT_TRUE(renamed[0].defined);
    ready(tracker);
}

TEST(Statements, that_are_refused_or_skipped_rename_nothing)
{
    Sessions tracker;
    tracker.parse("s", "bogus");
    tracker.close(Named::statement, "t");
    tracker.parse("t", "select 1");
    tracker.sync();
    receive(tracker, "E");
    ready(tracker);
    EXPECT_TRUE(tracker.renamed().empty());
    EXPECT_FALSE(tracker.is_renaming());
}

TEST(Statements, that_the_server_refuses_were_never_there)
{
    Sessions tracker;
    tracker.parse("s", "selekt");
    tracker.sync();
    receive(tracker, "E");
    EXPECT_EQ(found(tracker.statements(), "s"), "unknown");
}

TEST(Statements, with_a_name_that_exists_do_not_replace_it)
{
    Sessions tracker;
    tracker.parse("s", "harmless");
    tracker.sync();
    receive(tracker, "1");
    ready(tracker);
    tracker.parse("s", "other");
    tracker.sync();
    EXPECT_EQ(found(tracker.statements(), "s"), "other");
    receive(tracker, "E"); // 42P05
    EXPECT_EQ(found(tracker.statements(), "s"), "harmless");
}

TEST(Statements, behind_an_error_are_dropped_and_the_old_ones_stay)
{
    Sessions tracker;
    tracker.parse("", "old");
    tracker.parse("s", "old s");
    tracker.sync();
    receive(tracker, "11");
    ready(tracker);

    tracker.bind("", "old"); // fails
    tracker.parse("", "new");
    tracker.close(Named::statement, "s");
    tracker.parse("t", "new t");
    tracker.sync();
    tracker.parse("u", "next group");
    tracker.sync();
    EXPECT_EQ(found(tracker.statements(), ""), "new");
    EXPECT_EQ(found(tracker.statements(), "s"), "unknown");
    receive(tracker, "E");
    EXPECT_EQ(found(tracker.statements(), ""), "old");
    EXPECT_EQ(found(tracker.statements(), "s"), "old s");
    EXPECT_EQ(found(tracker.statements(), "t"), "unknown");
    EXPECT_EQ(found(tracker.statements(), "u"), "next group");
}

TEST(Statements, sent_while_the_server_skips_do_not_exist)
{
    Sessions tracker;
    tracker.parse("", "selekt");
    receive(tracker, "E");
    tracker.parse("s", "never read");
    EXPECT_EQ(found(tracker.statements(), "s"), "unknown");
    tracker.sync();
    tracker.parse("s", "read");
    EXPECT_EQ(found(tracker.statements(), "s"), "read");
}

TEST(Statements, the_unnamed_one_is_gone_after_a_failed_parse_of_it)
{
    Sessions tracker;
    tracker.parse("", "old");
    tracker.sync();
    receive(tracker, "1");
    ready(tracker);
    tracker.parse("", "selekt");
    tracker.sync();
    receive(tracker, "E");
    EXPECT_EQ(found(tracker.statements(), ""), "unknown");
}

TEST(Statements, the_unnamed_one_is_gone_after_a_query)
{
    Sessions tracker;
    tracker.parse("", "old");
    tracker.parse("s", "named");
    tracker.sync();
    tracker.query(1);
    EXPECT_EQ(found(tracker.statements(), ""), "unknown");
    EXPECT_EQ(found(tracker.statements(), "s"), "named");
    receive(tracker, "11");
    ready(tracker);
    receive(tracker, "E");
    ready(tracker);
    EXPECT_EQ(found(tracker.statements(), ""), "unknown") << "also if the query fails";
}

TEST(Statements, replaced_while_the_first_is_still_pending)
{
    Sessions tracker;
    tracker.parse("", "one");
    tracker.bind("", "portal of one");
    tracker.execute(1);
    tracker.parse("", "two");
    EXPECT_EQ(found(tracker.statements(), ""), "two");
    tracker.sync();
    receive(tracker, "1");
    EXPECT_EQ(found(tracker.statements(), ""), "two");
    receive(tracker, "2E"); // "two" is skipped
    EXPECT_EQ(found(tracker.statements(), ""), "one");
}

TEST(Statements, of_sql_share_the_names)
{
    Sessions tracker;
    const auto number = tracker.query(1);
    ASSERT_TRUE(number);
    tracker.statements().define("s", "prepared by SQL", *number, Names<std::string>::By::sql);
    receive(tracker, "C");
    ready(tracker);
    EXPECT_EQ(found(tracker.statements(), "s"), "prepared by SQL");
    const auto deallocate = tracker.query(2);
    tracker.statements().close("s", *deallocate, Names<std::string>::By::sql);
    EXPECT_EQ(found(tracker.statements(), "s"), "unknown");
    receive(tracker, "C");
    ready(tracker);
    EXPECT_EQ(tracker.statements().size(), 0U);
}

TEST(Statements, of_sql_that_failed_in_part_are_unknown)
{
    // "deallocate s; prepare s as delete ..; select 1/0": prepared statements survive the rollback.
    Sessions tracker;
    tracker.parse("s", "harmless");
    tracker.sync();
    receive(tracker, "1");
    ready(tracker);
    const auto number = tracker.query(1);
    tracker.statements().define("s", "delete", *number, Names<std::string>::By::sql);
    receive(tracker, "CCE");
    ready(tracker);
    EXPECT_EQ(found(tracker.statements(), "s"), "unknown");
}

TEST(Portals, die_with_their_transaction)
{
    Sessions tracker;
    tracker.bind("p", "select 1");
    tracker.sync();
    receive(tracker, "2");
    ready(tracker, Transaction::open);
    EXPECT_EQ(found(tracker.portals(), "p"), "select 1");
    tracker.query(1);
    receive(tracker, "C");
    ready(tracker);
    EXPECT_EQ(found(tracker.portals(), "p"), "unknown");
}

TEST(Portals, that_are_holdable_survive_it)
{
    Sessions tracker;
    const auto number = tracker.query(1);
    tracker.portals().define("c", "with hold", *number, Names<std::string>::By::sql, true);
    tracker.portals().define("d", "without", *number, Names<std::string>::By::sql);
    receive(tracker, "CC");
    ready(tracker);
    EXPECT_EQ(found(tracker.portals(), "c"), "with hold");
    EXPECT_EQ(found(tracker.portals(), "d"), "unknown");
}

TEST(Portals, of_the_next_group_do_not_die_with_the_transaction_before)
{
    Sessions tracker;
    tracker.bind("p", "one");
    tracker.sync();
    tracker.bind("p", "two");
    receive(tracker, "2");
    ready(tracker);
    EXPECT_EQ(found(tracker.portals(), "p"), "two");
    tracker.sync();
    receive(tracker, "2");
    ready(tracker);
    EXPECT_EQ(found(tracker.portals(), "p"), "unknown");
}

TEST(Portals, are_closed)
{
    Sessions tracker;
    tracker.bind("p", "one");
    tracker.close(Named::portal, "p");
    EXPECT_EQ(found(tracker.portals(), "p"), "unknown");
    tracker.sync();
    receive(tracker, "23");
    EXPECT_EQ(tracker.portals().size(), 0U);
    ready(tracker);
}

TEST(Names, forgets_on_request)
{
    Sessions tracker;
    tracker.parse("settled", "one");
    tracker.sync();
    receive(tracker, "1");
    ready(tracker);
    tracker.parse("pending", "two");
    tracker.statements().forget_settled();
    EXPECT_EQ(found(tracker.statements(), "settled"), "unknown");
    EXPECT_EQ(found(tracker.statements(), "pending"), "two");
    tracker.statements().forget_all();
    EXPECT_EQ(found(tracker.statements(), "pending"), "unknown");
    tracker.sync();
    receive(tracker, "1");
    EXPECT_EQ(found(tracker.statements(), "pending"), "unknown");
}

TEST(Names, takes_values_that_can_only_be_moved)
{
    Names<std::unique_ptr<int>> names;
    names.define("a", std::make_unique<int>(1), 0);
    names.settle(0, Fate::succeeded);
    ASSERT_NE(names.find("a"), nullptr);
    EXPECT_EQ(**names.find("a"), 1);
}

TEST(Names, a_session_that_makes_names_for_ever_stays_small)
{
    Names<int> names;
    for (std::uint64_t i = 0; i < 10000; ++i) {
        names.define("portal " + std::to_string(i), 1, i);
        names.settle(i, Fate::succeeded);
        names.end_transaction();
    }
    EXPECT_EQ(names.size(), 0U);
    EXPECT_EQ(names.records(), 0U);
    for (std::uint64_t i = 0; i < 10000; ++i) {
        const std::string name = "statement " + std::to_string(i);
        names.define(name, 1, 2 * i);
        names.close(name, 2 * i + 1);
        names.settle(2 * i + 1, Fate::succeeded);
    }
    EXPECT_EQ(names.records(), 0U);
}

TEST(Tracker, keeps_reported_parameters)
{
    Sessions tracker;
    receive(tracker, message('S', raw("TimeZone\0Etc/UTC\0")));
    receive(tracker, message('S', raw("TimeZone\0Europe/Berlin\0")));
    EXPECT_EQ(tracker.parameters().find("TimeZone"), "Europe/Berlin");
    EXPECT_EQ(tracker.parameters().find("is_superuser"), "");
    EXPECT_FALSE(tracker.received(message('S', "x").frame()));
}

} // namespace tracker_test
} // namespace stepgate::protocols::postgres
