#include "challenge-web/factors/cbor.h"

#include <gtest/gtest.h>

#include <string>

namespace stepgate::challenge_web::factors
{
namespace cbor_test
{

using namespace std::string_literals;

TEST(Cbor, Integers)
{
    const std::pair<std::string, std::int64_t> rows[] = {
        {"\x00"s, 0},
        {"\x17"s, 23},
        {"\x18\x18"s, 24},
        {"\x19\x01\x00"s, 256},
        {"\x20"s, -1},
        {"\x26"s, -7},
        {"\x39\x01\x00"s, -257},
        {"\x1a\x00\x01\x00\x00"s, 65536},
        {"\x1b\x7f\xff\xff\xff\xff\xff\xff\xff"s, INT64_MAX},
        {"\x3b\x7f\xff\xff\xff\xff\xff\xff\xff"s, INT64_MIN},
    };
    for (const auto& [bytes, value] : rows) {
        CborReader in{bytes};
        EXPECT_EQ(in.integer(), value);
        EXPECT_TRUE(in.good() && in.at_end());
    }
}

TEST(Cbor, WhatCtap2DoesNotAllowIsRefused)
{
    const std::pair<const char*, std::string> rows[] = {
        {"empty", ""},
        {"indefinite bytes", "\x5f\x41\x61\xff"s},
        {"indefinite map", "\xbf\xff"s},
        {"reserved length", "\x1c"s},
        {"tag", "\xc0\x00"s},
        {"bytes longer than input", "\x58\xff\x00"s},
        {"length of 2^64-1", "\x5b\xff\xff\xff\xff\xff\xff\xff\xff"s},
        {"array longer than input", "\x9a\xff\xff\xff\xff"s},
        {"map longer than input", "\xbb\xff\xff\xff\xff\xff\xff\xff\xff"s},
        {"break alone", "\xff"s},
        {"nine levels", std::string(9, '\x81') + "\x00"s},
    };
    for (const auto& [name, bytes] : rows) {
        CborReader in{bytes};
        EXPECT_TRUE(in.item().empty()) << name;
        EXPECT_FALSE(in.good()) << name;
    }
}

TEST(Cbor, AnItemIsTakenWhole)
{
    const auto item = "\xa2\x61\x61\x82\x01\xf5\x02\x43xyz"s; // {"a": [1, true], 2: h'78797a'}
    const auto bytes = item + "rest";
    CborReader in{bytes};
    EXPECT_EQ(in.item(), item);
    EXPECT_EQ(in.position(), item.size());
    for (std::size_t size = 0; size < item.size(); ++size) {
        CborReader cut{std::string_view{item}.substr(0, size)};
        cut.item();
        EXPECT_FALSE(cut.good()) << size;
    }
}

TEST(Cbor, AfterAFailureEverythingIsEmpty)
{
    const auto bytes = "\x41\x61\x41\x61"s;
    CborReader in{bytes};
    EXPECT_EQ(in.text(), "");
    EXPECT_FALSE(in.good());
    EXPECT_EQ(in.bytes(), "");
    EXPECT_EQ(in.map(), 0u);
    EXPECT_EQ(in.integer(), 0);
    EXPECT_FALSE(in.integer_next());
}

} // namespace cbor_test
} // namespace stepgate::challenge_web::factors
