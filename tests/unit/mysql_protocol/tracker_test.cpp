#include "protocols/mysql/scanner.h"
#include "protocols/mysql/tracker.h"
#include "tests/unit/mysql_protocol/support.h"

#include <gtest/gtest.h>

namespace stepgate::protocols::mysql
{
namespace tracker_test
{

constexpr Capabilities modern = Capability::protocol_41 | Capability::deprecate_eof;
using Session = Tracker<int>;

std::string prepare_ok(std::uint8_t id, std::uint8_t parameters = 0)
{
    return raw("\0") + static_cast<char>(id) + raw("\0\0\0\0\0") + static_cast<char>(parameters) + raw("\0\0\0\0");
}

const std::string ok = raw("\0\0\0\2\0\0\0"), denied = raw("\xff\x15\4#28000no");
const std::string parameter = hex("03646566000000013f000c3f0000000000068000000000");

void receive(Session& session, const std::string& payload)
{
    EXPECT_TRUE(session.received(wire::as_bytes(payload)));
}

/// What an id means: the value, "pending" or "none".
std::string meaning(Session& session, std::uint32_t id)
{
    const auto found = session.statements().find(id);
    if (found.is_pending)
        return "pending";
    return found.statement == nullptr ? "none" : std::to_string(found.statement->value);
}

TEST(Tracker, an_id_means_what_the_server_answered)
{
    Session session{modern};
    session.prepare(10);
    EXPECT_EQ(meaning(session, 1), "none");
    EXPECT_EQ(meaning(session, last_prepared), "pending");
    receive(session, prepare_ok(1));
    EXPECT_EQ(meaning(session, 1), "10");
    EXPECT_EQ(meaning(session, last_prepared), "10");
    session.prepare(20);
    session.prepare(30);
    receive(session, denied);
    EXPECT_EQ(meaning(session, last_prepared), "pending");
    receive(session, prepare_ok(2, 1));
    EXPECT_EQ(meaning(session, 2), "30");
    EXPECT_EQ(session.statements().find(2).statement->binding.parameters, 1);
    receive(session, parameter);
    EXPECT_TRUE(session.quiet());
    EXPECT_EQ(meaning(session, 1), "10");
}

TEST(Tracker, after_a_failed_preparation_there_is_no_last_one)
{
    Session session{modern};
    session.prepare(10);
    receive(session, prepare_ok(1));
    session.prepare(20);
    receive(session, denied);
    EXPECT_EQ(meaning(session, last_prepared), "none");
    EXPECT_EQ(meaning(session, 1), "10");
}

TEST(Tracker, a_closed_statement_means_nothing)
{
    for (const std::uint32_t id : {1U, last_prepared}) {
        Session session{modern};
        session.prepare(10);
        receive(session, prepare_ok(1));
        session.close(id);
        EXPECT_EQ(meaning(session, 1), "none");
        EXPECT_EQ(meaning(session, last_prepared), "none");
        session.close(id);
    }
}

/// MariaDB closes the last one so even before it has said its id.
TEST(Tracker, the_last_one_can_be_closed_before_it_is_answered)
{
    Session session{modern};
    session.prepare(10);
    session.prepare(20);
    session.close(last_prepared);
    receive(session, prepare_ok(1));
    receive(session, prepare_ok(2));
    EXPECT_EQ(meaning(session, 1), "10");
    EXPECT_EQ(meaning(session, 2), "none");
    EXPECT_EQ(meaning(session, last_prepared), "none");
}

TEST(Tracker, long_data_of_all_statements_has_one_limit)
{
    Session session{modern, {}, 4};
    for (std::uint8_t id = 1; id <= 3; ++id) {
        session.prepare(id);
        receive(session, prepare_ok(id, 1));
        receive(session, parameter);
    }
    const auto append = [&](std::uint32_t id, std::string_view data) {
        auto& long_data = session.statements().find(id).statement->binding.long_data;
        return long_data.append(0, wire::as_bytes(data)).has_value();
    };
    EXPECT_TRUE(append(1, "ab"));
    EXPECT_TRUE(append(2, "cd"));
    EXPECT_FALSE(append(3, "e"));
    session.close(1);
    session.reset(3);
    EXPECT_TRUE(append(3, "e")) << "a closed statement gives its share back";
    EXPECT_FALSE(append(2, "fg"));
    session.execute(*session.statements().find(2).statement, false, 1);
    EXPECT_TRUE(append(3, "fgh"));
}

TEST(Tracker, nothing_prepared_before_survives_a_reset_or_another_user)
{
    for (const auto command : {Command::reset_connection, Command::change_user}) {
        for (const auto& answer : {ok, denied}) {
            Session session{modern};
            session.prepare(10);
            receive(session, prepare_ok(1));
            session.prepare(20);
            session.send(command);
            session.prepare(30);
            receive(session, prepare_ok(2)); // of before
            receive(session, answer);
            receive(session, prepare_ok(1)); // ids begin again
            EXPECT_EQ(meaning(session, 1), "30");
            EXPECT_EQ(meaning(session, 2), "none");
        }
    }
}

auto& prepared_with_one_parameter(Session& session)
{
    session.prepare(10);
    receive(session, prepare_ok(1, 1));
    receive(session, parameter);
    return *session.statements().find(1).statement;
}

TEST(Tracker, long_data_is_used_up_by_an_execution_and_taken_back_from_one_that_is_withheld)
{
    Session session{modern};
    auto& statement = prepared_with_one_parameter(session);
    ASSERT_TRUE(statement.binding.long_data.append(0, wire::as_bytes("x")));
    EXPECT_TRUE(session.withheld(statement, true));
    EXPECT_FALSE(statement.server_has_types);
    session.reset(1, Origin::proxy);
    EXPECT_TRUE(statement.binding.long_data.empty());
    receive(session, ok);
    EXPECT_FALSE(session.withheld(statement, false));
    EXPECT_FALSE(statement.server_has_types);
    ASSERT_TRUE(statement.binding.long_data.append(0, wire::as_bytes("x")));
    session.execute(statement, true, 7);
    EXPECT_TRUE(statement.server_has_types);
    EXPECT_TRUE(statement.binding.long_data.empty());
    EXPECT_EQ(session.answering_tag(), 7U);
}

/// What the server has of an execution that failed is not known: none of its types, and perhaps its long data.
TEST(Tracker, an_execution_that_failed_leaves_types_and_long_data_in_doubt)
{
    Session session{modern};
    auto& statement = prepared_with_one_parameter(session);
    session.execute(statement, true, 7);
    receive(session, denied);
    EXPECT_FALSE(statement.server_has_types);
    EXPECT_FALSE(statement.keeps_long_data) << "it had none";
    ASSERT_TRUE(statement.binding.long_data.append(0, wire::as_bytes("x")));
    session.execute(statement, true, 8);
    EXPECT_TRUE(statement.server_has_types);
    receive(session, denied);
    EXPECT_TRUE(statement.keeps_long_data);
    session.reset(1, Origin::proxy);
    EXPECT_FALSE(statement.keeps_long_data);
    receive(session, ok);
    session.execute(statement, true, 9);
    receive(session, ok);
    EXPECT_TRUE(statement.server_has_types);
    session.execute(statement, true, 10);
    session.close(1);
    receive(session, denied); // of a statement that is gone
}

/// MariaDB's clients that keep what they were told of columns are not told again.
class KnownColumns : public testing::Test
{
  protected:
    static constexpr Capabilities caching = modern | Capability::cache_metadata;
    const std::string id = hex("036465660473686f70017401740269640269640c3f000b000000030350000000"),
                      other = hex("0364656600000001610c3f0001000000038100000000"), row = raw("\0\0\1\0\0\0"),
                      end = hex("fe000002000000"), more = hex("fe00000a000000");
    Session session{caching};

