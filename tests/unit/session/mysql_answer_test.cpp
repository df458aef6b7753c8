#include "proxy/session/mysql_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace stepgate::proxy::session
{
namespace mysql_answer_test
{

namespace my = protocols::mysql;
using Rows = std::vector<std::vector<std::optional<std::string>>>;
using Packets = std::vector<std::string>;

wire::View bytes(const std::string& text)
{
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

struct Reading {
    Rows rows;
    bool done = false, failed = false;
};

Reading read(const Packets& packets, bool without_eof)
{
    my::Capabilities capabilities;
    if (without_eof)
        capabilities = my::Capability::deprecate_eof;
    Reading reading;
    MySqlAnswer answer{capabilities, [&reading](const MySqlAnswer::Row& row) {
                           auto& kept = reading.rows.emplace_back();
                           for (const auto& value : row)
                               kept.emplace_back(value ? std::optional{std::string{*value}} : std::nullopt);
                       }};
    for (const auto& packet : packets)
        answer.on(bytes(packet));
    reading.done = answer.done();
    reading.failed = answer.failed();
    return reading;
}

using namespace std::string_literals;
const std::string column = "\x03"
                           "def and so on"s,
                  eof = "\xfe\0\0\x02\0"s,
                  row = "\x01"
                        "a\xfb"s,
                  last = "\x01"
                         "b\0"s,
                  error = "\xff\x15\x04#28000denied"s;
const Rows expected{{"a", std::nullopt}, {"b", ""}};

TEST(MySqlAnswer, OneResultInBothForms)
{
    for (const bool without_eof : {false, true}) {
        Packets packets{"\x02", column, column};
        if (!without_eof)
            packets.push_back(eof);
        for (const auto& packet : {row, last, eof})
            packets.push_back(packet);
        const auto reading = read(packets, without_eof);
        EXPECT_EQ(reading.rows, expected) << without_eof;
        EXPECT_TRUE(reading.done);
        EXPECT_FALSE(reading.failed);
    }
}

TEST(MySqlAnswer, IsDoneNoEarlierThanItsEnd)
{
    Packets packets{"\x02", column, column, eof, row, last, eof};
    for (std::size_t n = 0; n < packets.size(); ++n)
        EXPECT_FALSE(read({packets.begin(), packets.begin() + static_cast<std::ptrdiff_t>(n)}, false).done) << n;
}

struct Bad {
    const char* name;
    Packets packets;
};

class BadMySqlAnswers : public testing::TestWithParam<Bad>
{
};

TEST_P(BadMySqlAnswers, Fail)
{
    const auto reading = read(GetParam().packets, false);
    EXPECT_TRUE(reading.failed);
    EXPECT_TRUE(reading.done) << "nobody waits for more";
}

INSTANTIATE_TEST_SUITE_P(Each, BadMySqlAnswers,
                         testing::Values(Bad{"empty", {""}}, Bad{"error_at_once", {error}},
                                         Bad{"an_ok", {"\0\0\0\x02\0\0\0"s}}, Bad{"too_many_columns", {"\x20"}},
                                         Bad{"more_behind_the_count", {"\x02\x01"}},
                                         Bad{"no_eof_behind_columns", {"\x01", column, row}},
                                         Bad{"error_among_rows", {"\x02", column, column, eof, row, error}},
                                         Bad{"row_cut",
                                             {"\x02", column, column, eof,
                                              "\x05"
                                              "ab"}},
                                         Bad{"row_too_long",
                                             {"\x02", column, column, eof,
                                              "\x01"
                                              "a\x01"
                                              "b\x01"}},
                                         Bad{"row_too_short",
                                             {"\x02", column, column, eof,
                                              "\x01"
                                              "a"}}),
                         [](const auto& one) { return one.param.name; });

TEST(MySqlAnswer, ProgressIsNoRow)
{
    const std::string progress = "\xff\xff\xff\x01\x01\x01\0\0\0\x04text"s;
    const auto reading = read({progress, "\x02", column, column, eof, row, progress, last, eof}, false);
    EXPECT_EQ(reading.rows, expected);
    EXPECT_FALSE(reading.failed);
}

} // namespace mysql_answer_test
} // namespace stepgate::proxy::session
