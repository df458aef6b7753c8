#pragma once

#include <string_view>

namespace stepgate::policies::statement
{

/// A value with which a condition may hold for every row: nothing, or what patterns and arrays of them are made of
/// ("%", "^.*$", "{%}"). None of its characters needs an escape between quotes.
[[nodiscard]] bool may_match_all(std::string_view value);

} // namespace stepgate::policies::statement
