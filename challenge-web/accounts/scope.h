#pragma once

#include "challenge-web/accounts/accounts.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stepgate::challenge_web::accounts
{

/// What a token may be used for. None of them proves a factor, approves, enrols, or makes anybody more than they are: a
/// token is no person.
enum class Scope : std::uint8_t {
    none, // of what is for people only
    challenges_read,
    challenges_write, // deny, withdraw, say why; never approve
    sessions_read,
    sessions_end,
    audit_read,
    policy_read,
    users_read,
    users_disable,
};

/// As tokens and openapi.yaml have them.
inline constexpr auto scope_names = std::to_array<std::pair<std::string_view, Scope>>({
    {"challenges:read", Scope::challenges_read},
    {"challenges:write", Scope::challenges_write},
    {"sessions:read", Scope::sessions_read},
    {"sessions:end", Scope::sessions_end},
    {"audit:read", Scope::audit_read},
    {"policy:read", Scope::policy_read},
    {"users:read", Scope::users_read},
    {"users:disable", Scope::users_disable},
});
[[nodiscard]] std::string_view to_string(Scope scope);
[[nodiscard]] std::optional<Scope> scope_from_string(std::string_view name);

/// Those that make sense for somebody with these roles. What a token may do is looked up again with each request.
[[nodiscard]] bool fits(Scope scope, const User& user);
[[nodiscard]] std::vector<std::string> scopes_for(const User& user);

} // namespace stepgate::challenge_web::accounts
