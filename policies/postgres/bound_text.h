#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace stepgate::policies::postgres
{

/// The text with values in place of its parameters, as literals, where a condition may hold for every row by them
/// (LIKE $1 with '%'); nullopt: there is none. `value_of` gives the
/// value of a parameter by its number, from 1. Others stay parameters, so that a text has few readings.
[[nodiscard]] std::optional<std::string>
with_bound(std::string_view sql, bool backslashes,
           const std::function<std::optional<std::string_view>(std::size_t)>& value_of);

} // namespace stepgate::policies::postgres
