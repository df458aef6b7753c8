#pragma once

#include "challenge-web/accounts/accounts.h"

#include <cstddef>
#include <optional>
#include <string>

namespace stepgate::proxy::app
{

/// `bytes` random bytes as base64url; nullopt without randomness.
[[nodiscard]] std::optional<std::string> random_token(std::size_t bytes);
/// A user with a fresh WebAuthn handle and a SCRAM verifier of the password (4096 iterations, as PostgreSQL's own).
[[nodiscard]] std::optional<challenge_web::accounts::User> make_user(const std::string& name,
                                                                     const std::string& password);

} // namespace stepgate::proxy::app
