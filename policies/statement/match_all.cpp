#include "policies/statement/match_all.h"

#include "policies/statement/ascii.h"

#include <algorithm>
#include <cstddef>

namespace stepgate::policies::statement
{

bool may_match_all(std::string_view value)
{
    constexpr std::size_t longest = 1024;
    if (value.size() > longest)
        return false;
    if (value.starts_with('{') && value.find_first_not_of("{} ") != value.npos) // a pattern beside others
        return value.find_first_of("%*") != value.npos && value.find_first_of("'\\") == value.npos &&
               value.find('\0') == value.npos && is_ascii(value);
    return value.find_first_not_of("%_.*+?^$()|{},\" ") == value.npos;
}

bool any_where(const Facts& facts, Where where)
{
    return std::ranges::any_of(facts.statements, [where](const StatementFacts& one) { return one.where == where; });
}

} // namespace stepgate::policies::statement
