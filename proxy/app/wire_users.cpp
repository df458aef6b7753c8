#include "proxy/app/wire_users.h"

#include "challenge-web/accounts/clock.h"

#include <chrono>

namespace stepgate::proxy::app
{

bool WireUsers::refresh()
{
    const std::lock_guard alone(refreshing_);
    auto users = accounts_.list_users();
    auto passwords = accounts_.database_passwords({}, std::chrono::system_clock::now());
    if (users.has_error() || passwords.has_error())
        return false;
    auto next = std::make_shared<Snapshot>();
    for (auto& user : *users) {
        auto name = user.name;
        next->emplace(std::move(name), Known{std::move(user), {}});
    }
    for (auto& password : *passwords)
        if (const auto known = next->find(password.user); known != next->end())
            known->second.passwords.push_back(std::move(password));
    const std::lock_guard lock(mutex_);
    snapshot_ = std::move(next);
    return true;
}

std::optional<session::WireUser> WireUsers::find(std::string_view name) const
{
    std::shared_ptr<const Snapshot> snapshot;
    {
        const std::lock_guard lock(mutex_);
        snapshot = snapshot_;
    }
    if (!snapshot)
        return std::nullopt;
    const auto found = snapshot->find(name);
    if (found == snapshot->end())
        return std::nullopt;
    const auto& [user, passwords] = found->second;
    session::WireUser out{long_lived_ ? user.scram_verifier : std::string{}, user.groups, user.disabled, {}};
    const auto now = std::chrono::system_clock::now();
    for (const auto& password : passwords)
        if (now < password.expires && password.created <= now + challenge_web::accounts::clock_slack)
            out.more.push_back(password.verifier);
    return out;
}

} // namespace stepgate::proxy::app
