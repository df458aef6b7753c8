#pragma once

#include "proxy/net/task.h"

#include <boost/asio/execution_context.hpp>
#include <boost/system/error_code.hpp>

#include <sys/epoll.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace stepgate::proxy::net
{

using SteadyTime = std::chrono::steady_clock::time_point;

/// How a wait ended: no error, or operation_aborted. A type of its own, because Asio's coroutines would throw a plain
/// error_code.
struct Waited : boost::system::error_code {
    Waited() = default;
    explicit Waited(const boost::system::error_code& code) : boost::system::error_code{code} {}
};

/// The event loop of one relay thread. Descriptors are registered once, edge-triggered: where Asio's reactor makes a
/// system call to arm every wait (and two a statement are a tenth of the relay's cost), this one makes none. Everything
/// else stays Asio's: it is an execution context for its coroutines, and its resolver completes here.
///
/// All methods but `post` through the executor and `stop` are for the thread that runs it.
class Loop : public boost::asio::execution_context
{
  public:
    using executor_type = Executor;

    Loop();
    ~Loop(); // ends all waits: coroutines that are suspended here are destroyed
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    [[nodiscard]] Executor get_executor() noexcept { return Executor{*this}; }
    /// Until `stop`; may be run again.
    void run();
    void stop(); // any thread
    [[nodiscard]] bool runs_here() const noexcept;
    void post(std::unique_ptr<Job> job); // any thread

    /// A registered descriptor: a place in the loop, and which of its tenants.
    struct Key {
        std::uint32_t index = 0, tenant = 0;
    };
    [[nodiscard]] Key add(int descriptor, boost::system::error_code& failed);
    /// Before the descriptor is closed. Its waits end with operation_aborted.
    void remove(Key key);
    /// Ends the waits of a descriptor.
    void cancel(Key key);

    /// A read took all that was there: only a new event makes it worth another try.
    void drained(Key key);
    /// One waiter for each direction. `readable` ends in the next round unless `drained` was the last that happened.
    [[nodiscard]] Task<Waited> readable(Key key);
    [[nodiscard]] Task<Waited> writable(Key key);
    /// As `readable`, for a function, which may wait beside a coroutine. Replaces the one before.
    void when_readable(Key key, std::function<void(const boost::system::error_code&)> tell);

  private:
    friend class Timer;
    using Handler = boost::asio::async_result<boost::asio::use_awaitable_t<Executor>, void(Waited)>::handler_type;
    using Waiter = std::optional<Handler>;
    using Tell = std::function<void(const boost::system::error_code&)>;

    struct Place {
        Waiter reader, writer;
        Tell tell;
        int descriptor = -1;
        std::uint32_t tenant = 0;
        bool used = false;
        bool readable = false; // a read may find something
        bool ended = false;    // the peer has closed, or the connection broke: reads will never block again
    };
    struct Alarm {
        Waiter waiter;
        class Timer* timer = nullptr;
    };
    using Alarms = std::multimap<SteadyTime, Alarm>;

    void run_here();
    [[nodiscard]] Place* find(Key key);
    void on_event(const epoll_event& event);
    void watch(std::uint32_t index, std::uint32_t events);
    static void finish(Waiter& waiter, Waited how);
    void finish_later(Waiter& waiter, Waited how); // from `run`
    [[nodiscard]] int patience() const;            // until the next alarm, in ms; -1: for ever
    void ring();                                   // alarms that are due
    void serve_ready();
    void run_jobs();
    bool drop_everything();

    int epoll_ = -1, wake_ = -1;
    std::vector<std::unique_ptr<Place>> places_; // by index; a place never moves
    std::vector<Key> ready_, serving_;           // somebody waits where a read may find something already
    std::vector<std::uint32_t> free_;
    Alarms alarms_;
    SteadyTime now_{}; // at the end of the last round
    std::vector<std::unique_ptr<Job>> jobs_, running_;
    std::atomic<bool> stopped_{false};

    std::mutex mutex_;
    std::vector<std::unique_ptr<Job>> foreign_; // from other threads
};

/// Wakes the one coroutine that waits on it, at a time or when cancelled. Used on its loop's thread; dies before it.
class Timer
{
  public:
    explicit Timer(Executor executor) : loop_{&executor.context()} {}
    ~Timer() { cancel(); }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    /// operation_aborted: cancelled before.
    [[nodiscard]] Task<Waited> wait_until(SteadyTime time);
    [[nodiscard]] Task<Waited> wait_for(std::chrono::milliseconds time)
    {
        return wait_until(std::chrono::steady_clock::now() + time);
    }
    void cancel();

  private:
    friend class Loop;
    Loop* loop_;
    Loop::Alarms::iterator at_;
    bool waiting_ = false;
};

} // namespace stepgate::proxy::net
