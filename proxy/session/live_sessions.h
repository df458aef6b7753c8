#pragma once

#include "proxy/net/task.h"
#include "proxy/session/session.h"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace stepgate::proxy::session
{

/// Who is connected to what, for people. `id` as in logs and audit.
struct LiveSession {
    std::string id, user, listener, dialect, database, role, client_address, application_name;
    std::chrono::system_clock::time_point started{};
};

/// Every session that has logged in. Thread-safe; sessions are reached by posting to their own thread. Outlives them.
class LiveSessions
{
  public:
    void add(LiveSession session, net::Executor executor, std::weak_ptr<Session> reached);
    /// Nothing happens if it was never added.
    void remove(const std::string& id);

    /// Newest first; "" for everyone's.
    [[nodiscard]] std::vector<LiveSession> list(const std::string& user) const;
    /// Its hold ends, its client is told who ended it, and its connections are closed. False: there is no such session.
    bool end(const std::string& id, const std::string& by);
    /// From its next statement on, each session of this user is judged as that of a member of these groups.
    void groups_changed(const std::string& user, const std::vector<std::string>& groups);

  private:
    struct Entry {
        LiveSession shown;
        net::Executor executor;
        std::weak_ptr<Session> session;
    };
    mutable std::mutex mutex_;
    std::map<std::string, Entry> entries_; // by id
};

} // namespace stepgate::proxy::session
