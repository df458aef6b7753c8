#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stepgate::challenge_web::server
{

/// 32 random bytes as base64url. nullopt when there are no random numbers: refuse.
[[nodiscard]] std::optional<std::string> random_token();

/// Lower-case hex SHA-256: what the store keeps of a token.
[[nodiscard]] std::string token_hash(std::string_view token);

/// Takes the same time wherever they differ.
[[nodiscard]] bool same_secret(std::string_view a, std::string_view b);

/// Is this the password of a SCRAM-SHA-256 verifier as PostgreSQL stores it
/// ("SCRAM-SHA-256$4096:salt$StoredKey:ServerKey", RFC 5803)? A verifier that does not parse matches nothing but costs
/// as much as one of 4096 iterations, so that a missing user cannot be told by the time. Passwords are compared as
/// UTF-8, not normalised.
[[nodiscard]] bool password_matches(std::string_view verifier, std::string_view password);

} // namespace stepgate::challenge_web::server
