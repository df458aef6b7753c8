#include "challenge-web/server/readable.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <gtest/gtest.h>

namespace stepgate::challenge_web::server
{
namespace readable_test
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
        {"float4", std::string{"\x3f\x80\0\0", 4}, true, 700, "1", "float4"},
        {"date", std::string{"\0\0\x22\x8a", 4}, true, 1082, "2024-03-17", "date"},
        {"date before 2000", std::string{"\xff\xff\xff\xff", 4}, true, 1082, "1999-12-31", "date"},
        {"date without end", std::string{"\x7f\xff\xff\xff", 4}, true, 1082, "infinity", "date"},
        {"timestamp", std::string{"\xff\xff\xff\xff\xff\xff\xff\xff", 8}, true, 1114, "1999-12-31 23:59:59.999999",
         "timestamp"},
        {"timestamptz", std::string{"\0\0\0\0\0\x16\xe3\x60", 8}, true, 1184, "2000-01-01 00:00:01.5+00",
         "timestamptz"},
        {"time", std::string{"\0\0\0\x0a\x7a\x35\x82\0", 8}, true, 1083, "12:30:00", "time"},
        {"timetz", std::string{"\0\0\0\x0a\x7a\x35\x82\0\xff\xff\xe3\xe0", 12}, true, 1266, "12:30:00+02:00", "timetz"},
        {"interval", std::string{"\0\0\0\0\0\x0f\x42\x40\0\0\0\1\0\0\0\x0e", 16}, true, 1186,
         "14 months 1 day 00:00:01", "interval"},
        {"no interval", std::string(16, '\0'), true, 1186, "00:00:00", "interval"},
        {"numeric", std::string{"\0\3\0\1\x40\0\0\2\0\x0c\x0d\x80\x15\xe0", 14}, true, 1700, "-123456.56", "numeric"},
        {"numeric zero", std::string{"\0\0\0\0\0\0\0\2", 8}, true, 1700, "0.00", "numeric"},
        {"small numeric", std::string{"\0\1\xff\xfe\0\0\0\6\0\x64", 10}, true, 1700, "0.000001", "numeric"},
        {"large numeric", std::string{"\0\1\0\2\0\0\0\0\0\7", 10}, true, 1700, "700000000", "numeric"},
        {"not a number", std::string{"\0\0\0\0\xc0\0\0\0", 8}, true, 1700, "NaN", "numeric"},
        {"numeric that lies about its size", std::string{"\0\2\0\0\0\0\0\0\0\1", 10}, true, 1700,
         "\\x00020000000000000001", "numeric"},
        {"inet", std::string{"\2\x20\0\4\x0a\0\0\1", 8}, true, 869, "10.0.0.1", "inet"},
        {"inet with a network", std::string{"\2\x08\0\4\x0a\0\0\1", 8}, true, 869, "10.0.0.1/8", "inet"},
        {"cidr", std::string{"\2\x20\1\4\x0a\0\0\1", 8}, true, 650, "10.0.0.1/32", "cidr"},
        {"inet of version 6", std::string{"\3\x80\0\x10", 4} + std::string(15, '\0') + "\1", true, 869, "::1", "inet"},
        {"int4[]", std::string{"\0\0\0\1\0\0\0\1\0\0\0\x17\0\0\0\2\0\0\0\1\0\0\0\4\0\0\0\7\xff\xff\xff\xff", 32}, true,
         1007, "{7,NULL}", "int4[]"},
        {"text[]",
         std::string{"\0\0\0\1\0\0\0\0\0\0\0\x19\0\0\0\1\0\0\0\1\0\0\0\3"
                     "a b",
                     27},
         true, 1009, "{\"a b\"}", "text[]"},
        {"empty array", std::string{"\0\0\0\0\0\0\0\0\0\0\0\x19", 12}, true, 1009, "{}", "text[]"},
        {"array that lies about its size", std::string{"\0\0\0\1\0\0\0\0\0\0\0\x19\x7f\xff\xff\xff\0\0\0\1", 20}, true,
         1009, "\\x0000000100000000000000197fffffff00000001", "text[]"},
        {"unknown binary", "\x01", true, 0, "\\x01", "unknown"},
    };
    for (const auto& row : rows) {
        EXPECT_EQ(readable_value({row.bytes, row.binary, row.oid}), row.value) << row.name;
        EXPECT_EQ(type_name(row.oid), row.type) << row.name;
    }
}

/// Whatever a client sends under whatever type: a text that is valid UTF-8, cut at every byte.
TEST(ReadableValue, AnyBytesGiveAText)
{
    const std::string array{"\0\0\0\1\0\0\0\1\0\0\0\x17\0\0\0\2\0\0\0\1\0\0\0\4\0\0\0\7\xff\xff\xff\xff", 32};
    for (const std::uint32_t oid :
         {16U, 17U, 23U, 25U, 650U, 701U, 869U, 1007U, 1082U, 1083U, 1114U, 1184U, 1186U, 1266U, 1700U, 2950U, 3802U})
        for (std::size_t size = 0; size <= array.size(); ++size) {
            const auto text = readable_value({array.substr(0, size), true, oid});
            EXPECT_EQ(readable(text, 100'000).text, text) << oid << " " << size;
        }
}

} // namespace readable_test
} // namespace stepgate::challenge_web::server
