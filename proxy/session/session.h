#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace stepgate::proxy::session
{

using SteadyTime = std::chrono::steady_clock::time_point;

/// What the proxy asks of a session, whatever its dialect. Lives on one worker's thread; every call comes from it.
class Session : public std::enable_shared_from_this<Session>
{
  public:
    virtual ~Session() = default;
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    /// A few times a second: deadlines are looked at here, so that no message arms a timer.
    virtual void on_tick(SteadyTime now) = 0;
    /// The client asked to cancel what runs (or waits), and showed the right key.
    virtual void cancel() = 0;
    /// Its user cancelled what waits here from another session; what runs at the server is the server's business.
    virtual void cancel_hold() = 0;
    /// A person ended the session with this id on a page. It may be another one by now: clients can change who they
    /// are.
    virtual void end_by(const std::string& id, const std::string& who) = 0;
    /// The user of the session with this id is a member of these groups now, sorted.
    virtual void groups_changed(const std::string& id, const std::vector<std::string>& groups) = 0;
    /// The proxy shuts down: end as soon as nothing runs (57P01).
    virtual void drain() = 0;
    /// The proxy shuts down now.
    virtual void end() = 0;

  protected:
    Session() = default;
};

} // namespace stepgate::proxy::session
