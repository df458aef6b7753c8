#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace stepgate::challenge_web::challenges
{

/// RFC 4648 section 5 without padding, as WebAuthn writes bytes in JSON.
[[nodiscard]] std::string base64url_encode(std::string_view bytes);
[[nodiscard]] std::string base64url_encode(std::span<const std::byte> bytes);

/// Strict: no padding, no white space, and unused bits zero, so that every byte string has exactly one spelling.
[[nodiscard]] std::optional<std::string> base64url_decode(std::string_view text);

} // namespace stepgate::challenge_web::challenges
