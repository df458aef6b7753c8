#pragma once

#include <string_view>

namespace stepgate::policies::mysql
{

/// Every text matches the pattern of LIKE.
[[nodiscard]] bool like_matches_all(std::string_view pattern);
/// Every text surely matches the regular expression, as far as wildcards and anchors go.
[[nodiscard]] bool regexp_matches_all(std::string_view pattern);

} // namespace stepgate::policies::mysql
