#include "proxy/session/connection_limits.h"

#include "challenge-web/accounts/host_of.h"

namespace stepgate::proxy::session
{

using challenge_web::accounts::host_of;

bool ConnectionLimits::add(Counts& counts, const std::string& name, std::size_t most)
{
    auto& count = counts[name];
    if (count >= most)
        return false;
    ++count;
    return true;
}

void ConnectionLimits::subtract(Counts& counts, const std::string& name)
{
    const auto found = counts.find(name);
    if (found != counts.end() && --found->second == 0)
        counts.erase(found);
}

ConnectionLimits::Entry ConnectionLimits::enter(const std::string& address)
{
    const auto host = host_of(address);
    const std::lock_guard lock{mutex_};
    if (all_ < most_.all && add(addresses_, host, most_.per_address)) {
        ++all_;
        return Entry::in;
    }
    if (told_ >= most_.told)
        return Entry::dropped;
    ++told_;
    return Entry::told;
}

void ConnectionLimits::leave(Entry as, const std::string& address)
{
    const auto host = host_of(address);
    const std::lock_guard lock{mutex_};
    switch (as) {
    case Entry::in:
        --all_;
        subtract(addresses_, host);
        break;
    case Entry::told:
        --told_;
        break;
    case Entry::dropped:
        break;
    }
}

bool ConnectionLimits::enter_user(const std::string& user)
{
    const std::lock_guard lock{mutex_};
    return add(users_, user, most_.per_user);
}

void ConnectionLimits::leave_user(const std::string& user)
{
    const std::lock_guard lock{mutex_};
    subtract(users_, user);
}

std::size_t ConnectionLimits::all() const
{
    const std::lock_guard lock{mutex_};
    return all_;
}

} // namespace stepgate::proxy::session
