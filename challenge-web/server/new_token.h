#pragma once

#include "challenge-web/accounts/accounts.h"

#include <optional>
#include <string>
#include <vector>

namespace stepgate::challenge_web::server
{

inline constexpr std::size_t longest_token_name = 64;
inline constexpr int default_token_days = 30, most_token_days = 365;

/// A token of the API, and the secret that is shown once.
struct NewToken {
    accounts::ApiToken token;
    std::string secret;
};
/// nullopt without random numbers.
[[nodiscard]] std::optional<NewToken> new_token(const std::string& user, const std::string& name,
                                                std::vector<std::string> scopes, int days, accounts::TimePoint now);

} // namespace stepgate::challenge_web::server
