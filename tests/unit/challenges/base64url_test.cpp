#include "challenge-web/challenges/base64url.h"
#include "challenge-web/challenges/short_code.h"

#include "tests/unit/challenges/samples.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace stepgate::challenge_web::challenges
{
namespace base64url_test
{

TEST(Base64url, VectorsOfRfc4648WithoutPadding)
{
    const std::pair<const char*, const char*> rows[] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xFB\xFF", "-_8"}};
    for (const auto& [raw, text] : rows) {
        EXPECT_EQ(base64url_encode(std::string_view{raw}), text);
        EXPECT_EQ(base64url_decode(text), raw);
    }
}

TEST(Base64url, EveryBytesRoundTrip)
{
    std::string bytes;
    for (int i = 0; i < 256; ++i) {
        EXPECT_EQ(base64url_decode(base64url_encode(bytes)), bytes);
        bytes += static_cast<char>(i);
    }
}

TEST(Base64url, RefusesEverySecondSpelling)
{
    for (const char* text : {"Zg==", "Zg=", "Z", "Zh", "Zm9", "Zm+v", "Zm/v", "Zm 9v", "Zm9v\n", "Zm9vY"})
        EXPECT_EQ(base64url_decode(text), std::nullopt) << text;
}

TEST(ShortCode, HasNoLettersThatPeopleMistake)
{
    const auto random = samples::counting_random();
    for (int i = 0; i < 1000; ++i) {
        const auto code = make_short_code(random);
        ASSERT_TRUE(code);
        ASSERT_EQ(code->size(), 7u);
        EXPECT_EQ((*code)[3], '-');
        EXPECT_EQ(code->find_first_of("0O1IL"), std::string::npos) << *code;
    }
}

TEST(ShortCode, FailsWithABrokenSource)
{
    EXPECT_EQ(make_short_code([](std::span<std::byte>) { return false; }), std::nullopt);
    EXPECT_EQ(make_short_code([](std::span<std::byte> out) {
                  std::fill(out.begin(), out.end(), std::byte{0xFF});
                  return true;
              }),
              std::nullopt);
}

} // namespace base64url_test
} // namespace stepgate::challenge_web::challenges
