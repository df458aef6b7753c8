#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace stepgate::policies::mysql
{

/// A text for people who must see nothing of its literals: "select * from t where id = ?". Comments are left out, words
/// are in lower case, names that could not stand without quotes are "…". At most `max_bytes`, then "…". A text that
/// cannot be cut into tokens, or differently under other settings, is "…" alone.
[[nodiscard]] std::string shape_text(std::string_view sql, std::size_t max_bytes = 8192);

} // namespace stepgate::policies::mysql
