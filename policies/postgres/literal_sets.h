#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::policies::postgres
{

/// The elements of a literal of an array of one dimension without bounds, {a,"b c",NULL}; nothing: NULL. Nothing at
/// all: it is another text (docs 8.15.2).
[[nodiscard]] std::optional<std::vector<std::optional<std::string>>> array_items(std::string_view text);

/// A literal of a range (docs 8.17.5); nothing: without a bound there.
struct LiteralRange {
    std::optional<std::string> low, high;
    bool with_low = false, with_high = false;
};
[[nodiscard]] std::optional<LiteralRange> range_of(std::string_view text);

} // namespace stepgate::policies::postgres
