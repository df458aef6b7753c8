#include "protocols/mysql/reply.h"

#include "tests/unit/mysql_protocol/support.h"

#include <gtest/gtest.h>

namespace stepgate::protocols::mysql
{
namespace reply_test
{

constexpr Capabilities tracking = Capability::protocol_41 | Capability::session_track;
constexpr Capabilities silent = Capability::protocol_41;

/// "kind name=value" for each change.
std::string changes_of(wire::View bytes)
{
    std::string all;
    StateChanges changes{bytes};
    while (const auto change = changes.next())
        all.append(std::to_string(static_cast<int>(change->kind)))
            .append(" ")
            .append(change->name)
            .append("=")
            .append(change->value)
            .append("; ");
    return all + (changes.good() ? "" : "bad");
}

struct Good {
    const char* name;
    Capabilities capabilities;
    std::string payload;
    Ok ok;
    std::string changes = {};
};

std::vector<Good> good_oks()
{
    const auto status = [](std::uint16_t bits) { return StatusFlags{bits}; };
    return {
        {"nothing happened", tracking, raw("\0\0\0\2\0\0\0"), {0, 0, status(2), 0}},
        {"rows, an id and warnings", tracking, raw("\0\xfc\xe8\3\7\3\0\2\0"), {1000, 7, status(3), 2}},
        {"in the place of an EOF", tracking, raw("\xfe\0\0\x22\0\0\0"), {0, 0, status(0x22), 0}},
        {"information", tracking, raw("\0\1\0\2\0\0\0\x0cRows matched"), {1, 0, status(2), 0, "Rows matched"}},
        {"information without tracking", silent, raw("\0\1\0\2\0\0\0\2ab"), {1, 0, status(2), 0, "ab"}},
        {"information without a length", silent, raw("\0\1\0\2\0\0\0nothing"), {1, 0, status(2), 0, "nothing"}},
        {"tracked, but not by this client", silent, raw("\0\0\0\2\x40\0\0"), {0, 0, status(0x4002), 0}},
        {"MySQL: use shop", tracking, raw("\0\0\0\2\x40\0\0\0\7\1\5\4shop"), {0, 0, status(0x4002), 0}, "1 =shop; "},
        {"set autocommit",
         tracking,
         raw("\0\0\0\0\x40\0\0\0\x11\0\x0f\x0a"
             "autocommit\3OFF"),
         {0, 0, status(0x4000), 0},
         "0 autocommit=OFF; "},
        {"MariaDB: two variables in one entry",
         tracking,
         raw("\0\0\0\2\x40\0\0\0\x0a\0\x08\1a\1b\1c\1d"),
         {0, 0, status(0x4002), 0},
         "0 a=b; 0 c=d; "},
        {"transaction, state, GTIDs and one of the future",
         tracking,
         raw("\0\0\0\2\x40\0\0\0\x23\5\x09\x08T_______\4\x06\5BEGIN\2\2\1"
             "1\3\5\0\3g:1\x66\3abc"),
         {0, 0, status(0x4002), 0},
         "5 =T_______; 4 =BEGIN; 2 =1; 3 =g:1; 255 =; "},
    };
}

TEST(Ok, good_ones_are_decoded)
{
    for (const auto& good : good_oks()) {
        const Exact bytes{good.payload};
        const auto ok = decode_ok(bytes.bytes(), good.capabilities);
        ASSERT_TRUE(ok) << good.name;
        EXPECT_EQ(ok->affected_rows, good.ok.affected_rows) << good.name;
        EXPECT_EQ(ok->last_insert_id, good.ok.last_insert_id) << good.name;
        EXPECT_EQ(ok->status, good.ok.status) << good.name;
        EXPECT_EQ(ok->warnings, good.ok.warnings) << good.name;
        EXPECT_EQ(ok->info, good.ok.info) << good.name;
        EXPECT_EQ(changes_of(ok->changes), good.changes) << good.name;
    }
}

TEST(Ok, is_written_as_it_was_read)
{
    for (const auto& good : good_oks()) {
        if (std::string_view{good.name} == "information without a length")
            continue; // servers always write one
        const auto ok = decode_ok(wire::as_bytes(good.payload), good.capabilities);
        const auto header = static_cast<std::byte>(good.payload[0]);
        EXPECT_EQ(written([&](wire::Bytes& out) { encode_ok(out, 3, *ok, good.capabilities, header); }),
                  packet(3, good.payload))
            << good.name;
    }
}

/// As MariaDB 10.11 writes it after USE of a database in UTF-16 or UTF-32: up to three empty texts stand ahead of the
/// changes.
TEST(Ok, changes_behind_empty_texts_are_read)
{
    for (const auto& zeros : {raw("\0"), raw("\0\0"), raw("\0\0\0")}) {
        const Exact bytes{raw("\0\0\0\2\x40\0\0\0") + zeros + raw("\5\1\3\2d2")};
        const auto ok = decode_ok(bytes.bytes(), tracking);
        ASSERT_TRUE(ok);
        EXPECT_EQ(changes_of(ok->changes), "1 =d2; ");
    }
}

TEST(Ok, no_prefix_is_taken_for_the_whole)
{
    for (const auto& good : good_oks()) {
        for (std::size_t size = 0; size < good.payload.size(); ++size) {
            const Exact part{std::string_view{good.payload}.substr(0, size)};
            const auto ok = decode_ok(part.bytes(), good.capabilities);
            // Information may be left out; without tracking it has no end of its own.
            const bool may_end =
                size >= good.payload.find(raw("\0\0\0")) && ok && (good.ok.info != "" || !good.changes.empty());
            EXPECT_TRUE(!ok || (may_end && changes_of(ok->changes).empty())) << good.name << " cut at " << size;
        }
    }
}

struct Bad {
    const char* name;
    std::string payload;
};

TEST(Ok, bad_ones_are_refused)
{
    const Bad table[] = {
        {"another header", raw("\1\0\0\2\0\0\0")},
        {"NULL for a number", raw("\0\xfb\0\2\0\0\0")},
        {"bytes after the information", raw("\0\0\0\2\0\0\0\1ab")},
        {"changes announced but not there", raw("\0\0\0\2\x40\0\0\0")},
        {"bytes after the changes", raw("\0\0\0\2\x40\0\0\0\7\1\5\4shopx")},
        {"entry longer than the changes", raw("\0\0\0\2\x40\0\0\0\7\1\6\4shop")},
        {"name longer than its entry", raw("\0\0\0\2\x40\0\0\0\7\1\5\5shop")},
        {"name shorter than its entry", raw("\0\0\0\2\x40\0\0\0\7\1\5\3shop")},
        {"variable without a value", raw("\0\0\0\2\x40\0\0\0\4\0\2\1a")},
        {"no variable", raw("\0\0\0\2\x40\0\0\0\2\0\0")},
    };
    for (const auto& row : table)
        EXPECT_FALSE(decode_ok(wire::as_bytes(row.payload), tracking)) << row.name;
}

TEST(Eof, there_and_back)
{
    const auto bytes = raw("\xfe\3\0\x22\0");
    const auto eof = decode_eof(wire::as_bytes(bytes));
    ASSERT_TRUE(eof);
    EXPECT_EQ(eof->warnings, 3);
    EXPECT_EQ(eof->status.bits(), 0x22);
    EXPECT_EQ(written([&](wire::Bytes& out) { encode_eof(out, 5, *eof); }), packet(5, bytes));
    for (std::size_t size = 0; size < bytes.size(); ++size)
        EXPECT_FALSE(decode_eof(wire::as_bytes(bytes).first(size))) << size;
    EXPECT_FALSE(decode_eof(wire::as_bytes(bytes + "x")));
}

struct Error {
    const char* name;
    std::string payload;
    std::uint16_t code;
    std::string sqlstate, message;
};

TEST(Err, there_and_back)
{
    const Error table[] = {
        {"with a state", raw("\xff\x28\4#42000You have an error"), 1064, "42000", "You have an error"},
        {"before the handshake", raw("\xff\x69\4Host is blocked"), 1129, "", "Host is blocked"},
        {"no message", raw("\xff\x15\4#28000"), 1045, "28000", ""},
        {"a message that only looks like a state", raw("\xff\x15\4#280"), 1045, "", "#280"},
        {"nothing but a code", raw("\xff\x15\4"), 1045, "", ""},
    };
    for (const auto& row : table) {
        const Exact bytes{row.payload};
        const auto err = decode_err(bytes.bytes());
        ASSERT_TRUE(err) << row.name;
        EXPECT_EQ(err->code, row.code) << row.name;
        EXPECT_EQ(err->sqlstate, row.sqlstate) << row.name;
        EXPECT_EQ(err->message, row.message) << row.name;
        EXPECT_EQ(written([&](wire::Bytes& out) { encode_err(out, 1, *err); }), packet(1, row.payload)) << row.name;
    }
    EXPECT_FALSE(decode_err(wire::as_bytes(raw("\xff\x15"))));
    EXPECT_FALSE(decode_err(wire::as_bytes(raw("\0\x15\4"))));
}

TEST(Err, of_an_error_says_its_number_and_state)
{
    const auto bytes = written([](wire::Bytes& out) { encode_err(out, 2, errc::wrong_password); });
    EXPECT_EQ(bytes, packet(2, raw("\xff\x15\4#28000Access denied")));
}

TEST(Progress, there_and_back)
{
    const auto bytes = raw("\xff\xff\xff\1\1\2\x50\xc3\0\4copy");
    ASSERT_TRUE(is_progress(wire::as_bytes(bytes)));
    const auto progress = decode_progress(wire::as_bytes(bytes));
    ASSERT_TRUE(progress);
    EXPECT_EQ(progress->stage, 1);
    EXPECT_EQ(progress->stages, 2);
    EXPECT_EQ(progress->thousandths, 50000U);
    EXPECT_EQ(progress->text, "copy");
    EXPECT_EQ(written([&](wire::Bytes& out) { encode_progress(out, 1, *progress); }), packet(1, bytes));
    for (std::size_t size = 0; size < bytes.size(); ++size)
        EXPECT_FALSE(decode_progress(wire::as_bytes(bytes).first(size))) << size;
    EXPECT_FALSE(is_progress(wire::as_bytes(raw("\xff\x15\4#28000"))));
}

TEST(Errc, each_has_a_text_of_its_own_and_a_state)
{
    std::vector<std::string> texts;
    for (int code = 1; code <= static_cast<int>(errc::crypto_failure); ++code) {
        texts.push_back(make_error_code(static_cast<errc>(code)).message());
        EXPECT_NE(texts.back(), "unknown MySQL protocol error") << code;
        EXPECT_EQ(error_number(static_cast<errc>(code)).sqlstate.size(), 5U) << code;
    }
    std::ranges::sort(texts);
    EXPECT_EQ(std::ranges::adjacent_find(texts), texts.end());
    EXPECT_EQ(make_error_code(static_cast<errc>(9999)).message(), "unknown MySQL protocol error");
}

} // namespace reply_test
} // namespace stepgate::protocols::mysql
