#include "challenge-web/server/event_hub.h"

namespace stepgate::challenge_web::server
{

void Subscription::on_ready(std::function<void()> wake)
{
    const std::lock_guard lock(mutex_);
    wake_ = std::move(wake);
}

Subscription::Batch Subscription::take()
{
    const std::lock_guard lock(mutex_);
    Batch batch;
    for (const auto& event : waiting_)
        batch.text += event;
    waiting_.clear();
    batch.ended = ended_;
    return batch;
}

void Subscription::push(const std::string& event)
{
    const std::lock_guard lock(mutex_);
    if (ended_)
        return;
    if (waiting_.size() >= backlog_)
        ended_ = "too_slow";
    else
        waiting_.push_back(event);
    if (wake_)
        wake_();
}

void Subscription::end(std::string reason)
{
    const std::lock_guard lock(mutex_);
    if (ended_)
        return;
    ended_ = std::move(reason);
    if (wake_)
        wake_();
}

std::shared_ptr<Subscription> EventHub::subscribe(const std::string& user, const std::string& session)
{
    if (!room_for(user))
        return nullptr;
    auto subscription = std::make_shared<Subscription>(user, session, backlog_);
    const std::lock_guard lock(mutex_);
    streams_.emplace(user, subscription);
    return subscription;
}

bool EventHub::room_for(const std::string& user)
{
    const std::lock_guard lock(mutex_);
    std::size_t open = 0;
    auto [stream, end] = streams_.equal_range(user);
    while (stream != end) {
        if (stream->second.expired()) {
            stream = streams_.erase(stream);
            continue;
        }
        ++open;
        ++stream;
    }
    return open < most_;
}

std::vector<std::string> EventHub::users()
{
    const std::lock_guard lock(mutex_);
    std::vector<std::string> found;
    for (const auto& entry : streams_) // sorted by user
        if (found.empty() || found.back() != entry.first)
            found.push_back(entry.first);
    return found;
}

void EventHub::publish(const std::string& user, const std::string& event)
{
    std::vector<std::shared_ptr<Subscription>> listeners;
    {
        const std::lock_guard lock(mutex_);
        const auto [first, last] = streams_.equal_range(user);
        for (auto stream = first; stream != last; ++stream)
            if (auto listener = stream->second.lock())
                listeners.push_back(std::move(listener));
    }
    for (const auto& listener : listeners)
        listener->push(event);
}

std::vector<std::shared_ptr<Subscription>> EventHub::live()
{
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<Subscription>> found;
    for (const auto& entry : streams_)
        if (auto listener = entry.second.lock())
            found.push_back(std::move(listener));
    return found;
}

void EventHub::end_session(const std::string& session)
{
    for (const auto& listener : live())
        if (listener->session() == session)
            listener->end("session_ended");
}

void EventHub::end_user(const std::string& user)
{
    for (const auto& listener : live())
        if (listener->user() == user)
            listener->end("session_ended");
}

void EventHub::end_all(const std::string& reason)
{
    for (const auto& listener : live())
        listener->end(reason);
}

std::string format_event(std::string_view name, std::string_view data)
{
    std::string text = "event: ";
    text.append(name).append("\ndata: ").append(data).append("\n\n");
    return text;
}

} // namespace stepgate::challenge_web::server
