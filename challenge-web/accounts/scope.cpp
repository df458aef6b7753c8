#include "challenge-web/accounts/scope.h"

#include <algorithm>

namespace stepgate::challenge_web::accounts
{

std::string_view to_string(Scope scope)
{
    const auto found =
        std::find_if(scope_names.begin(), scope_names.end(), [scope](const auto& one) { return one.second == scope; });
    return found == scope_names.end() ? std::string_view{} : found->first;
}

std::optional<Scope> scope_from_string(std::string_view name)
{
    const auto found =
        std::find_if(scope_names.begin(), scope_names.end(), [name](const auto& one) { return one.first == name; });
    return found == scope_names.end() ? std::nullopt : std::optional{found->second};
}

bool fits(Scope scope, const User& user)
{
    switch (scope) {
    case Scope::none:
        return false;
    case Scope::challenges_read:
    case Scope::challenges_write:
    case Scope::sessions_read:
    case Scope::sessions_end:
        return true;
    case Scope::audit_read:
        return user.auditor;
    case Scope::policy_read:
        return user.auditor || user.admin;
    case Scope::users_read:
    case Scope::users_disable:
        return user.admin;
    }
    return false;
}

std::vector<std::string> scopes_for(const User& user)
{
    std::vector<std::string> out;
    for (const auto& [name, scope] : scope_names)
        if (fits(scope, user))
            out.emplace_back(name);
    return out;
}

} // namespace stepgate::challenge_web::accounts
