#include "protocols/mysql/fast_cache.h"

namespace stepgate::protocols::mysql
{

FastCache::~FastCache()
{
    for (auto& [user, entry] : entries_)
        wipe(entry.digest);
}

std::optional<Sha256> FastCache::find(std::string_view user, std::string_view verifier) const
{
    const std::lock_guard lock{mutex_};
    const auto found = entries_.find(user);
    if (found == entries_.end() || found->second.verifier != verifier)
        return std::nullopt;
    return found->second.digest;
}

void FastCache::keep(std::string_view user, std::string_view verifier, const Sha256& digest)
{
    const std::lock_guard lock{mutex_};
    if (most_ == 0)
        return;
    if (entries_.size() >= most_ && !entries_.contains(user)) {
        wipe(entries_.begin()->second.digest);
        entries_.erase(entries_.begin());
    }
    entries_.insert_or_assign(std::string{user}, Entry{std::string{verifier}, digest});
}

} // namespace stepgate::protocols::mysql
