#include "policies/mysql/redact.h"

#include <gtest/gtest.h>

#include <string>

namespace stepgate::policies::mysql
{
namespace redact_test
{

std::string redacted(std::string_view sql)
{
    return redact(sql, [](std::string_view value) { return "<" + std::to_string(value.size()) + ">"; });
}

struct Case {
    const char* sql;
    const char* expected;
};

TEST(MySqlRedact, LiteralsGoWhateverTheModeSays)
{
    for (const auto& [sql, expected] : {
             Case{"select * from t where a = 'secret' and b=12", "select * from t where a = '<6>' and b='<2>'"},
             Case{"select \"secret\"", "select '<6>'"}, // a name only under ANSI_QUOTES
             Case{"select x'1f' -- secret", "select '<2>'"},
             Case{"select /* secret */ `a b`, @v", "select `a b`, @v"},
         })
        EXPECT_EQ(redacted(sql), expected) << sql;
}

TEST(MySqlRedact, TextsWithTwoReadingsBecomeOneMarker)
{
    for (const std::string sql : {"select 'a\\' , 'secret'", "select /*!99999 'secret' */ 1", "select 'secret"})
        EXPECT_EQ(redacted(sql), "<" + std::to_string(sql.size()) + ">") << sql;
}

} // namespace redact_test
} // namespace stepgate::policies::mysql
