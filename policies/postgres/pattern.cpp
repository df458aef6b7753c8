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

bool any_matches_all(std::string_view array, bool regex)
{
    if (array.size() < 2 || !array.starts_with('{') || !array.ends_with('}'))
        return false;
    array = array.substr(1, array.size() - 2);
    for (bool more = true; more;) {
        const auto comma = array.find(',');
        std::string_view one = array.substr(0, comma);
        more = comma != array.npos;
        array.remove_prefix(more ? comma + 1 : array.size());
        if (one.size() >= 2 && one.starts_with('"') && one.ends_with('"'))
            one = one.substr(1, one.size() - 2);
        else if (one.empty() || one.find_first_of(" {}") != one.npos)
            continue;
        if (regex ? regex_matches_all(one) : like_matches_all(one))
            return true;
    }
    return false;
}

} // namespace stepgate::policies::postgres
