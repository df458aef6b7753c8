#pragma once

#include "proxy/net/send_batch.h"
#include "proxy/net/task.h"

#include <boost/asio/execution_context.hpp>
#include <boost/system/error_code.hpp>

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

namespace stepgate::proxy::net
{

using SteadyTime = std::chrono::steady_clock::time_point;

enum class Io : std::uint8_t {
    done,        // `bytes` were moved, at least one
    would_block, // wait until readable or writable and try again
    closed,      // the peer ended the stream
    failed,      // reset, TLS error
};
struct IoResult {
    Io status;
    std::size_t bytes = 0;
};

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

        [[nodiscard]] std::uint64_t packed() const { return static_cast<std::uint64_t>(tenant) << 32 | index; }
        [[nodiscard]] static Key unpacked(std::uint64_t key)
        {
            return {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)};
        }
    };
    [[nodiscard]] Key add(int descriptor, boost::system::error_code& failed);
    /// Before the descriptor is closed. Its waits end with operation_aborted.
    void remove(Key key);
    /// Ends the waits of a descriptor.
    void cancel(Key key);

    [[nodiscard]] IoResult read(Key key, std::span<std::byte> into);
    /// What is small leaves at the end of the round, with that of others; the rest is kept here if its socket does not
    /// take all, and until it does further writes would block.
    [[nodiscard]] IoResult write(Key key, std::span<const std::byte> from);
    /// What was written leaves now. would_block: the socket has not taken all of it yet.
    Io flush(Key key);

    /// A read took all that was there, as `read` itself finds out: only a new event makes it worth another try.
    void drained(Key key);
    /// What the waiter is about to do: `read`, or something that needs the bytes in the socket.
    enum class For : std::uint8_t { reading, looking };
    /// One waiter for each direction. `readable` ends in the next round unless `drained` was the last that happened.
    [[nodiscard]] Task<Waited> readable(Key key, For what);
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
        std::vector<std::byte> unsent;    // counts as written
        std::span<const std::byte> ahead; // read for whoever is woken next, in `read_ahead_` or in `unread`
        std::vector<std::byte> unread;
        bool more = false;    // behind those
        bool reading = false; // what the reader waits for
        bool large = false;   // the last read was one
        bool used = false;
        std::uint64_t batch = 0; // that has its last small write
        bool lost = false;       // what counts as written was not taken, and never will be
        bool readable = false;   // a read may find something
        bool ended = false;      // the peer has closed, or the connection broke: reads will never block again
    };
    struct Alarm {
        Waiter waiter;
        class Timer* timer = nullptr;
    };
    using Alarms = std::multimap<SteadyTime, Alarm>;

    void run_here();
    [[nodiscard]] Place* find(Key key);
    void on_event(const epoll_event& event);
    void watch(std::uint32_t index, bool writes); // for reads, and for writes too
    static void finish(Waiter& waiter, Waited how);
    void finish_later(Waiter& waiter, Waited how); // from `run`
    void set_clock();                              // for the next alarm
    void ring();                                   // alarms that are due
    void serve(std::span<const epoll_event> events);
    void read_ahead(std::span<const epoll_event> events);
    void keep_unread(Key key);
    void serve_ready();
    void send_batch();
    [[nodiscard]] bool send_unsent(Place& place);
    [[nodiscard]] IoResult take_ahead(Key key, Place& place, std::span<std::byte> into);
    void run_jobs();
    bool drop_everything();

    int epoll_ = -1, wake_ = -1, clock_ = -1;
    std::vector<std::unique_ptr<Place>> places_; // by index; a place never moves
    std::vector<Key> ready_, serving_;           // somebody waits where a read may find something already
    std::vector<std::uint32_t> free_;
    static constexpr std::size_t at_a_time = 16, small_read = 2048;
    std::array<std::byte, at_a_time * small_read> read_ahead_{};
    SendBatch batch_;
    std::uint64_t batch_number_ = 1;
    Alarms alarms_;
    SteadyTime now_{};      // at the end of the last round
    SteadyTime clock_at_{}; // what it is set for; in the past: nothing
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
