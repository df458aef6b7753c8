#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

namespace stepgate::proxy::outbound
{

/// What blocks, done one after the other on a thread of its own, each not before its time. Bounded; thread-safe.
class JobQueue
{
  public:
    using Clock = std::chrono::steady_clock;
    struct Job {
        std::function<void()> work;            // may block, must not throw
        std::function<void()> give_up = [] {}; // called instead, once, if the queue stops before
    };

    explicit JobQueue(std::size_t most);
    ~JobQueue() { stop(); }
    JobQueue(const JobQueue&) = delete;
    JobQueue& operator=(const JobQueue&) = delete;

    /// False: not taken, as the queue is full or stops; neither function of the job is called.
    [[nodiscard]] bool push(Job job, Clock::time_point not_before = {});
    [[nodiscard]] std::size_t waiting() const;
    /// Ends the thread and gives up what waits. Work that is being done ends by itself: long work looks at `stopping`.
    void stop();
    [[nodiscard]] const std::atomic<bool>& stopping() const { return stopping_; }

  private:
    void run();
    [[nodiscard]] std::optional<Job> next();

    const std::size_t most_;
    std::atomic<bool> stopping_{false};
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::multimap<Clock::time_point, Job> waiting_; // of one time in the order in which they came
    std::thread thread_;                            // last: it uses the others
};

} // namespace stepgate::proxy::outbound
