#include "proxy/session/session_registry.h"

#include <boost/asio/post.hpp>

#include <openssl/crypto.h>

#include <algorithm>

namespace stepgate::proxy::session
{

namespace
{

bool equal_keys(wire::View a, wire::View b)
{
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace

void SessionRegistry::add(std::int32_t process, wire::Bytes key, Owner owner, net::Executor executor,
                          std::weak_ptr<Session> session)
{
    const std::lock_guard lock{mutex_};
    entries_.emplace(process, Entry{std::move(key), std::move(owner), executor, std::move(session)});
}

std::size_t SessionRegistry::cancel_hold(std::int32_t process, const Owner& owner, std::function<void()> done)
{
    const std::lock_guard lock{mutex_};
    std::size_t asked = 0;
    const auto [first, last] = entries_.equal_range(process);
    for (auto at = first; at != last; ++at) {
        if (at->second.owner != owner)
            continue;
        ++asked;
        boost::asio::post(at->second.executor, [weak = at->second.session, done] {
            if (const auto session = weak.lock())
                session->cancel_hold();
            if (done)
                done();
        });
    }
    return asked;
}

bool SessionRegistry::owns(std::int32_t process, const Owner& owner)
{
    const std::lock_guard lock{mutex_};
    const auto [first, last] = entries_.equal_range(process);
    return std::any_of(first, last, [&owner](const auto& one) { return one.second.owner == owner; });
}

void SessionRegistry::remove(std::int32_t process, const wire::Bytes& key)
{
    const std::lock_guard lock{mutex_};
    const auto [first, last] = entries_.equal_range(process);
    for (auto at = first; at != last; ++at) {
        if (!equal_keys(at->second.key, key))
            continue;
        entries_.erase(at);
        return;
    }
}

bool SessionRegistry::cancel(std::int32_t process, wire::View key)
{
    const std::lock_guard lock{mutex_};
    const auto [first, last] = entries_.equal_range(process);
    for (auto at = first; at != last; ++at) {
        if (!equal_keys(at->second.key, key))
            continue;
        boost::asio::post(at->second.executor, [weak = at->second.session] {
            if (const auto session = weak.lock())
                session->cancel();
        });
        return true;
    }
    return false;
}

} // namespace stepgate::proxy::session
