#include "protocols/wire/buffer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace stepgate::wire
{
namespace buffer_test
{

void write(Buffer& buffer, std::string_view text)
{
    const auto room = buffer.prepare(text.size());
    ASSERT_GE(room.size(), text.size());
    std::memcpy(room.data(), text.data(), text.size());
    buffer.commit(text.size());
}

TEST(Buffer, costs_nothing_until_it_is_used)
{
    const Buffer buffer{100};
    EXPECT_EQ(buffer.capacity(), 0U);
    EXPECT_TRUE(buffer.data().empty());
}

TEST(Buffer, gives_back_in_order_what_was_written)
{
    Buffer buffer{1000};
    write(buffer, "hello ");
    write(buffer, "world");
    EXPECT_EQ(as_text(buffer.data()), "hello world");
    buffer.consume(6);
    EXPECT_EQ(as_text(buffer.data()), "world");
    write(buffer, "!");
    EXPECT_EQ(as_text(buffer.data()), "world!");
}

TEST(Buffer, holds_no_more_than_its_maximum)
{
    Buffer buffer{10};
    EXPECT_EQ(buffer.prepare(10).size(), 10U) << "never more room than may be filled";
    write(buffer, "12345678");
    EXPECT_TRUE(buffer.prepare(3).empty());
    EXPECT_FALSE(buffer.append(as_bytes("abc")));
    EXPECT_EQ(as_text(buffer.data()), "12345678");
    EXPECT_TRUE(buffer.append(as_bytes("ab")));
    EXPECT_TRUE(buffer.prepare(1).empty());
    EXPECT_TRUE(buffer.prepare(SIZE_MAX).empty());
    buffer.consume(4);
    EXPECT_EQ(buffer.prepare(1).size(), 4U);
    EXPECT_EQ(as_text(buffer.data()), "5678ab");
}

TEST(Buffer, gives_memory_back_when_it_is_empty)
{
    Buffer buffer{10 * Buffer::keep};
    write(buffer, "x");
    buffer.release();
    EXPECT_EQ(as_text(buffer.data()), "x") << "never while it holds something";
    buffer.consume(1);
    EXPECT_GT(buffer.capacity(), 0U) << "small memory is kept for the next read";
    buffer.release();
    EXPECT_EQ(buffer.capacity(), 0U);

    write(buffer, std::string(2 * Buffer::keep, 'x'));
    buffer.consume(2 * Buffer::keep);
    EXPECT_EQ(buffer.capacity(), 0U) << "large memory goes at once";
    write(buffer, "again");
    EXPECT_EQ(as_text(buffer.data()), "again");
}

TEST(Buffer, a_stream_through_small_memory_does_not_grow_it)
{
    Buffer buffer{1'000'000};
    std::string expected, seen;
    for (int i = 0; i < 5000; ++i) {
        const std::string piece = std::to_string(i) + ",";
        expected += piece;
        write(buffer, piece);
        const std::size_t half = buffer.size() / 2;
        seen += as_text(buffer.data().first(half));
        buffer.consume(half);
    }
    seen += as_text(buffer.data());
    EXPECT_EQ(seen, expected);
    EXPECT_EQ(buffer.capacity(), Buffer::smallest);
}

TEST(Buffer, consuming_or_committing_too_much_is_harmless)
{
    Buffer buffer{100};
    write(buffer, "abc");
    buffer.consume(50);
    EXPECT_TRUE(buffer.empty());
    buffer.commit(Buffer::smallest * 2);
    EXPECT_LE(buffer.size(), buffer.capacity());
}

TEST(Buffer, moves)
{
    Buffer one{100};
    write(one, "abc");
    Buffer two{std::move(one)};
    EXPECT_EQ(as_text(two.data()), "abc");
    Buffer three{10};
    three = std::move(two);
    EXPECT_EQ(as_text(three.data()), "abc");
    EXPECT_EQ(three.maximum(), 100U);
}

} // namespace buffer_test
} // namespace stepgate::wire
