#include "policies/mysql/function_values.h"

#include "policies/mysql/expression.h"

#include <initializer_list>
#include <string_view>
#include <unordered_set>

namespace stepgate::policies::mysql
{
namespace
{

using Names = std::unordered_set<std::uint64_t>;

Names hashes_of(std::initializer_list<std::string_view> names)
{
    Names made;
    for (const std::string_view name : names)
        made.insert(hash_of(name));
    return made;
}

} // namespace

bool is_never_negative(std::uint64_t name)
{
    static const Names never =
        hashes_of({"length",    "lengthb",     "octet_length", "char_length",   "character_length", "bit_length",
                   "abs",       "ascii",       "ord",          "crc32",         "bit_count",        "sqrt",
                   "count",     "json_length", "json_depth",   "year",          "quarter",          "month",
                   "week",      "day",         "dayofmonth",   "dayofweek",     "dayofyear",        "weekday",
                   "hour",      "minute",      "second",       "microsecond",   "unix_timestamp",   "to_days",
                   "locate",    "instr",       "position",     "field",         "find_in_set",      "rand",
                   "pi",        "exp",         "found_rows",   "connection_id", "last_insert_id",   "inet_aton",
                   "uuid_short"});
    return never.contains(name);
}

bool is_settled_by_twice_the_same(std::uint64_t name)
{
    static const Names settled =
        hashes_of({"mod", "nullif", "strcmp", "datediff", "timediff", "locate", "instr", "field"});
    return settled.contains(name);
}

} // namespace stepgate::policies::mysql
