#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::proxy::notify
{

/// Keys of a webhook's signatures; the first ones of several are those that go on, the others are being replaced.
using SigningKeys = std::vector<std::string>;

/// The lines of a secret's file: each "whsec_" and the base64 of 24 to 64 random bytes (Standard Webhooks). nullopt: a
/// line is none of these, or there is none.
[[nodiscard]] std::optional<SigningKeys> parse_signing_keys(std::string_view text);

/// The header webhook-signature: for each key "v1," and the base64 of HMAC-SHA256 over "id.timestamp.body", with spaces
/// between. "" without memory.
[[nodiscard]] std::string sign(const SigningKeys& keys, std::string_view id, std::int64_t timestamp,
                               std::string_view body);

} // namespace stepgate::proxy::notify
