#pragma once

#include "protocols/wire/bytes.h"
#include "proxy/net/task.h"
#include "proxy/session/session.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>

namespace stepgate::proxy::session
{

/// Finds the session that a cancel request means, by the process id and the key that its client was given. Thread-safe;
/// sessions are reached by posting to their own thread.
class SessionRegistry
{
  public:
    /// Whose session it is, and on which server its process is.
    struct Owner {
        std::string user, server;
        bool operator==(const Owner&) const = default;
    };
    void add(std::int32_t process, wire::Bytes key, Owner owner, net::Executor executor,
             std::weak_ptr<Session> session);
    void remove(std::int32_t process, const wire::Bytes& key);
    /// False: no such session. Keys are compared in constant time.
    bool cancel(std::int32_t process, wire::View key);
    /// There is a session of that owner with that process.
    [[nodiscard]] bool owns(std::int32_t process, const Owner& owner);
    /// Ends the hold, if there is one, of the same owner's sessions with that process. `done`, if given, is called for
    /// each of them on its own thread when it has happened; how often that will be is returned.
    std::size_t cancel_hold(std::int32_t process, const Owner& owner, std::function<void()> done = {});

  private:
    struct Entry {
        wire::Bytes key;
        Owner owner;
        net::Executor executor;
        std::weak_ptr<Session> session;
    };
    std::mutex mutex_;
    // Several servers may use one process id: the keys tell their sessions apart.
    std::unordered_multimap<std::int32_t, Entry> entries_;
};

} // namespace stepgate::proxy::session
