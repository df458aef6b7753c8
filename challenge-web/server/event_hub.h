#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace stepgate::challenge_web::server
{

/// One open event stream of a user. Filled by any thread, emptied by the connection.
class Subscription
{
  public:
    struct Batch {
        std::string text;                 // events ready to be written
        std::optional<std::string> ended; // why the stream is over, after `text`
    };

    Subscription(std::string user, std::string session, std::size_t backlog)
        : user_(std::move(user)), session_(std::move(session)), backlog_(backlog)
    {
    }

    [[nodiscard]] const std::string& user() const { return user_; }
    [[nodiscard]] const std::string& session() const { return session_; }

    /// Called (from any thread) when there is something new; must only post. Set once, before anything is waiting.
    void on_ready(std::function<void()> wake);
    [[nodiscard]] Batch take();
    void push(const std::string& event);
    void end(std::string reason);

  private:
    const std::string user_, session_;
    const std::size_t backlog_;
    std::mutex mutex_;
    std::function<void()> wake_;
    std::vector<std::string> waiting_;
    std::optional<std::string> ended_;
};

/// Who listens. Thread-safe. A stream that cannot keep up is ended, never waited for.
class EventHub
{
  public:
    EventHub(std::size_t streams_per_user, std::size_t backlog) : most_(streams_per_user), backlog_(backlog) {}

    /// nullptr: the user has too many streams. The stream is over when the pointer is gone.
    [[nodiscard]] std::shared_ptr<Subscription> subscribe(const std::string& user, const std::string& session);
    /// Is there room for one more stream of this user?
    [[nodiscard]] bool room_for(const std::string& user);
    /// Those with an open stream, each once.
    [[nodiscard]] std::vector<std::string> users();
    void publish(const std::string& user, const std::string& event);
    void end_session(const std::string& session);
    void end_user(const std::string& user);
    void end_all(const std::string& reason);

  private:
    [[nodiscard]] std::vector<std::shared_ptr<Subscription>> live();

    const std::size_t most_, backlog_;
    std::mutex mutex_;
    std::multimap<std::string, std::weak_ptr<Subscription>> streams_; // by user
};

/// "event: challenge\ndata: {…}\n\n"; data must have no line breaks (JSON has none).
[[nodiscard]] std::string format_event(std::string_view name, std::string_view data);

} // namespace stepgate::challenge_web::server
