#pragma once

#include <string_view>

namespace stepgate::policies::postgres
{

/// Every text matches the pattern of LIKE or SIMILAR TO.
[[nodiscard]] bool like_matches_all(std::string_view pattern);
/// Every text surely matches the regular expression: all of it may be missing, and it is not held to both ends.
[[nodiscard]] bool regex_matches_all(std::string_view pattern);
/// A pattern of an array that stands in a literal does ("{%}").
[[nodiscard]] bool any_matches_all(std::string_view array, bool regex);

} // namespace stepgate::policies::postgres
