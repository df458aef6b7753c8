#include "policies/postgres/literal_sets.h"

#include "policies/statement/ascii.h"

namespace stepgate::policies::postgres
{
namespace
{

std::string_view trimmed(std::string_view text)
{
    constexpr std::string_view space = " \t\n\r\v\f";
    const std::size_t begin = text.find_first_not_of(space);
    return begin == std::string_view::npos ? std::string_view{}
                                           : text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

/// Takes one element off, up to a comma or the end; false: it is malformed, or an array in an array.
bool take_item(std::string_view& left, std::optional<std::string>& item)
{
    std::string made;
    bool quoted = false, inside = false;
    std::size_t at = 0;
    for (; at < left.size() && (inside || left[at] != ','); ++at) {
        if (left[at] == '"') {
            inside = !inside;
            quoted = true;
        } else if (left[at] == '\\' && at + 1 < left.size()) {
            made += left[++at];
            quoted = true;
        } else if (!inside && (left[at] == '{' || left[at] == '}')) {
            return false;
        } else {
            made += left[at];
        }
    }
    left.remove_prefix(at < left.size() ? at + 1 : at);
    if (!quoted)
        made = trimmed(made);
    if (inside || (!quoted && made.empty()))
        return false;
    item = !quoted && lower(made) == "null" ? std::nullopt : std::optional{std::move(made)};
    return true;
}

} // namespace

std::optional<std::vector<std::optional<std::string>>> array_items(std::string_view text)
{
    text = trimmed(text);
    if (text.size() < 2 || text.front() != '{' || text.back() != '}')
        return std::nullopt;
    text = trimmed(text.substr(1, text.size() - 2));
    std::vector<std::optional<std::string>> items;
    if (text.ends_with(','))
        return std::nullopt;
    while (!text.empty())
        if (!take_item(text, items.emplace_back()))
            return std::nullopt;
    return items;
}

std::optional<LiteralRange> range_of(std::string_view text)
{
    text = trimmed(text);
    const std::size_t comma = text.find(',');
    if (text.size() < 3 || comma == std::string_view::npos || (text.front() != '[' && text.front() != '(') ||
        (text.back() != ']' && text.back() != ')') || text.find_first_of("\"\\") != std::string_view::npos)
        return std::nullopt;
    LiteralRange range;
    range.with_low = text.front() == '[';
    range.with_high = text.back() == ']';
    const std::string_view low = text.substr(1, comma - 1);
    const std::string_view high = text.substr(comma + 1, text.size() - comma - 2);
    if (!low.empty())
        range.low = std::string{low};
    if (!high.empty())
        range.high = std::string{high};
    return range;
}

} // namespace stepgate::policies::postgres
