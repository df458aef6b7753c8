#include "proxy/session/live_sessions.h"

#include <boost/asio/post.hpp>

#include <algorithm>

namespace stepgate::proxy::session
{

void LiveSessions::add(LiveSession session, net::Executor executor, std::weak_ptr<Session> reached)
{
    const std::lock_guard lock{mutex_};
    auto id = session.id;
    entries_.insert_or_assign(std::move(id), Entry{std::move(session), std::move(executor), std::move(reached)});
}

void LiveSessions::remove(const std::string& id)
{
    const std::lock_guard lock{mutex_};
    entries_.erase(id);
}

std::vector<LiveSession> LiveSessions::list(const std::string& user) const
{
    std::vector<LiveSession> found;
    {
        const std::lock_guard lock{mutex_};
        for (const auto& [id, entry] : entries_)
            if (user.empty() || entry.shown.user == user)
                found.push_back(entry.shown);
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const LiveSession& a, const LiveSession& b) { return a.started > b.started; });
    return found;
}

bool LiveSessions::end(const std::string& id, const std::string& by)
{
    const std::lock_guard lock{mutex_};
    const auto found = entries_.find(id);
    if (found == entries_.end())
        return false;
    boost::asio::post(found->second.executor, [weak = found->second.session, id, by] {
        if (const auto session = weak.lock())
            session->end_by(id, by);
    });
    return true;
}

void LiveSessions::groups_changed(const std::string& user, const std::vector<std::string>& groups)
{
    const std::lock_guard lock{mutex_};
    for (const auto& [id, entry] : entries_)
        if (entry.shown.user == user)
            boost::asio::post(entry.executor, [weak = entry.session, id = id, groups] {
                if (const auto session = weak.lock())
                    session->groups_changed(id, groups);
            });
}

} // namespace stepgate::proxy::session
