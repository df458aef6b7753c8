#include "protocols/mysql/cursor.h"
#include "protocols/mysql/framer.h"
#include "tests/unit/mysql_protocol/support.h"

#include <gtest/gtest.h>

namespace stepgate::protocols::mysql
{
namespace framer_test
{

/// Feeds `stream` in two pieces cut at `split`; gives sequence ids and payloads and, in the end, the error.
std::string cut(std::size_t limit, const std::string& stream, std::size_t split)
{
    MessageFramer framer{limit};
    return seen_in_two<Frame>(framer, stream, split, [](const Frame& frame) {
        return Seen{frame.sequence, text(frame.payload), frame.bytes.size()};
    });
}

TEST(MessageFramer, cuts_the_same_frames_wherever_the_stream_is_split)
{
    const std::string stream = packet(0, "\3select") + packet(255, "") + packet(7, "x");
    for (std::size_t split = 0; split <= stream.size(); ++split)
        EXPECT_EQ(cut(100, stream, split), "0:\3select 255: 7:x ") << "split at " << split;
}

TEST(MessageFramer, refuses_a_payload_over_its_limit_from_the_header)
{
    EXPECT_EQ(cut(3, packet(0, "abc"), 0), "0:abc ");
    EXPECT_EQ(cut(3, packet(0, "abcd").substr(0, 4), 0), error(errc::too_large));
    EXPECT_EQ(cut(largest_packet, packet(0, std::string(largest_packet, 'a')) + raw("\1\0\0\1"), 0),
              error(errc::too_large));
}

struct Split {
    const char* name;
    std::size_t size;
    std::uint8_t first, last;
};

TEST(MessageFramer, joins_the_payloads_of_a_split_message_and_leaves_its_bytes_in_place)
{
    const Split table[] = {
        {"one packet, the largest that is not continued", largest_packet - 1, 0, 0},
        {"an empty packet ends it", largest_packet, 0, 1},
        {"one byte in the second", largest_packet + 1, 255, 0},
    };
    for (const auto& row : table) {
        std::string whole(row.size, 'a');
        whole.back() = 'z';
        std::string stream = packet(row.first, whole.substr(0, largest_packet));
        if (row.size >= largest_packet)
            stream += packet(row.last, whole.substr(largest_packet));
        const Exact bytes{stream + packet(9, "next")};
        MessageFramer framer;
        const auto found = framer.next(bytes.bytes());
        const auto* frame = std::get_if<Frame>(&found);
        ASSERT_NE(frame, nullptr) << row.name;
        EXPECT_EQ(frame->bytes.data(), bytes.bytes().data()) << row.name;
        EXPECT_EQ(frame->bytes.size(), stream.size()) << row.name;
        EXPECT_TRUE(wire::as_text(frame->payload) == whole) << row.name;
        EXPECT_EQ(frame->sequence, row.first) << row.name;
        EXPECT_EQ(frame->last, row.last) << row.name;
        const auto behind = framer.next(bytes.bytes().subspan(stream.size()));
        EXPECT_EQ(text(std::get<Frame>(behind).payload), "next") << row.name;
    }
}

TEST(MessageFramer, asks_for_what_a_split_message_lacks)
{
    const std::string stream = packet(0, std::string(largest_packet, 'a')) + packet(1, "bc");
    MessageFramer framer;
    const std::pair<std::size_t, std::size_t> table[] = {{1, 1}, {2, 2}, {3, 1}, {6, 4}}; // lacking, asked for
    for (const auto& [lacking, asked] : table) {
        const auto found = framer.next(wire::as_bytes(stream).first(stream.size() - lacking));
        const auto* more = std::get_if<NeedMore>(&found);
        ASSERT_NE(more, nullptr) << lacking;
        EXPECT_EQ(more->bytes, asked) << lacking;
    }
}

TEST(MessageFramer, refuses_a_continuation_out_of_order)
{
    const std::string stream = packet(4, std::string(largest_packet, 'a')) + packet(6, "b");
    EXPECT_EQ(cut(message_limit, stream, 0), error(errc::out_of_order));
}

TEST(SequenceShift, changes_nothing_but_sequence_ids_wherever_the_stream_is_split)
{
    const std::string stream = packet(1, "abc") + packet(2, "") + packet(255, std::string(300, '\1'));
    const std::string shifted = packet(6, "abc") + packet(7, "") + packet(4, std::string(300, '\1'));
    for (std::size_t split = 0; split <= stream.size(); ++split) {
        Exact first{std::string_view{stream}.substr(0, split)}, second{std::string_view{stream}.substr(split)};
        SequenceShift shift{5};
        shift.apply(first.writable());
        shift.apply(second.writable());
        EXPECT_TRUE(text(first.bytes()) + text(second.bytes()) == shifted) << "split at " << split;
        EXPECT_TRUE(shift.at_boundary());
    }
}

TEST(SequenceShift, knows_where_a_packet_ends)
{
    const std::string stream = packet(1, "abc");
    for (std::size_t size = 0; size <= stream.size(); ++size) {
        Exact part{std::string_view{stream}.substr(0, size)};
        SequenceShift shift{1};
        shift.apply(part.writable());
        EXPECT_EQ(shift.at_boundary(), size == 0 || size == stream.size()) << size;
    }
}

struct Number {
    const char* name;
    std::string bytes;
    std::uint64_t value;
};

TEST(Cursor, reads_integers_with_a_length_and_the_writer_writes_them_back)
{
    const Number table[] = {
        {"one byte", raw("\0"), 0},
        {"the largest in one byte", "\xfa", 250},
        {"two bytes", raw("\xfc\xfb\0"), 251},
        {"the largest in two bytes", "\xfc\xff\xff", 0xffff},
        {"three bytes", raw("\xfd\0\0\1"), 0x10000},
        {"eight bytes", raw("\xfe\0\0\0\1\0\0\0\0"), 0x1000000},
        {"the largest", "\xfe\xff\xff\xff\xff\xff\xff\xff\xff", UINT64_MAX},
    };
    for (const auto& row : table) {
        const Exact bytes{row.bytes};
        Cursor in{bytes.bytes()};
        EXPECT_EQ(in.lenenc(), row.value) << row.name;
        EXPECT_TRUE(in.good() && in.left() == 0) << row.name;
        EXPECT_EQ(written([&](wire::Bytes& out) { Writer{out}.lenenc(row.value); }), row.bytes) << row.name;
        for (std::size_t size = 0; size < row.bytes.size(); ++size) {
            const Exact part{bytes.bytes().first(size)};
            Cursor cut{part.bytes()};
            EXPECT_EQ(cut.lenenc(), 0U) << row.name;
            EXPECT_FALSE(cut.good()) << row.name << " cut at " << size;
        }
    }
}

TEST(Cursor, refuses_lengths_that_are_none_or_do_not_fit)
{
    for (const auto& bytes : {raw("\xfb"), raw("\xff"), raw("\3ab"), raw("\xfe\xff\xff\xff\xff\xff\xff\xff\xff")}) {
        const Exact exact{bytes};
        Cursor in{exact.bytes()};
        EXPECT_TRUE(in.lenenc_bytes().empty());
        EXPECT_FALSE(in.good());
    }
}

TEST(Cursor, reads_the_least_byte_first)
{
    const Exact bytes{raw("\1\2\3\4\5\6\7\1\0\0\0\0\0\0\0")};
    Cursor in{bytes.bytes()};
    EXPECT_EQ(in.uint16(), 0x0201);
    EXPECT_EQ(in.uint24(), 0x050403U);
    EXPECT_EQ(in.uint8(), 6);
    in.uint8();
    EXPECT_EQ(in.uint64(), 1U);
    EXPECT_TRUE(in.good() && in.left() == 0);
}

} // namespace framer_test
} // namespace stepgate::protocols::mysql