    void SetUp() override
    {
        session.prepare(10);
        receive(session, raw("\0\1\0\0\0\1\0\0\0\0\0\0"));
        receive(session, id);
    }

    void execute(const std::vector<std::string>& packets)
    {
        session.execute(*session.statements().find(1).statement, false, 0);
        for (const auto& packet : packets)
            if (session.rows_follow() && packet == row)
                session.passed(1);
            else
                receive(session, packet);
        EXPECT_TRUE(session.quiet());
    }

    std::vector<std::string> columns()
    {
        std::vector<std::string> all;
        for (const auto& column : session.statements().find(1).statement->description.columns)
            all.emplace_back(wire::as_text(column));
        return all;
    }
};

TEST_F(KnownColumns, are_those_of_the_preparation)
{
    EXPECT_EQ(columns(), std::vector{id});
    const auto version = session.statements().find(1).statement->description.version;
    execute({hex("0100"), row, end});
    EXPECT_EQ(session.statements().find(1).statement->description.version, version);
}

TEST_F(KnownColumns, are_those_that_were_described_last)
{
    const auto version = session.statements().find(1).statement->description.version;
    execute({hex("0201"), other, id, row, end});
    EXPECT_EQ(columns(), (std::vector{other, id}));
    EXPECT_NE(session.statements().find(1).statement->description.version, version);
    execute({hex("0200"), row, end});
}

TEST_F(KnownColumns, are_as_many)
{
    session.execute(*session.statements().find(1).statement, false, 0);
    EXPECT_FALSE(session.received(wire::as_bytes(hex("0200"))));
}

TEST_F(KnownColumns, are_nobodys_where_there_are_several_results)
{
    execute({hex("0101"), other, row, more, hex("0101"), id, row, end});
    session.execute(*session.statements().find(1).statement, false, 0);
    EXPECT_FALSE(session.received(wire::as_bytes(hex("0100"))));
}

TEST_F(KnownColumns, are_dropped_where_there_is_no_room_until_another_statement_closes)
{
    const auto prepare = [&](Session& tells, std::uint8_t number) {
        tells.prepare(10);
        receive(tells, raw("\0\1\0\0\0\1\0\0\0\0\0\0").replace(1, 1, 1, static_cast<char>(number)));
        receive(tells, id);
    };
    const auto is_dropped = [](Session& tells, std::uint32_t number) {
        return tells.statements().find(number).statement->description.dropped;
    };
    Session tells{caching, {}, 64, 2 * id.size() + 99};
    for (std::uint8_t number = 1; number <= 3; ++number)
        prepare(tells, number);
    EXPECT_FALSE(is_dropped(tells, 1));
    EXPECT_FALSE(is_dropped(tells, 2));
    EXPECT_TRUE(is_dropped(tells, 3));
    EXPECT_TRUE(tells.statements().find(3).statement->description.columns.empty());
    tells.close(1);
    prepare(tells, 4);
    EXPECT_FALSE(is_dropped(tells, 4));
    tells.send(Command::reset_connection);
    receive(tells, raw("\0\0\0\2\0\0\0"));
    for (std::uint8_t number = 5; number <= 6; ++number)
        prepare(tells, number);
    EXPECT_FALSE(is_dropped(tells, 6));
}

TEST_F(KnownColumns, are_kept_only_where_they_are_not_told_again)
{
    Session tells{modern};
    tells.prepare(10);
    receive(tells, raw("\0\1\0\0\0\1\0\0\0\0\0\0"));
    receive(tells, id);
    EXPECT_TRUE(tells.statements().find(1).statement->description.columns.empty());
}

} // namespace tracker_test
} // namespace stepgate::protocols::mysql
