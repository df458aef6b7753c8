#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace stepgate::policies::mysql
{

/// The text with every literal replaced by what `marker` makes of it, comments left out. Whatever the session's
/// sql_mode is: "x" counts as a literal, and a text that modes or versions could cut in another way becomes one marker.
[[nodiscard]] std::string redact(std::string_view sql, const std::function<std::string(std::string_view)>& marker);

} // namespace stepgate::policies::mysql
