#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace stepgate::policies::postgres
{

/// A value with which a condition may hold for every row: nothing, or what patterns and arrays of them are made of
/// ("%", "^.*$", "{%}").
[[nodiscard]] bool may_match_all(std::string_view value);

/// The text with such values in place of its parameters, as literals; nullopt: there is none. `value_of` gives the
/// value of a parameter by its number, from 1. Others stay parameters, so that a text has few readings.
[[nodiscard]] std::optional<std::string>
with_bound(std::string_view sql, bool backslashes,
           const std::function<std::optional<std::string_view>(std::size_t)>& value_of);

} // namespace stepgate::policies::postgres
