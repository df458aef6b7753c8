#pragma once

#include "challenge-web/accounts/scope.h"
#include "challenge-web/server/call.h"

namespace stepgate::challenge_web::server
{

/// What tokens start with, so that those who look for secrets in the open find them.
inline constexpr std::string_view token_prefix = "sgt_";

/// The key under which streams and ceremonies know a token, as they know sessions by their hash.
[[nodiscard]] std::string session_of_token(const std::string& hash);
/// The hash back out of it; nullopt: it is a session's.
[[nodiscard]] std::optional<std::string> token_of_session(std::string_view session);

/// Is there a token? Other schemes of Authorization are a front server's, and none of our business.
[[nodiscard]] bool sends_token(const Request& request);

/// Lets in who sends a token (RFC 6750) for an operation that takes this scope, as a visitor with its user's roles of
/// now and a session that is not strong. Otherwise the answer to give.
[[nodiscard]] std::optional<Response> admit_token(Call& call, accounts::Scope scope);

} // namespace stepgate::challenge_web::server
