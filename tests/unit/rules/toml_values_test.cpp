#include "policies/rules/toml_values.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace stepgate::policies::rules
{
namespace toml_values_test
{

TEST(TomlValues, Durations)
{
    using std::chrono::seconds;
    EXPECT_EQ(parse_duration("90s"), seconds{90});
    EXPECT_EQ(parse_duration("5m"), seconds{300});
    EXPECT_EQ(parse_duration("12h"), seconds{43200});
    EXPECT_EQ(parse_duration("7d"), seconds{604800});
    EXPECT_EQ(parse_duration("0"), seconds{0});
    for (const auto* wrong : {"", "5", "m", "5 m", "-5m", "5min", "5.5m", "99999999999d", "99999999999999999999s"})
        EXPECT_FALSE(parse_duration(wrong)) << wrong;
}

TEST(TomlValues, Sizes)
{
    EXPECT_EQ(parse_size("512"), 512U);
    EXPECT_EQ(parse_size("64KiB"), 65536U);
    EXPECT_EQ(parse_size("64MiB"), std::size_t{64} << 20);
    EXPECT_EQ(parse_size("1GiB"), std::size_t{1} << 30);
    for (const auto* wrong : {"", "64MB", "64 MiB", "-1", "MiB", "99999999999999999999", "18446744073709551615GiB"})
        EXPECT_FALSE(parse_size(wrong)) << wrong;
}

TEST(TomlValues, Suggestions)
{
    const std::array<std::string_view, 3> kinds{"delete", "update", "select"};
    EXPECT_EQ(suggestion("detele", kinds), "did you mean \"delete\"?");
    EXPECT_EQ(suggestion("eslect", kinds), "did you mean \"select\"?");
    EXPECT_EQ(suggestion("updat", kinds), "did you mean \"update\"?");
    EXPECT_EQ(suggestion("zzzzzz", kinds), "one of: delete, update, select");
    EXPECT_EQ(suggestion(std::string(100'000, 'x'), kinds), "one of: delete, update, select");
    EXPECT_EQ(suggestion("x", {}), "");
}

} // namespace toml_values_test
} // namespace stepgate::policies::rules
