#include "challenge-web/accounts/lockout.h"

#include "challenge-web/accounts/host_of.h"

#include <algorithm>

namespace stepgate::challenge_web::accounts
{

namespace
{

std::string pair_key(const std::string& user, const std::string& host)
{
    return host + ' ' + user; // addresses have no spaces
}

} // namespace

std::optional<std::chrono::seconds> Lockout::wait(const std::string& user, const std::string& address, TimePoint now)
{
    const auto host = host_of(address);
    const std::lock_guard lock(mutex_);
    auto longest = wait_of(addresses_, host, now);
    if (user.empty())
        return longest;
    longest = std::max(longest, wait_of(pairs_, pair_key(user, host), now));
    if (!known_.contains({user, host}))
        longest = std::max(longest, wait_of(users_, user, now));
    return longest;
}

void Lockout::failed(const std::string& user, const std::string& address, TimePoint now)
{
    const auto host = host_of(address);
    bool waits = false;
    {
        const std::lock_guard lock(mutex_);
        waits = count(addresses_, host, limits_.of_address, now);
        if (!user.empty()) {
            waits = count(pairs_, pair_key(user, host), limits_.of_pair, now) || waits;
            waits = count(users_, user, limits_.of_user, now) || waits;
        }
    }
    if (waits && observer_)
        observer_(user, address);
}

void Lockout::observe(std::function<void(const std::string& user, const std::string& address)> observer)
{
    observer_ = std::move(observer);
}

void Lockout::succeeded(const std::string& user, const std::string& address, TimePoint now)
{
    const auto host = host_of(address);
    const std::lock_guard lock(mutex_);
    pairs_.erase(pair_key(user, host));
    if (const auto all = users_.find(user); all != users_.end() && now >= all->second.until)
        users_.erase(all);
    if (known_.size() >= limits_.most)
        known_.erase(known_.begin());
    known_.emplace(user, host);
}

bool Lockout::knows(const std::string& user, const std::string& address) const
{
    const std::lock_guard lock(mutex_);
    return known_.contains({user, host_of(address)});
}

std::optional<std::chrono::seconds> Lockout::wait_of(const Counts& counts, const std::string& key, TimePoint now) const
{
    const auto found = counts.find(key);
    if (found == counts.end() || now >= found->second.until)
        return std::nullopt;
    return std::chrono::ceil<std::chrono::seconds>(found->second.until - now);
}

bool Lockout::count(Counts& counts, const std::string& key, int free, TimePoint now)
{
    if (counts.size() >= limits_.most && !counts.contains(key))
        make_room(counts, now);
    auto& entry = counts[key];
    if (entry.wrong > 0 && now - entry.last >= limits_.forgotten)
        entry.wrong = 0;
    entry.last = now;
    ++entry.wrong;
    const int beyond = entry.wrong - free;
    if (beyond < 0)
        return false;
    const auto doubled = limits_.first * (std::int64_t{1} << std::min(beyond, 30));
    entry.until = now + std::min<std::chrono::seconds>(doubled, limits_.longest);
    return beyond == 0;
}

/// What is forgotten anyway goes, if somebody looked long ago; else, of a few, the one that was wrong least often: a
/// flood of names neither costs much nor frees those who wait.
void Lockout::make_room(Counts& counts, TimePoint now)
{
    if (now - swept_ >= std::chrono::seconds{10}) {
        swept_ = now;
        for (auto* all : {&pairs_, &addresses_, &users_})
            std::erase_if(*all, [&](const auto& entry) { return now - entry.second.last >= limits_.forgotten; });
    }
    if (counts.size() < limits_.most)
        return;
    auto least = counts.begin();
    auto next = least;
    for (int looked_at = 0; looked_at < 16 && next != counts.end(); ++looked_at, ++next)
        if (next->second.wrong < least->second.wrong)
            least = next;
    counts.erase(least);
}

} // namespace stepgate::challenge_web::accounts
