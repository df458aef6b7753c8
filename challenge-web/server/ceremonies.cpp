#include "challenge-web/server/ceremonies.h"

#include "challenge-web/server/secrets.h"

namespace stepgate::challenge_web::server
{

std::optional<std::string> Ceremonies::begin(Ceremony ceremony, factors::TimePoint now)
{
    auto id = random_token();
    if (!id)
        return std::nullopt;
    const std::lock_guard lock(mutex_);
    if (ceremonies_.size() >= most_)
        std::erase_if(ceremonies_, [&](const auto& entry) { return entry.second.expires <= now; });
    if (ceremonies_.size() >= most_)
        forget_a_sign_in();
    if (ceremonies_.size() >= most_)
        return std::nullopt;
    ceremonies_.emplace(*id, std::move(ceremony));
    return id;
}

/// Anybody may begin to sign in, so that a flood of those must neither keep others out nor those who are signed in.
void Ceremonies::forget_a_sign_in()
{
    auto oldest = ceremonies_.end();
    for (auto one = ceremonies_.begin(); one != ceremonies_.end(); ++one)
        if (one->second.session.empty() &&
            (oldest == ceremonies_.end() || one->second.expires < oldest->second.expires))
            oldest = one;
    if (oldest != ceremonies_.end())
        ceremonies_.erase(oldest);
}

std::optional<Ceremony> Ceremonies::take(const std::string& id, Ceremony::Kind kind, const std::string& session,
                                         factors::TimePoint now)
{
    const std::lock_guard lock(mutex_);
    const auto found = ceremonies_.find(id);
    if (found == ceremonies_.end() || found->second.kind != kind || found->second.session != session)
        return std::nullopt;
    auto ceremony = std::move(found->second);
    ceremonies_.erase(found);
    if (ceremony.expires <= now)
        return std::nullopt;
    return ceremony;
}

void Ceremonies::put_back(const std::string& id, Ceremony ceremony)
{
    const std::lock_guard lock(mutex_);
    ceremonies_.emplace(id, std::move(ceremony));
}

} // namespace stepgate::challenge_web::server
