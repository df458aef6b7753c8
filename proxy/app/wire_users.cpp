#include "proxy/app/wire_users.h"

namespace stepgate::proxy::app
{
namespace
{

using challenge_web::accounts::User;

// What a reviewer should read about a change; "" if nothing of interest changed.
std::string_view difference(const User& before, const User& after)
{
    if (before.disabled != after.disabled)
        return after.disabled ? "disabled" : "enabled";
    if (before.scram_verifier != after.scram_verifier)
        return "password changed";
    if (before.groups != after.groups)
        return "groups changed";
    if (before.auditor != after.auditor || before.admin != after.admin)
        return "roles changed";
    return {};
}

} // namespace

WireUsers::WireUsers(challenge_web::accounts::Accounts& accounts, OnChange on_change)
    : accounts_(accounts), on_change_(std::move(on_change))
{
}

bool WireUsers::refresh()
{
    auto users = accounts_.list_users();
    if (users.has_error())
        return false;
    auto next = std::make_shared<Snapshot>();
    for (auto& user : *users) {
        auto name = user.name;
        next->emplace(std::move(name), std::move(user));
    }
    std::shared_ptr<const Snapshot> before;
    {
        const std::lock_guard lock(mutex_);
        before = std::exchange(snapshot_, next);
    }
    if (before)
        report_changes(*before, *next);
    return true;
}

void WireUsers::report_changes(const Snapshot& before, const Snapshot& after) const
{
    for (const auto& [name, user] : after) {
        const auto old = before.find(name);
        const auto change = old == before.end() ? std::string_view{"added"} : difference(old->second, user);
        if (!change.empty())
            on_change_(name, change);
    }
    for (const auto& [name, user] : before) {
        if (!after.contains(name))
            on_change_(name, "removed");
    }
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
    return session::WireUser{found->second.scram_verifier, found->second.groups, found->second.disabled};
}

} // namespace stepgate::proxy::app
