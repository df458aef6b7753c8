#include "policies/mysql/redact.h"
#include "policies/mysql/shape_text.h"

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

TEST(MySqlShapeText, ReadsLikeTheStatementWithoutItsLiterals)
{
    for (const auto& [sql, expected] : {
             Case{"SELECT * FROM t WHERE a = 'x' and b=12", "select * from t where a = ? and b=?"},
             Case{"select \"hunter2\", N'hunter2', x'1f', 0x1f, b'1', 1.5e3", "select ?, ?, ?, ?, ?, ?"},
             Case{"delete from `orders` /* hunter2 */ -- hunter2", "delete from `orders`"},
             Case{"select `a b`, `1-2`, @v, @'a b', 5hunter2", "select …, …, @v, …, …"},
             Case{"create user 'hunter2'@'10.0.0.1' identified by 'hunter2'", "create user ?… identified by ?"},
             Case{"select 'a\\' , 'hunter2'", "…"},
             Case{"select /*!99999 'hunter2' */ 1", "…"},
             Case{"select 'hunter2", "…"},
         })
        EXPECT_EQ(shape_text(sql), expected) << sql;
    EXPECT_EQ(shape_text("select aaaaaaaaaaaaa", 10), "select aaa…");
}

} // namespace redact_test
} // namespace stepgate::policies::mysql
