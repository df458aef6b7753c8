#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace stepgate::policies::postgres
{

/// The text with every literal replaced by a marker: '‹a1b2c3d4e5f6›' for strings of all kinds, ‹a1b2c3d4e5f6› for
/// numbers. The digits are the start of HMAC-SHA-256 of the literal's value under `key`, so equal values compare equal
/// and nothing else is learnt. Contents of comments are dropped. Identifiers stay. A text that cannot be cut into
/// tokens safely (unterminated quote, readings that differ by standard_conforming_strings) becomes one marker.
[[nodiscard]] std::string redact(std::string_view sql, std::span<const std::byte> key);

/// The marker of one value (a bound parameter, say), as `redact` writes it for a string, quotes not included.
[[nodiscard]] std::string redaction_marker(std::span<const std::byte> value, std::span<const std::byte> key);

} // namespace stepgate::policies::postgres
