#pragma once

#include "policies/statement/facts.h"

#include <string_view>

namespace stepgate::policies::statement
{

/// A value with which a condition may hold for every row: nothing, or what patterns and arrays of them are made of
/// ("%", "^.*$", "{%}", "{}"). None of its characters needs an escape between quotes.
[[nodiscard]] bool may_match_all(std::string_view value);

/// Some statement of the text has such a WHERE: of those with `Where::present` values and settings may decide.
[[nodiscard]] bool any_where(const Facts& facts, Where where);

} // namespace stepgate::policies::statement
