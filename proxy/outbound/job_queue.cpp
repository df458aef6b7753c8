#include "proxy/outbound/job_queue.h"

#include <utility>

namespace stepgate::proxy::outbound
{

JobQueue::JobQueue(std::size_t most) : most_(most)
{
    thread_ = std::thread([this] { run(); });
}

bool JobQueue::push(Job job, Clock::time_point not_before)
{
    {
        const std::lock_guard lock{mutex_};
        if (stopping_ || waiting_.size() >= most_)
            return false;
        waiting_.emplace(not_before, std::move(job));
    }
    changed_.notify_all();
    return true;
}

std::size_t JobQueue::waiting() const
{
    const std::lock_guard lock{mutex_};
    return waiting_.size();
}

std::optional<JobQueue::Job> JobQueue::next()
{
    std::unique_lock lock{mutex_};
    while (!stopping_) {
        if (waiting_.empty()) {
            changed_.wait(lock);
        } else if (const auto due = waiting_.begin()->first; due > Clock::now()) {
            changed_.wait_until(lock, due);
        } else {
            auto first = waiting_.extract(waiting_.begin());
            return std::move(first.mapped());
        }
    }
    return std::nullopt;
}

void JobQueue::run()
{
    while (auto job = next())
        job->work();
}

void JobQueue::stop()
{
    {
        const std::lock_guard lock{mutex_}; // the thread is not between looking and waiting
        stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable())
        thread_.join();
    for (auto left = std::exchange(waiting_, {}); const auto& [time, job] : left)
        job.give_up();
}

} // namespace stepgate::proxy::outbound
