#include "proxy/app/wire_users.h"

namespace stepgate::proxy::app
{

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
    return session::WireUser{found->second.scram_verifier, found->second.groups, found->second.disabled};
}

} // namespace stepgate::proxy::app
