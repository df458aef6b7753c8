#include "protocols/mysql/reply.h"
#include "proxy/upstream/mysql_login_steps.h"

#include <gtest/gtest.h>

namespace stepgate::proxy::upstream
{
namespace mysql_failure_test
{

namespace my = protocols::mysql;

Failure refused_with(std::uint16_t code, std::string_view sqlstate)
{
    wire::Bytes packet;
    my::encode_err(packet, 1, {code, sqlstate, "why"});
    return mysql_failure(wire::View{packet}.subspan(4));
}

TEST(MySqlFailure, OfTheConnectionIsPassedOn)
{
    for (const auto& [code, sqlstate] : {std::pair{1159, "08S01"}, {1053, "08S01"}, {1040, "08004"}, {1049, "42000"}}) {
        const auto failure = refused_with(static_cast<std::uint16_t>(code), sqlstate);
        EXPECT_EQ(failure.kind, Failure::Kind::refused) << code;
        EXPECT_FALSE(failure.server_error.empty()) << code;
    }
}

TEST(MySqlFailure, OfOurAccountIsKept)
{
    for (const auto& [code, sqlstate] : {std::pair{1045, "28000"}, {1130, "HY000"}, {1251, "08004"}, {3118, "HY000"}}) {
        const auto failure = refused_with(static_cast<std::uint16_t>(code), sqlstate);
        EXPECT_EQ(failure.kind, Failure::Kind::credentials) << code;
        EXPECT_TRUE(failure.server_error.empty()) << code;
    }
    EXPECT_EQ(refused_with(1044, "42000").kind, Failure::Kind::database);
}

} // namespace mysql_failure_test
} // namespace stepgate::proxy::upstream
