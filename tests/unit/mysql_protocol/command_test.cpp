#include "protocols/mysql/command.h"

#include "tests/unit/mysql_protocol/support.h"

#include <gtest/gtest.h>

#include <functional>

namespace stepgate::protocols::mysql
{
namespace command_test
{

TEST(Command, only_these_pass_the_allow_list)
{
    std::string allowed;
    for (unsigned code = 0; code < 256; ++code) {
        const auto command = static_cast<Command>(code);
        if (treatment(command) == Treatment::refuse)
            continue;
        allowed.append(name(command).substr(4)).append(" ");
    }
    EXPECT_EQ(allowed,
              "QUIT INIT_DB QUERY FIELD_LIST STATISTICS PROCESS_KILL PING CHANGE_USER STMT_PREPARE STMT_EXECUTE "
              "STMT_SEND_LONG_DATA STMT_CLOSE STMT_RESET SET_OPTION STMT_FETCH RESET_CONNECTION "
              "STMT_BULK_EXECUTE ");
}

TEST(Command, has_a_name_of_its_own)
{
    std::vector<std::string_view> names;
    for (unsigned code = 0; code < 256; ++code)
        if (const auto known = name(static_cast<Command>(code)); known != "unknown command")
            names.push_back(known);
    EXPECT_EQ(names.size(), 39U);
    std::ranges::sort(names);
    EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
}

TEST(Command, three_have_no_answer)
{
    std::string silent;
    for (unsigned code = 0; code < 256; ++code)
        if (!is_answered(static_cast<Command>(code)))
            silent.append(name(static_cast<Command>(code))).append(" ");
    EXPECT_EQ(silent, "COM_QUIT COM_STMT_SEND_LONG_DATA COM_STMT_CLOSE ");
}

TEST(Command, of_an_empty_message_is_none)
{
    EXPECT_FALSE(command_of({}));
    EXPECT_EQ(command_of(wire::as_bytes("\3")), Command::query);
}

TEST(Command, begins_a_new_sequence)
{
    Frame frame;
    EXPECT_EQ(decode_command(frame).error(), errc::unexpected_message);
    frame.payload = wire::as_bytes("\3select 1");
    EXPECT_EQ(decode_command(frame).value(), Command::query);
    frame.sequence = 1;
    EXPECT_EQ(decode_command(frame).error(), errc::out_of_order);
}

constexpr Capabilities modern =
    Capability::protocol_41 | Capability::secure_connection | Capability::plugin_auth | Capability::connect_attrs;

/// What a decoder read, as text; nothing if it refused.
using Read = std::function<std::string(wire::View)>;

std::string number(std::uint64_t value)
{
    return std::to_string(value);
}

std::string change_user(wire::View payload)
{
    const auto change = decode_change_user(payload, modern);
    if (!change)
        return {};
    return std::string{change->user} + "," + text(change->auth) + "," + std::string{change->database} + "," +
           number(change->collation) + "," + std::string{change->plugin} + "," +
           std::string{change->attributes.find("a")};
}

struct Row {
    const char* name;
    std::string payload;
    std::string read;
    Read reader;
    std::size_t shortest = SIZE_MAX; // a prefix from this size on is good, too
    bool more_is_good = false;
};

std::vector<Row> rows()
{
    const Read prepare = [](wire::View payload) {
        const auto sql = decode_prepare(payload);
        return sql ? "sql " + std::string{*sql} : std::string{};
    };
    const Read init_db = [](wire::View payload) {
        const auto name = decode_init_db(payload);
        return name ? "db " + std::string{*name} : std::string{};
    };
    const Read execute = [](wire::View payload) {
        const auto read = decode_execute(payload);
        return read ? number(read->statement) + "," + (read->opens_cursor() ? "cursor," : "") +
                          (read->counts_parameters() ? "counted," : "") + text(read->rest)
                    : std::string{};
    };
    const Read bulk = [](wire::View payload) {
        const auto read = decode_bulk_execute(payload);
        return read ? number(read->statement) + "," + (read->brings_types() ? "types," : "") + text(read->rest)
                    : std::string{};
    };
    const Read long_data = [](wire::View payload) {
        const auto read = decode_send_long_data(payload);
        return read ? number(read->statement) + "," + number(read->parameter) + "," + text(read->data) : std::string{};
    };
    const Read fetch = [](wire::View payload) {
        const auto read = decode_fetch(payload);
        return read ? number(read->statement) + "," + number(read->rows) : std::string{};
    };
    const auto id_of = [](Command command) {
        return Read{[command](wire::View payload) {
            const auto id = decode_statement_id(payload, command);
            return id ? number(*id) : std::string{};
        }};
    };
    const Read option = [](wire::View payload) {
        const auto on = decode_set_option(payload);
        return on ? (*on ? "on" : "off") : std::string{};
    };
    const Read kill = [](wire::View payload) {
        const auto thread = decode_process_kill(payload);
        return thread ? number(*thread) : std::string{};
    };
    const Read fields = [](wire::View payload) {
        const auto list = decode_field_list(payload);
        return list ? std::string{list->table} + "," + std::string{list->wildcard} : std::string{};
    };
    const Read bare = [](wire::View payload) { return check_bare(payload) ? std::string{"bare"} : std::string{}; };
    return {
        {"prepare", "\x16select ?", "sql select ?", prepare, 1, true},
        {"init_db", "\2shop", "db shop", init_db, 1, true},
        {"execute", raw("\x17\7\0\0\0\0\1\0\0\0rest"), "7,rest", execute, 10, true},
        {"execute with a cursor, counted", raw("\x17\1\1\0\0\x09\1\0\0\0"), "257,cursor,counted,", execute, 10, true},
        {"execute the last", raw("\x17\xff\xff\xff\xff\0\1\0\0\0"), "4294967295,", execute, 10, true},
        {"bulk execute", raw("\xfa\7\0\0\0\x80\0rest"), "7,types,rest", bulk, 7, true},
        {"bulk execute without types", raw("\xfa\7\0\0\0\0\0"), "7,", bulk, 7, true},
        {"send_long_data", raw("\x18\7\0\0\0\2\0abc"), "7,2,abc", long_data, 7, true},
        {"fetch", raw("\x1c\7\0\0\0\x64\0\0\0"), "7,100", fetch},
        {"close", raw("\x19\7\0\0\0"), "7", id_of(Command::stmt_close)},
        {"reset", raw("\x1a\7\0\0\0"), "7", id_of(Command::stmt_reset)},
        {"multi-statements on", raw("\x1b\0\0"), "on", option},
        {"multi-statements off", raw("\x1b\1\0"), "off", option},
        {"process_kill", raw("\x0c\7\1\0\0"), "263", kill},
        {"field_list", raw("\4t\0a%"), "t,a%", fields, 3, true},
        {"change_user",
         raw("\x11"
             "ann\0\2xyshop\0\x2d\0plugin\0\4\1a\1b"),
         "ann,xy,shop,45,plugin,b", change_user},
        {"ping", "\x0e", "bare", bare},
        {"quit", "\1", "bare", bare},
    };
}

TEST(Command, good_ones_are_decoded)
{
    for (const auto& row : rows())
        EXPECT_EQ(row.reader(Exact{row.payload}.bytes()), row.read) << row.name;
}

TEST(Command, no_prefix_is_taken_for_the_whole)
{
    for (const auto& row : rows()) {
        for (std::size_t size = 0; size < row.payload.size(); ++size) {
            const Exact part{std::string_view{row.payload}.substr(0, size)};
            const bool ends_early = row.name == std::string_view{"change_user"} && !row.reader(part.bytes()).empty();
            if (ends_early) // older clients stop after the database, the collation or the plugin
                EXPECT_TRUE(size == 13 || size == 15 || size == 22) << size;
            else
                EXPECT_EQ(!row.reader(part.bytes()).empty(), size >= row.shortest) << row.name << " cut at " << size;
        }
        EXPECT_EQ(!row.reader(wire::as_bytes(row.payload + "x")).empty(), row.more_is_good) << row.name;
    }
}

TEST(Command, another_one_is_refused)
{
    for (const auto& row : rows()) {
        if (row.read == "bare")
            continue;
        auto other = row.payload;
        other[0] = '\x1e';
        EXPECT_TRUE(row.reader(wire::as_bytes(other)).empty()) << row.name;
    }
    EXPECT_FALSE(decode_set_option(wire::as_bytes(raw("\x1b\2\0"))));
}

TEST(Command, is_written_as_it_is_read)
{
    const auto payload = raw("\x11"
                             "ann\0\2xyshop\0\x2d\0plugin\0\4\1a\1b");
    const auto change = *decode_change_user(wire::as_bytes(payload), modern);
    EXPECT_EQ(written([&](wire::Bytes& out) { encode_change_user(out, change, modern); }), packet(0, payload));
    EXPECT_EQ(written([](wire::Bytes& out) { encode_query(out, "select 1", modern); }), packet(0, "\3select 1"));
    EXPECT_EQ(written([](wire::Bytes& out) { encode_prepare(out, "select 1"); }), packet(0, "\x16select 1"));
    EXPECT_EQ(written([](wire::Bytes& out) { encode_query(out, "select 1", modern | Capability::query_attributes); }),
              packet(0, raw("\3\0\1select 1")));
    EXPECT_EQ(written([](wire::Bytes& out) { encode_statement_id(out, Command::stmt_reset, 7); }),
              packet(0, raw("\x1a\7\0\0\0")));
    EXPECT_EQ(written([](wire::Bytes& out) { encode_command(out, Command::ping); }), packet(0, "\x0e"));
}

} // namespace command_test
} // namespace stepgate::protocols::mysql
