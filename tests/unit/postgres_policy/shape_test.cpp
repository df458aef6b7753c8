#include "policies/postgres/redact.h"
#include "policies/postgres/shape.h"
#include "policies/statement/siphash.h"

#include <gtest/gtest.h>

#include <array>

namespace stepgate::policies::postgres
{
namespace shape_test
{

constexpr ShapeSecret secret{1, 2};

Shape shape(std::string_view sql, Lexing lexing = Lexing::standard, std::string_view salt = {})
{
    return shape_of(sql, lexing, secret, salt);
}

void expect_same(std::string_view one, std::string_view other)
{
    EXPECT_TRUE(shape(one).sound && shape(other).sound) << one << " / " << other;
    EXPECT_EQ(shape(one).key, shape(other).key) << one << " / " << other;
}

void expect_different(std::string_view one, std::string_view other)
{
    EXPECT_TRUE(shape(one).sound && shape(other).sound) << one << " / " << other;
    EXPECT_FALSE(shape(one).key == shape(other).key) << one << " / " << other;
}

TEST(SipHash, PublishedVector)
{
    // SipHash-2-4-128 of the empty input under the key 00 01 .. 0f (reference implementation, vectors.h).
    const auto hash = statement::siphash128("", {0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL});
    EXPECT_EQ(hash[0], 0xe6a825ba047f81a3ULL);
    EXPECT_EQ(hash[1], 0x930255c71472f66dULL);
}

TEST(Shape, LiteralsAndSpaceDoNotMatter)
{
    expect_same("select 1", "SELECT  22");
    expect_same("select * from t where a = 'x'", "select *\nfrom t -- c\nwhere a = 'it''s'");
    expect_same("select 'a'\n'b'", "select 'c'");
    expect_same("select /* a /* b */ */ 1", "select 2");
    expect_same("  select 1", "select 1");
    expect_same("select n'x'", "select 'x'");
}

TEST(Shape, EverythingElseMatters)
{
    expect_different("select a", "select b");
    expect_different("select \"a\"", "select a");
    expect_different("select \"a\"", "select \"A\"");
    expect_different("select 1", "select '1'");
    expect_different("select 1", "select 1.0");
    expect_different("select 1", "select 1234567890");
    expect_different("select 'a' 'b'", "select 'a'\n'b'");
    expect_different("select $1", "select $2");
    expect_different("select b'1'", "select b'0'");
    expect_different("select $$a$$", "select $$b$$");
    expect_different("select a - -b", "select a --b");
    expect_different("select a<-b", "select a < -b");
    expect_different("select 1; select 2", "select 1 select 2");
    expect_different("select ab", "select a b");
    expect_different("select 1", "select 1;");
    EXPECT_FALSE(shape("select 1").key == shape("select 1", Lexing::standard, "other path").key);
}

TEST(Shape, DoubtfulTextsAreNotSound)
{
    for (const std::string_view sql : {"select 'a", "select \"a", "select $$a", "select $a$x$b$", "/* x", "select 1a",
                                       "select $1a", "select {x}", "select E'a'", "select U&'a' uescape '!'",
                                       "select U&\"a\"", "select float(5)", "select \x01", "select 1e", "select $"})
        EXPECT_FALSE(shape(sql).sound) << sql;
    EXPECT_FALSE(shape(std::string_view{"select \0", 8}).sound);
    EXPECT_TRUE(shape(R"(select '\')").sound);
    EXPECT_FALSE(shape(R"(select '\')", Lexing::both).sound);
    EXPECT_FALSE(shape(R"(select '\\')", Lexing::backslashes).sound);
}

TEST(Shape, EveryPrefixIsReadSafely)
{
    const std::string sql = "select E'a\\'b', $q$x$q$, U&\"x\" /* c */ from t where a = 1.5e3 and b = 'x'\n'y' -- end";
    for (std::size_t size = 0; size <= sql.size(); ++size)
        (void)shape(std::string{sql, 0, size});
}

struct Text {
    std::string_view sql, expected;
};

TEST(ShapeText, ReadsLikeTheStatement)
{
    for (const Text& text : {
             Text{"SELECT * FROM t WHERE id = 5", "select * from t where id = $1"},
             Text{"select 'a', $2, 'b'", "select $3, $2, $4"},
             Text{"select /* secret 123 */ 1 -- secret", "select $1"},
             Text{"select \"A b\", U&\"x\", \"Ab\", \"12-3\"", "select …, …, \"Ab\", …"},
             Text{R"(select 'a\' or 'hunter2')", "…"},
             Text{"  \n ", ""},
             Text{"alter role x password 'unterminated", "…"},
         })
        EXPECT_EQ(shape_text(text.sql), text.expected) << text.sql;
    EXPECT_EQ(shape_text("select aaaaaaaaaaaaa", 10), "select aaa…");
    EXPECT_EQ(shape_text("select \"\xe2\x82\xac\"", 10), "select \"…");
}

TEST(ShapeText, NothingOfALiteralShows)
{
    for (const std::string_view sql :
         {"select 'hunter2'", "select E'hunter2'", "select $$hunter2$$", "select $a$hunter2$a$", "select U&'hunter2'",
          "select b'1' 'hunter2", "select 'a'\n'hunter2'", "select 'hunter2", R"(select '\' 'hunter2')",
          "/* hunter2 */ select 1", "-- hunter2", R"(select 'a\' || 'hunter2' -- ')", "select 5hunter2",
          R"(select 1 as "is hunter2")", R"(select 1 as U&"hunter2")", "/* a /* b */ hunter2 */ select 1"})
        EXPECT_EQ(shape_text(sql).find("hunter2"), std::string::npos) << sql << "\n" << shape_text(sql);
}

TEST(Redact, LiteralsBecomeMarkers)
{
    const std::array<std::byte, 4> key{};
    const std::string one = redact("select 'x' from t -- secret", key);
    EXPECT_EQ(one.find("secret"), std::string::npos);
    EXPECT_TRUE(one.starts_with("select '‹")) << one;
    EXPECT_TRUE(one.ends_with("›' from t")) << one;
    EXPECT_EQ(one, redact("select 'x' from t", key));
    EXPECT_NE(one, redact("select 'y' from t", key));
    const std::array<std::byte, 4> other{std::byte{1}};
    EXPECT_NE(one, redact("select 'x' from t", other));
    EXPECT_EQ(redact("select n'it''s'", key),
              "select '" + redaction_marker(std::as_bytes(std::span{std::string_view{"it's"}}), key) + "'");
    EXPECT_EQ(redact("select $1, a1, \"2\"", key), "select $1, a1, \"2\"");
}

TEST(Redact, NothingOfALiteralShows)
{
    const std::array<std::byte, 4> key{};
    for (const std::string_view sql :
         {"select 'hunter2'", "select E'hunter2'", "select $$hunter2$$", "select $a$hunter2$a$", "select U&'hunter2'",
          "select b'1' 'hunter2", "select 'a'\n'hunter2'", "select 'hunter2", R"(select '\' 'hunter2')",
          "/* hunter2 */", "-- hunter2", R"(select 'a\' || 'hunter2' -- ')", "select 5hunter2"})
        EXPECT_EQ(redact(sql, key).find("hunter2"), std::string::npos) << sql << "\n" << redact(sql, key);
    EXPECT_EQ(redact("select 4242", key).find("4242"), std::string::npos);
    EXPECT_EQ(redact("select 42.42e1", key).find("42.42"), std::string::npos);
}

} // namespace shape_test
} // namespace stepgate::policies::postgres
