#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace stepgate::policies::postgres
{

/// The value as a literal, if a condition may hold for every row by it: a number, as it is where it is whole and of at
/// most nine digits, else as a string (of either texts have one shape); what patterns are made of (LIKE $1 with '%').
[[nodiscard]] std::optional<std::string> telling_literal(std::string_view value);

/// The text with literals in place of its parameters, where `literal_of` gives one for a parameter's number, from 1;
/// nullopt: it gives none. Others stay parameters, so that a text has few readings.
[[nodiscard]] std::optional<std::string>
with_bound(std::string_view sql, bool backslashes,
           const std::function<std::optional<std::string>(std::size_t)>& literal_of);

} // namespace stepgate::policies::postgres
