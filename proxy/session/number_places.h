#pragma once

#include "policies/statement/ascii.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace stepgate::proxy::session
{

// A prepared text is read with the values of its execution where a WHERE may hold for every row by them. Most values
// are numbers on which nothing hangs (id = $1): that is seen once, since texts that only such numbers part share their
// facts.

/// Which of the values are whole numbers without a sign, a bit each; nothing: others may matter too, or there are too
/// many. `literal_of` gives a value's literal by its index, as an optional: none if nothing can hang on it.
template <class LiteralOf>
[[nodiscard]] std::optional<std::uint64_t> number_places(std::size_t values, LiteralOf literal_of)
{
    constexpr std::size_t most = 64;
    std::uint64_t places = 0;
    for (std::size_t i = 0; i < values; ++i) {
        const auto& literal = literal_of(i);
        if (!literal)
            continue;
        if (i >= most || !std::ranges::all_of(*literal, policies::is_digit))
            return std::nullopt;
        places |= std::uint64_t{1} << i;
    }
    return places;
}

/// Why it is held where facts that hung on no number do so now, and the numbers are gone.
constexpr std::string_view hangs_on_numbers = "hangs on numbers, of which it did not before";

} // namespace stepgate::proxy::session
