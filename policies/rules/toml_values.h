#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace stepgate::policies::rules
{

/// "90s", "5m", "12h", "7d", or "0".
[[nodiscard]] std::optional<std::chrono::seconds> parse_duration(std::string_view text);
/// "512", "64KiB", "64MiB", "1GiB".
[[nodiscard]] std::optional<std::size_t> parse_size(std::string_view text);

/// The candidate nearest to what was written, if it is near enough to be meant.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view written,
                                                      std::span<const std::string_view> candidates);
/// `did you mean "delete"?`, or `one of: a, b, c` when the list is short, or "".
[[nodiscard]] std::string suggestion(std::string_view written, std::span<const std::string_view> candidates);

} // namespace stepgate::policies::rules
