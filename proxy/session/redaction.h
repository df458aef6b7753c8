#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace stepgate::proxy::session
{

/// A text without its literals, as the audit keeps those that touch labelled data or hold a password. `dialect` as a
/// challenge names it: what is a literal in one is a name in another.
[[nodiscard]] std::string redacted_text(std::string_view dialect, std::string_view sql, std::span<const std::byte> key);

} // namespace stepgate::proxy::session
