#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <utility>

namespace stepgate::proxy::net
{

class Loop;

/// A function that a loop owes somebody. Destroyed without having run when the loop ends.
struct Job {
    virtual ~Job() = default;
    virtual void run() = 0;
};

/// Runs functions on a loop's thread. What Asio asks of an executor (Networking TS), so that its coroutines, `co_spawn`
/// and `post` work on our own loop; the concrete type keeps type erasure off the hot path. `post` from any thread.
class Executor
{
  public:
    Executor() = default;
    explicit Executor(Loop& loop) : loop_{&loop} {}

    [[nodiscard]] Loop& context() const noexcept { return *loop_; }
    void on_work_started() const noexcept {} // a loop runs until it is stopped, with work or without
    void on_work_finished() const noexcept {}

    template <class Function, class Allocator>
    void dispatch(Function&& function, const Allocator& allocator) const
    {
        if (!runs_here())
            return post(std::forward<Function>(function), allocator);
        std::decay_t<Function> own(std::forward<Function>(function));
        own();
    }
    template <class Function, class Allocator>
    void post(Function&& function, const Allocator&) const
    {
        add(std::make_unique<JobOf<std::decay_t<Function>>>(std::forward<Function>(function)));
    }
    template <class Function, class Allocator>
    void defer(Function&& function, const Allocator& allocator) const
    {
        post(std::forward<Function>(function), allocator);
    }

    friend bool operator==(const Executor& a, const Executor& b) noexcept { return a.loop_ == b.loop_; }
    friend bool operator!=(const Executor& a, const Executor& b) noexcept { return a.loop_ != b.loop_; }

  private:
    template <class Function>
    struct JobOf final : Job {
        explicit JobOf(Function its_function) : function{std::move(its_function)} {}
        void run() override { function(); }
        Function function;
    };
    [[nodiscard]] bool runs_here() const noexcept;
    void add(std::unique_ptr<Job> job) const;

    Loop* loop_ = nullptr;
};

/// Every coroutine of the relay runs on one loop that one thread drives: no strands, no locks.
template <class T>
using Task = boost::asio::awaitable<T, Executor>;

/// Completion token for operations of Asio's own: `auto [ec, answers] = co_await resolver.async_resolve(.., use_task);`
/// never throws.
inline constexpr boost::asio::as_tuple_t<boost::asio::use_awaitable_t<Executor>> use_task{};

} // namespace stepgate::proxy::net
