#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace stepgate::challenge_web::server
{

/// A decimal number and nothing else.
template <class Number>
[[nodiscard]] std::optional<Number> whole_number(std::string_view text)
{
    Number value{};
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size())
        return std::nullopt;
    return value;
}

} // namespace stepgate::challenge_web::server
