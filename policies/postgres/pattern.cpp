#include "policies/postgres/pattern.h"

namespace stepgate::policies::postgres
{

bool like_matches_all(std::string_view pattern)
{
    return !pattern.empty() && pattern.find_first_not_of('%') == std::string_view::npos;
}

bool regex_matches_all(std::string_view pattern)
{
    const bool from_start = pattern.starts_with('^');
    if (from_start)
        pattern.remove_prefix(1);
    const bool to_end = pattern.ends_with('$');
    if (to_end)
        pattern.remove_suffix(1);
    if (pattern == ".*" || pattern == ".*?" || pattern == "(.*)")
        return true;
    if (from_start && to_end)
        return false;
    while (!pattern.empty()) { // a plain character and what lets it be missing
        constexpr std::string_view special = "*+?{}()[]|\\^$";
        if (pattern.size() < 2 || special.find(pattern[0]) != std::string_view::npos ||
            (pattern[1] != '*' && pattern[1] != '?'))
            return false;
        pattern.remove_prefix(pattern.size() > 2 && pattern[2] == '?' ? 3 : 2);
    }
    return true;
}

} // namespace stepgate::policies::postgres
