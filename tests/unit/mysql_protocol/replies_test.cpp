#include "protocols/mysql/replies.h"

#include "protocols/mysql/scanner.h"
#include "tests/unit/mysql_protocol/support.h"

#include <gtest/gtest.h>

namespace stepgate::protocols::mysql
{
namespace replies_test
{

constexpr Capabilities plain = Capability::protocol_41 | Capability::local_files;
constexpr Capabilities modern = plain | Capability::deprecate_eof | Capability::session_track;
constexpr Capabilities caching = modern | Capability::cache_metadata;
constexpr Capabilities mariadb = modern | Capability::extended_metadata | Capability::progress;

/// Packets as MariaDB 10.11 and MySQL 9.7 sent them.
const std::string id_column = hex("036465660473686f70017401740269640269640c3f000b000000030350000000");
const std::string one_column = hex("036465660000000161000c3f0001000000038100000000");
const std::string parameter = hex("03646566000000013f000c3f0000000000068000000000");
const std::string eof = hex("fe00000200"), eof_more = hex("fe00000a00"), eof_ok = hex("fe000002000000");
const std::string ok = hex("00000002000000");

std::string word(const Event& event)
{
    switch (event.kind) {
    case Event::Kind::none:
        return "-";
    case Event::Kind::column:
        return "column";
    case Event::Kind::known_columns:
        return "known";
    case Event::Kind::parameter:
        return "parameter";
    case Event::Kind::completed:
        return "completed " + std::to_string(event.ok.affected_rows) + "/" + std::to_string(event.rows);
    case Event::Kind::prepared:
        return "prepared " + std::to_string(event.prepared.statement);
    case Event::Kind::failed:
        return "failed " + std::to_string(event.err.code);
    case Event::Kind::infile:
        return "infile " + std::string{event.text};
    case Event::Kind::auth:
        return "auth";
    case Event::Kind::progress:
        return "progress " + std::string{event.text};
    case Event::Kind::connection_lost:
        return "lost " + std::to_string(event.err.code);
    }
    return "?";
}

/// The server's packets through a scanner that gets them in two pieces, and what they mean: "!" where a command is
/// answered.
std::string meaning(Replies& replies, const std::vector<std::string>& payloads, std::size_t split = 0)
{
    std::string stream;
    std::uint8_t sequence = 1;
    for (const auto& payload : payloads)
        stream += packet(sequence++, payload);
    Scanner scanner;
    std::string all;
    std::size_t begin = 0;
    for (const std::size_t end : {std::min(split, stream.size()), stream.size()}) {
        for (;;) {
            const Exact window{std::string_view{stream}.substr(begin, end - begin)};
            const auto found = scanner.next(window.bytes(), replies.rows_follow());
            if (std::holds_alternative<NeedMore>(found))
                break;
            if (const auto* pass = std::get_if<Pass>(&found)) {
                EXPECT_GT(pass->bytes, 0U);
                replies.passed(pass->rows);
                begin += pass->bytes;
                continue;
            }
            if (std::holds_alternative<errc>(found))
                return all + "too large";
            const auto& frame = std::get<Frame>(found);
            const auto event = replies.received(frame.payload);
            if (!event)
                return all + event.error().message();
            all += word(*event) + (event->last ? "! " : " ");
            if (event->kind == Event::Kind::infile)
                replies.infile_end();
            if (event->kind == Event::Kind::auth)
                replies.auth_answered();
            begin += frame.bytes.size();
        }
    }
    return all;
}

struct Answer {
    const char* name;
    Capabilities capabilities;
    Command command;
    std::vector<std::string> payloads;
    std::string meaning;
    bool opens_cursor = false;
};

std::vector<Answer> answers()
{
    const std::string text_row = hex("01310161"), binary_row = hex("0000010000000161");
    const std::string malformed = make_error_code(errc::malformed_column).message();
    const std::string unexpected = make_error_code(errc::unexpected_reply).message();
    const std::string denied = hex("ff1504233238303030") + "no";
    return {
        {"an update", plain, Command::query, {hex("00050002000000")}, "completed 5/0! "},
        {"an error", plain, Command::query, {denied}, "failed 1045! "},
        {"rows", plain, Command::query, {"\1", id_column, eof, text_row, text_row, eof}, "- column - completed 0/2! "},
        {"rows, modern",
         modern,
         Command::query,
         {"\1", id_column, text_row, text_row, eof_ok},
         "- column completed 0/2! "},
        {"the columns follow",
         caching,
         Command::query,
         {hex("0101"), id_column, text_row, eof_ok},
         "- column completed 0/1! "},
        {"no word whether columns follow", caching, Command::query, {"\1", id_column}, malformed},
        {"a word that is none", caching, Command::query, {hex("0102"), id_column}, malformed},
        {"known columns of what was not prepared", caching, Command::query, {hex("0100"), text_row}, unexpected},
        {"known columns that nobody described", caching, Command::stmt_execute, {hex("0100"), binary_row}, unexpected},
        {"no rows, modern", modern, Command::query, {"\1", id_column, eof_ok}, "- column completed 0/0! "},
        {"an error amid rows", modern, Command::query, {"\1", id_column, text_row, denied}, "- column failed 1045! "},
        {"a row that begins as NULL",
         modern,
         Command::query,
         {"\1", id_column, "\xfb", eof_ok},
         "- column completed 0/1! "},
        {"an empty text row",
         plain,
         Command::query,
         {"\1", id_column, eof, raw("\0"), eof},
         "- column - completed 0/1! "},
        {"two statements", plain, Command::query, {hex("0001000a000000"), ok}, "completed 1/0 completed 0/0! "},
        {"rows and an error",
         plain,
         Command::query,
         {"\1", one_column, eof_more,
          "\1"
          "1",
          eof_more, denied},
         "- column - completed 0/1 failed 1045! "},
        {"two results, modern",
         modern,
         Command::query,
         {"\1", one_column,
          "\1"
          "1",
          hex("fe00000a000000"), "\1", one_column,
          "\1"
          "2",
          "\1"
          "3",
          eof_ok},
         "- column completed 0/1 - column completed 0/2! "},
        {"CALL",
         plain,
         Command::query,
         {"\1", one_column, eof_more,
          "\1"
          "1",
          eof_more, ok},
         "- column - completed 0/1 completed 0/0! "},
        {"an execution",
         plain,
         Command::stmt_execute,
         {"\1", id_column, eof, binary_row, eof},
         "- column - completed 0/1! "},
        {"a cursor",
         plain,
         Command::stmt_execute,
         {"\1", id_column, hex("fe00006200")},
         "- column completed 0/0! ",
         true},
        {"a cursor of ANALYZE, which is described twice",
         plain,
         Command::stmt_execute,
         {"\1", id_column, "\2", id_column, id_column, hex("fe00002100"), binary_row, hex("fe00006100")},
         "- column - column column - completed 0/1! ",
         true},
        {"a cursor of a routine",
         plain,
         Command::query,
         {"\1", id_column, hex("fe00006200"), text_row, hex("fe00006200")},
         "- column - completed 0/1! "},
        {"a cursor of a routine, in an execution",
         plain,
         Command::stmt_execute,
         {"\1", id_column, hex("fe00006200"), binary_row, hex("fe00006200")},
         "- column - completed 0/1! "},
        {"a cursor, modern",
         modern,
         Command::stmt_execute,
         {"\1", id_column, hex("fe000042000000")},
         "- column completed 0/0! ",
         true},
        {"fetched rows", plain, Command::stmt_fetch, {binary_row, hex("fe00004200")}, "completed 0/1! "},
        {"the last rows, modern",
         modern,
         Command::stmt_fetch,
         {binary_row, binary_row, hex("fe000082000000")},
         "completed 0/2! "},
        {"no cursor", modern, Command::stmt_fetch, {hex("ff8d052348593030306e6f")}, "failed 1421! "},
        {"out parameters, MySQL",
         plain,
         Command::stmt_execute,
         {"\1", one_column, eof_more, hex("000001000000"), eof_more, "\1", one_column, hex("fe00000a10"),
          hex("000005000000"), eof, ok},
         "- column - completed 0/1 - column - completed 0/1 completed 0/0! "},
        {"out parameters, MariaDB",
         plain,
         Command::stmt_execute,
         {"\1", one_column, hex("fe00000a10"), hex("000005000000"), hex("fe00000a10"), ok},
         "- column - completed 0/1 completed 0/0! "},
        {"out parameters, modern",
         modern,
         Command::stmt_execute,
         {"\1", one_column, hex("000005000000"), hex("fe00000a100000"), ok},
         "- column completed 0/1 completed 0/0! "},
        {"bulk", mariadb, Command::stmt_bulk_execute, {hex("00030002000000")}, "completed 3/0! "},
        {"LOCAL INFILE", plain, Command::query, {"\xfb/tmp/x", hex("00020002000000")}, "infile /tmp/x completed 2/0! "},
        {"LOCAL INFILE that fails", plain, Command::query, {"\xfb/tmp/x", denied}, "infile /tmp/x failed 1045! "},
        {"progress",
         mariadb,
         Command::query,
         {raw("\xff\xff\xff\1\1\2\x50\xc3\0\4copy"), ok},
         "progress copy completed 0/0! "},
        {"no progress was asked for",
         modern,
         Command::query,
         {raw("\xff\xff\xff\1\1\2\x50\xc3\0\4copy")},
         "failed 65535! "},
        {"prepared",
         plain,
         Command::stmt_prepare,
         {hex("000100000001000200000000"), parameter, parameter, eof, id_column, eof},
         "prepared 1 parameter parameter - parameter -! "},
        {"prepared, modern",
         modern,
         Command::stmt_prepare,
         {hex("000100000001000200000000"), parameter, parameter, id_column},
         "prepared 1 parameter parameter parameter! "},
        {"prepared without columns",
         plain,
         Command::stmt_prepare,
         {hex("000100000000000100000000"), parameter, eof},
         "prepared 1 parameter -! "},
        {"prepared without parameters",
         plain,
         Command::stmt_prepare,
         {hex("000100000001000000000000"), id_column, eof},
         "prepared 1 parameter -! "},
        {"prepared without either", plain, Command::stmt_prepare, {hex("000200000000000000000000")}, "prepared 2! "},
        {"not prepared", plain, Command::stmt_prepare, {denied}, "failed 1045! "},
        {"ping", plain, Command::ping, {ok}, "completed 0/0! "},
        {"init_db, tracked", modern, Command::init_db, {hex("00000002400000000701050473686f70")}, "completed 0/0! "},
        {"set_option", plain, Command::set_option, {eof}, "completed 0/0! "},
        {"set_option, modern", modern, Command::set_option, {eof_ok}, "completed 0/0! "},
        {"field_list",
         plain,
         Command::field_list,
         {id_column + "\xfb", id_column + "\xfb", eof},
         "column column completed 0/0! "},
        {"field_list, modern", modern, Command::field_list, {id_column + "\xfb", eof_ok}, "column completed 0/0! "},
        {"field_list of no table", plain, Command::field_list, {denied}, "failed 1045! "},
        {"statistics", plain, Command::statistics, {"Uptime: 1"}, "completed 0/0! "},
        {"process_kill", plain, Command::process_kill, {hex("ff46042348593030306e6f")}, "failed 1094! "},
        {"reset_connection", plain, Command::reset_connection, {ok}, "completed 0/0! "},
        {"change_user",
         plain,
         Command::change_user,
         {"\xfe"
          "plugin",
          "\1\4", ok},
         "auth auth completed 0/0! "},
        {"change_user, fast",
         plain,
         Command::change_user,
         {"\xfe"
          "plugin",
          "\1\3", ok},
         "auth auth completed 0/0! "},
        {"change_user, denied",
         plain,
         Command::change_user,
         {"\xfe"
          "plugin",
          denied},
         "auth failed 1045! "},
        {"stmt_reset", plain, Command::stmt_reset, {ok}, "completed 0/0! "},
        // What no server should send.
        {"a count that is none", plain, Command::query, {"\xfb"}, "infile  "},
        {"no columns", plain, Command::query, {hex("fc0000")}, malformed},
        {"a count with bytes behind it", plain, Command::query, {"\1\1"}, malformed},
        {"more columns than MySQL has", plain, Command::query, {"\xfc\xff\xff", id_column}, "- column "},
        {"an end before the columns", plain, Command::query, {"\2", id_column, eof}, "- column " + malformed},
        {"rows before the end of columns",
         plain,
         Command::query,
         {"\1", id_column, text_row},
         "- column malformed EOF packet"},
        {"an end of the other kind",
         plain,
         Command::query,
         {"\1", id_column, eof, eof_ok},
         "- column - malformed EOF packet"},
        {"an end of the other kind, modern",
         modern,
         Command::query,
         {"\1", id_column, eof},
         "- column malformed OK packet"},
        {"nothing amid rows", plain, Command::query, {"\1", id_column, eof, ""}, "- column - " + unexpected},
        {"rows for a ping", plain, Command::ping, {"\1"}, unexpected},
        {"a file for a ping", plain, Command::ping, {"\xfb/etc/passwd"}, unexpected},
        {"a file where none may flow",
         modern.without(Capability::local_files),
         Command::query,
         {"\xfb/etc/passwd"},
         unexpected},
        {"an id that means another",
         plain,
         Command::stmt_prepare,
         {hex("00ffffffff00000000000000")},
         "malformed answer to a preparation"},
        {"rows for a preparation", plain, Command::stmt_prepare, {"\1"}, "malformed answer to a preparation"},
    };
}

TEST(Replies, know_where_each_answer_ends)
{
    for (const auto& answer : answers()) {
        Replies replies{answer.capabilities};
        replies.send(answer.command, 7, Origin::client, answer.opens_cursor);
        EXPECT_EQ(meaning(replies, answer.payloads), answer.meaning) << answer.name;
        EXPECT_EQ(replies.quiet(), answer.meaning.ends_with("! ")) << answer.name;
    }
}

TEST(Replies, and_wherever_the_stream_is_split)
{
    for (const auto& answer : answers()) {
        std::size_t size = 0;
        for (const auto& payload : answer.payloads)
            size += header_size + payload.size();
        for (std::size_t split = 0; split <= size; ++split) {
            Replies replies{answer.capabilities};
            replies.send(answer.command, 0, Origin::client, answer.opens_cursor);
            EXPECT_EQ(meaning(replies, answer.payloads, split), answer.meaning) << answer.name << " split at " << split;
        }
    }
}

/// Each answer twice, behind each other, with one more command behind them: only the last is still owed.
TEST(Replies, know_which_command_each_belongs_to)
{
    for (const auto& answer : answers()) {
        if (!answer.meaning.ends_with("! ") || answer.meaning.starts_with("infile"))
            continue;
        Replies replies{answer.capabilities};
        replies.send(answer.command, 1, Origin::client, answer.opens_cursor);
        replies.send(Command::stmt_close);
        replies.send(answer.command, 2, Origin::proxy, answer.opens_cursor);
        replies.send(Command::ping, 3);
        EXPECT_EQ(replies.answering_tag(), 1U);
        EXPECT_EQ(replies.answering(), Origin::client);
        EXPECT_EQ(meaning(replies, answer.payloads), answer.meaning) << answer.name;
        EXPECT_EQ(replies.answering_tag(), 2U) << answer.name;
        EXPECT_EQ(replies.answering(), Origin::proxy) << answer.name;
        EXPECT_EQ(meaning(replies, answer.payloads), answer.meaning) << answer.name;
        EXPECT_EQ(replies.answering_tag(), 3U) << answer.name;
        EXPECT_EQ(replies.outstanding(), 1U) << answer.name;
    }
}

TEST(Replies, no_answer_ends_before_its_last_packet)
{
    for (const auto& answer : answers()) {
        if (!answer.meaning.ends_with("! "))
            continue;
        for (std::size_t count = 0; count < answer.payloads.size(); ++count) {
            Replies replies{answer.capabilities};
            replies.send(answer.command, 0, Origin::client, answer.opens_cursor);
            const auto part =
                meaning(replies, {answer.payloads.begin(), answer.payloads.begin() + static_cast<long>(count)});
            EXPECT_FALSE(replies.quiet()) << answer.name << " after " << count;
            EXPECT_EQ(part.find('!'), std::string::npos) << answer.name << " after " << count;
        }
    }
}

TEST(Replies, to_nobody_are_a_lost_connection_or_an_error)
{
    Replies replies{plain};
    EXPECT_EQ(meaning(replies, {hex("ffbf0f234859303030") + "timeout"}), "lost 4031 ");
    EXPECT_EQ(meaning(replies, {ok}), make_error_code(errc::unexpected_reply).message());
}

TEST(Replies, a_file_is_not_asked_for_while_commands_are_on_their_way)
{
    Replies replies{plain};
    replies.send(Command::query);
    replies.send(Command::ping);
    EXPECT_EQ(meaning(replies, {"\xfb/tmp/x"}), make_error_code(errc::unexpected_reply).message());
}

TEST(Replies, nothing_but_progress_comes_while_a_file_is_read)
{
    for (const auto& [payload, good] : {std::pair{ok, false},
                                        {raw("\xff\x15\4#28000no"), false},
                                        {raw("\xff\xff\xff\1\1\2\x50\xc3\0\4copy"), true}}) {
        Replies replies{mariadb};
        replies.send(Command::query);
        ASSERT_TRUE(replies.received(wire::as_bytes("\xfb/tmp/x")));
        EXPECT_TRUE(replies.wants_infile());
        EXPECT_EQ(replies.received(wire::as_bytes(payload)).has_value(), good);
    }
}

TEST(Replies, keep_the_status_of_the_last_packet_that_has_one)
{
    Replies replies{plain, StatusFlags{Status::autocommit}};
    EXPECT_TRUE(replies.status().has(Status::autocommit));
    replies.send(Command::query);
    EXPECT_FALSE(replies.is_amid());
    (void)meaning(replies, {hex("0000000b000000"), hex("00000001000000")});
    EXPECT_TRUE(replies.status().has(Status::in_trans));
    EXPECT_FALSE(replies.status().has(Status::autocommit));
    replies.send(Command::query);
    (void)meaning(replies, {"\1"});
    EXPECT_TRUE(replies.is_amid());
}

TEST(Scanner, passes_a_row_that_is_larger_than_a_packet)
{
    // The second packet of the row begins as an end of rows does.
    const std::string row = "\xfe" + std::string(largest_packet - 1, 'a');
    const std::string stream = packet(3, row) + packet(4, eof) + packet(5, eof);
    Scanner scanner{100};
    std::uint64_t rows = 0;
    std::size_t begin = 0;
    for (const std::size_t end : {std::size_t{5}, std::size_t{1000}, stream.size()}) {
        while (begin < end) {
            const auto found = scanner.next(wire::as_bytes(stream).subspan(begin, end - begin), true);
            const auto* pass = std::get_if<Pass>(&found);
            if (pass == nullptr)
                break;
            rows += pass->rows;
            begin += pass->bytes;
            EXPECT_EQ(scanner.sequence(), begin <= row.size() + header_size ? 3 : 4);
            EXPECT_EQ(scanner.at_boundary(), begin == stream.size() - header_size - eof.size());
        }
    }
    EXPECT_EQ(rows, 1U);
    EXPECT_EQ(begin, stream.size() - header_size - eof.size());
    const auto last = scanner.next(wire::as_bytes(stream).subspan(begin), true);
    EXPECT_EQ(text(std::get<Frame>(last).payload), eof);
    EXPECT_EQ(scanner.sequence(), 5);
}

TEST(Scanner, refuses_what_is_wanted_whole_and_too_large)
{
    Scanner scanner{3};
    EXPECT_TRUE(std::holds_alternative<Frame>(scanner.next(wire::as_bytes(packet(1, "abc")), false)));
    EXPECT_EQ(std::get<errc>(scanner.next(wire::as_bytes(packet(1, "abcd")), false)), errc::too_large);
    EXPECT_TRUE(std::holds_alternative<Pass>(scanner.next(wire::as_bytes(packet(1, "abcd")), true)));
}

} // namespace replies_test
} // namespace stepgate::protocols::mysql
