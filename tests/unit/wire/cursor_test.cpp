#include "protocols/wire/cursor.h"
#include "protocols/wire/writer.h"

#include <gtest/gtest.h>

#include <boost/system/errc.hpp>

#include <functional>

namespace stepgate::wire
{
namespace cursor_test
{

const boost::system::error_code failure = make_error_code(boost::system::errc::bad_message);

Bytes bytes_of(std::initializer_list<int> values)
{
    Bytes bytes;
    for (const int value : values)
        bytes.push_back(static_cast<std::byte>(value));
    return bytes;
}

TEST(Cursor, reads_integers_in_network_byte_order)
{
    const Bytes frame = bytes_of({0x7f, 0x01, 0x02, 0xff, 0xff, 0xff, 0xfe, 1, 2, 3, 4, 5, 6, 7, 8});
    Cursor in{frame};
    EXPECT_EQ(in.uint8(), 0x7f);
    EXPECT_EQ(in.int16(), 0x0102);
    EXPECT_EQ(in.int32(), -2);
    EXPECT_EQ(in.uint64(), 0x0102030405060708U);
    EXPECT_TRUE(in.finish(1, failure).has_value());
}

TEST(Cursor, every_read_past_the_end_is_bad_and_gives_nothing)
{
    const struct {
        const char* name;
        std::function<bool(Cursor&)> reads_nothing;
    } cases[] = {
        {"uint8", [](Cursor& in) { return in.uint8() == 0; }},
        {"int16", [](Cursor& in) { return in.int16() == 0; }},
        {"int32", [](Cursor& in) { return in.int32() == 0; }},
        {"int64", [](Cursor& in) { return in.int64() == 0; }},
        {"bytes", [](Cursor& in) { return in.bytes(1).empty(); }},
        {"bytes, as many as there can be", [](Cursor& in) { return in.bytes(SIZE_MAX).empty(); }},
        {"c_string", [](Cursor& in) { return in.c_string().empty(); }},
    };
    for (const auto& test : cases) {
        SCOPED_TRACE(test.name);
        Cursor in{View{}};
        EXPECT_TRUE(test.reads_nothing(in));
        EXPECT_FALSE(in.good());
        EXPECT_FALSE(in.finish(1, failure).has_value());
    }
}

TEST(Cursor, stays_bad_after_the_first_failure)
{
    const Bytes frame = bytes_of({1, 2, 3});
    Cursor in{frame};
    EXPECT_EQ(in.int32(), 0);
    EXPECT_EQ(in.uint8(), 0) << "the bytes that are there are not read any more";
    EXPECT_EQ(in.left(), 0U);
    EXPECT_FALSE(in.good());
}

TEST(Cursor, text_needs_its_nul)
{
    const Bytes with = bytes_of({'a', 'b', 0, 0});
    Cursor good{with};
    EXPECT_EQ(good.c_string(), "ab");
    EXPECT_EQ(good.c_string(), "");
    EXPECT_TRUE(good.good());

    const Bytes without = bytes_of({'a', 'b'});
    Cursor bad{without};
    EXPECT_EQ(bad.c_string(), "");
    EXPECT_FALSE(bad.good());
}

TEST(Cursor, bytes_that_are_left_are_an_error)
{
    const Bytes frame = bytes_of({1, 2});
    Cursor in{frame};
    in.uint8();
    EXPECT_TRUE(in.good());
    EXPECT_EQ(in.finish(1, failure).error(), failure);
}

TEST(Cursor, counts_that_cannot_be_true_are_refused)
{
    const struct {
        const char* name;
        std::int32_t value;
        std::size_t each, expected;
        bool good;
    } cases[] = {
        {"none", 0, 4, 0, true},
        {"exactly what is left", 2, 4, 2, true},
        {"one more than is left", 3, 4, 0, false},
        {"negative", -1, 1, 0, false},
        {"huge", INT32_MAX, 1, 0, false},
    };
    const Bytes frame(8);
    for (const auto& test : cases) {
        SCOPED_TRACE(test.name);
        Cursor in{frame};
        EXPECT_EQ(in.count(test.value, test.each), test.expected);
        EXPECT_EQ(in.good(), test.good);
    }
}

TEST(Writer, writes_what_the_cursor_reads)
{
    Bytes out;
    Writer writer{out};
    writer.int16(-2);
    writer.int32(-70000);
    writer.uint64(0x1122334455667788U);
    writer.c_string("name");
    writer.bytes(as_bytes("xyz"));
    writer.set_int32(2, 5);
    Cursor in{out};
    EXPECT_EQ(in.int16(), -2);
    EXPECT_EQ(in.int32(), 5);
    EXPECT_EQ(in.uint64(), 0x1122334455667788U);
    EXPECT_EQ(in.c_string(), "name");
    EXPECT_EQ(as_text(in.rest()), "xyz");
}

TEST(Writer, a_nul_inside_text_cannot_start_another_field)
{
    Bytes out;
    Writer{out}.c_string(std::string_view{"a\0user\0admin", 12});
    EXPECT_EQ(as_text(out), std::string_view("a\0", 2));
}

} // namespace cursor_test
} // namespace stepgate::wire
