#include "challenge-web/server/readable.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <gtest/gtest.h>

namespace stepgate::challenge_web::server
{
namespace
{

TEST(Readable, Table)
{
    struct Row {
        const char* name;
        std::string bytes, expected;
    };
    const Row rows[] = {
        {"plain", "delete from t", "delete from t"},
        {"lines and tabs stay", "a\n\tb", "a\n\tb"},
        {"line ends of Windows", "a\r\nb", "a\nb"},
        {"carriage return alone is shown", "a\rb", "a\\u{000D}b"},
        {"letters of any script", "größe 表 😀", "größe 表 😀"},
        {"NUL", std::string{"a\0b", 3}, "a\\u{0000}b"},
        {"escape character", "\x1b[31m", "\\u{001B}[31m"},
        {"right-to-left override", "a\u202eb", "a\\u{202E}b"},
        {"isolate", "a\u2066b", "a\\u{2066}b"},
        {"zero width space", "dro\u200bp", "dro\\u{200B}p"},
        {"byte order mark", "\ufeffa", "\\u{FEFF}a"},
        {"tag characters", "a\U000E0041", "a\\u{E0041}"},
        {"C1 control", "a\u0085b", "a\\u{0085}b"},
        {"byte that is not UTF-8", "a\xff", "a\\xFF"},
        {"sequence cut short", "a\xe2\x82", "a\\xE2\\x82"},
        {"overlong slash", "\xc0\xaf", "\\xC0\\xAF"},
        {"overlong three bytes", "\xe0\x80\xaf", "\\xE0\\x80\\xAF"},
        {"surrogate", "\xed\xa0\x80", "\\xED\\xA0\\x80"},
        {"beyond Unicode", "\xf4\x90\x80\x80", "\\xF4\\x90\\x80\\x80"},
    };
    for (const auto& row : rows)
        EXPECT_EQ(readable(row.bytes, 1000).text, row.expected) << row.name;
}

TEST(Readable, EveryByteStringMakesValidJson)
{
    for (unsigned first = 0; first < 256; ++first)
        for (unsigned second = 0; second < 256; ++second) {
            const std::string bytes{static_cast<char>(first), static_cast<char>(second), 'x'};
            const auto text = boost::json::serialize(boost::json::value(readable(bytes, 100).text));
            boost::json::error_code code;
            boost::json::parse(text, code);
            EXPECT_FALSE(code) << first << " " << second;
        }
}

TEST(Readable, TruncatesAtCharacters)
{
    const auto cut = readable("aé😀b", 3);
    EXPECT_TRUE(cut.truncated);
    EXPECT_EQ(cut.text, "aé");
    EXPECT_FALSE(readable("abc", 3).truncated);
    EXPECT_TRUE(readable("abcd", 3).truncated);
}

TEST(ReadableValue, Table)
{
    struct Row {
        const char* name;
        std::string bytes;
        bool binary;
        std::uint32_t oid;
        const char *value, *type;
    };
    const Row rows[] = {
        {"text", "42", false, 23, "42", "int4"},
        {"type not stated", "x", false, 0, "x", "unknown"},
        {"own type", "x", false, 16385, "x", "oid 16385"},
        {"bool", "\x01", true, 16, "true", "bool"},
        {"int2", "\xff\xfe", true, 21, "-2", "int2"},
        {"int4", std::string{"\0\0\0\x2a", 4}, true, 23, "42", "int4"},
        {"int8", std::string{"\xff\xff\xff\xff\xff\xff\xff\xff", 8}, true, 20, "-1", "int8"},
        {"int4 of the wrong size", std::string{"\0\x2a", 2}, true, 23, "\\x002a", "int4"},
        {"float8", std::string{"\x3f\xf8\0\0\0\0\0\0", 8}, true, 701, "1.5", "float8"},
        {"uuid", "0123456789abcdef", true, 2950, "30313233-3435-3637-3839-616263646566", "uuid"},
        {"text as binary", "a\u202e", true, 25, "a\\u{202E}", "text"},
        {"jsonb", "\x01{}", true, 3802, "{}", "jsonb"},
        {"bytea", "\xde\xad", true, 17, "\\xdead", "bytea"},
        {"unknown binary", "\x01", true, 0, "\\x01", "unknown"},
    };
    for (const auto& row : rows) {
        EXPECT_EQ(readable_value({row.bytes, row.binary, row.oid}), row.value) << row.name;
        EXPECT_EQ(type_name(row.oid), row.type) << row.name;
    }
}

} // namespace
} // namespace stepgate::challenge_web::server
