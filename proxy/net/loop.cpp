#include "proxy/net/loop.h"

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace stepgate::proxy::net
{

namespace asio = boost::asio;
using boost::system::error_code;

namespace
{

constexpr std::uint32_t read_events = EPOLLIN | EPOLLRDHUP | EPOLLET;
constexpr std::uint64_t wake_key = ~std::uint64_t{0};
constexpr std::uint64_t clock_key = wake_key - 1;

// Which loop this thread runs.
thread_local const Loop* here = nullptr;

Waited aborted()
{
    return Waited{asio::error::make_error_code(asio::error::operation_aborted)};
}

Task<Waited> at_once(Waited how)
{
    co_return how;
}

} // namespace

bool Executor::runs_here() const noexcept
{
    return loop_->runs_here();
}

void Executor::add(std::unique_ptr<Job> job) const
{
    loop_->post(std::move(job));
}

Loop::Loop()
    : epoll_{::epoll_create1(EPOLL_CLOEXEC)}, wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)},
      clock_{::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)}
{
    epoll_event wake{EPOLLIN, {.u64 = wake_key}};
    epoll_event rings{EPOLLIN | EPOLLET, {.u64 = clock_key}};
    if (epoll_ < 0 || wake_ < 0 || clock_ < 0 || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &wake) != 0 ||
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, clock_, &rings) != 0)
        throw std::system_error{errno, std::system_category(), "no event loop"};
}

Loop::~Loop()
{
    shutdown(); // Asio's resolver: its thread posts here no more
    // What is dropped may hold coroutines, whose end may cancel other waits and post their remains.
    while (drop_everything())
        ;
    ::close(clock_);
    ::close(wake_);
    ::close(epoll_);
}

bool Loop::drop_everything()
{
    std::vector<Waiter> waiters;
    std::vector<Tell> tells;
    for (const auto& place : places_) {
        for (Waiter* waiter : {&place->reader, &place->writer})
            if (*waiter)
                waiters.push_back(std::exchange(*waiter, std::nullopt));
        if (place->tell)
            tells.push_back(std::exchange(place->tell, nullptr));
    }
    for (auto& [time, alarm] : alarms_) {
        alarm.timer->waiting_ = false;
        waiters.push_back(std::exchange(alarm.waiter, std::nullopt));
    }
    alarms_.clear();
    std::vector<std::unique_ptr<Job>> jobs = std::exchange(jobs_, {});
    {
        const std::lock_guard lock{mutex_};
        std::move(foreign_.begin(), foreign_.end(), std::back_inserter(jobs));
        foreign_.clear();
    }
    return !waiters.empty() || !tells.empty() || !jobs.empty();
}

/// Inside an io_context, which has nothing else to do: there Asio recycles the memory of coroutine frames.
void Loop::run()
{
    asio::io_context recycler{1};
    asio::post(recycler, [this] { run_here(); });
    recycler.run();
}

void Loop::run_here()
{
    const Loop* before = std::exchange(here, this);
    std::array<epoll_event, 256> events{};
    now_ = std::chrono::steady_clock::now();
    while (!stopped_.load(std::memory_order_relaxed)) {
        set_clock();
        const int patience = jobs_.empty() && ready_.empty() ? -1 : 0;
        const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), patience);
        serve(std::span{events}.first(static_cast<std::size_t>(std::max(count, 0))));
        serve_ready();
        run_jobs();
        ring();
        send_batch();
    }
    stopped_ = false;
    here = before;
}

/// Some at a time: what was read of all first is handled in one go, with its code in the processor's caches, from where
/// every system call drives it out.
void Loop::serve(std::span<const epoll_event> events)
{
    while (!events.empty()) {
        const auto some = events.first(std::min(events.size(), at_a_time));
        if (some.size() > 1)
            read_ahead(some);
        for (const epoll_event& event : some) {
            on_event(event);
            keep_unread(Key::unpacked(event.data.u64));
        }
        events = events.subspan(some.size());
    }
}

void Loop::stop()
{
    stopped_ = true;
    const std::uint64_t one = 1;
    (void)!::write(wake_, &one, sizeof one);
}

bool Loop::runs_here() const noexcept
{
    return here == this;
}

void Loop::post(std::unique_ptr<Job> job)
{
    if (runs_here()) {
        jobs_.push_back(std::move(job));
        return;
    }
    {
        const std::lock_guard lock{mutex_};
        foreign_.push_back(std::move(job));
        if (foreign_.size() > 1)
            return; // the first has woken the loop
    }
    const std::uint64_t one = 1;
    (void)!::write(wake_, &one, sizeof one);
}

/// Those that come meanwhile are for the next round.
void Loop::run_jobs()
{
    running_.swap(jobs_);
    for (auto& job : running_) {
        job->run();
        job.reset();
    }
    running_.clear();
}

void Loop::serve_ready()
{
    serving_.swap(ready_);
    for (const Key key : serving_) {
        Place* place = find(key);
        if (place != nullptr && place->readable && place->reader)
            finish(place->reader, Waited{});
    }
    serving_.clear();
}

/// A clock that stays set from round to round: a timeout of epoll_wait would be started and stopped in each. It may
/// ring too early, for an alarm that is off, and is set anew then.
void Loop::set_clock()
{
    if (alarms_.empty())
        return;
    const SteadyTime first = alarms_.begin()->first;
    if (now_ < clock_at_ && clock_at_ <= first)
        return;
    clock_at_ = first;
    const auto since_epoch = std::max(first.time_since_epoch(), SteadyTime::duration{1}); // 0 would stop it
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
    const itimerspec at{{}, {seconds.count(), std::chrono::nanoseconds{since_epoch - seconds}.count()}};
    ::timerfd_settime(clock_, TFD_TIMER_ABSTIME, &at, nullptr);
}

void Loop::ring()
{
    now_ = std::chrono::steady_clock::now();
    while (!alarms_.empty() && alarms_.begin()->first <= now_) {
        auto due = alarms_.extract(alarms_.begin());
        due.mapped().timer->waiting_ = false;
        finish(due.mapped().waiter, Waited{});
    }
}

Loop::Place* Loop::find(Key key)
{
    Place* place = key.index < places_.size() ? places_[key.index].get() : nullptr;
    return place != nullptr && place->used && place->tenant == key.tenant ? place : nullptr;
}

Loop::Key Loop::add(int descriptor, error_code& failed)
{
    if (free_.empty()) {
        free_.push_back(static_cast<std::uint32_t>(places_.size()));
        places_.push_back(std::make_unique<Place>());
    }
    const std::uint32_t index = free_.back();
    Place& place = *places_[index];
    const Key key{index, place.tenant};
    epoll_event event{read_events, {.u64 = key.packed()}};
    failed = {};
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) {
        failed = {errno, boost::system::system_category()};
        return key;
    }
    free_.pop_back();
    place.descriptor = descriptor;
    place.used = true;
    place.readable = place.ended = place.lost = false; // where something is there already, epoll says so first
    return key;
}

void Loop::remove(Key key)
{
    Place* place = find(key);
    if (place == nullptr)
        return;
    flush(key);
    cancel(key);
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, place->descriptor, nullptr);
    place->used = false;
    place->unsent = {};
    place->unread = {};
    place->ahead = {};
    place->large = false;
    ++place->tenant; // an event that was fetched already finds nobody
    free_.push_back(key.index);
}

void Loop::cancel(Key key)
{
    Place* place = find(key);
    if (place == nullptr)
        return;
    finish_later(place->reader, aborted());
    finish_later(place->writer, aborted());
    if (place->tell)
        asio::post(get_executor(), [tell = std::exchange(place->tell, nullptr)] { tell(aborted()); });
}

void Loop::drained(Key key)
{
    if (Place* place = find(key))
        place->readable = place->ended;
}

Task<Waited> Loop::readable(Key key, For what)
{
    Place* place = find(key);
    if (place == nullptr)
        return at_once(aborted());
    return asio::async_initiate<const asio::use_awaitable_t<Executor>, void(Waited)>(
        [this, place, key, what](Handler handler) {
            place->reader.emplace(std::move(handler));
            place->reading = what == For::reading;
            if (place->readable)
                ready_.push_back(key); // in the next round: others get their turn
        },
        asio::use_awaitable_t<Executor>{});
}

Task<Waited> Loop::writable(Key key)
{
    Place* place = find(key);
    if (place == nullptr)
        return at_once(aborted());
    // Asked for when needed only: with it an acknowledgement may be an event.
    watch(key.index, true);
    return asio::async_initiate<const asio::use_awaitable_t<Executor>, void(Waited)>(
        [place](Handler handler) { place->writer.emplace(std::move(handler)); }, asio::use_awaitable_t<Executor>{});
}

void Loop::when_readable(Key key, Tell tell)
{
    Place* place = find(key);
    if (place != nullptr && !place->readable) {
        place->tell = std::move(tell);
        return;
    }
    const Waited how = place != nullptr ? Waited{} : aborted();
    asio::post(get_executor(), [tell = std::move(tell), how] { tell(how); });
}

void Loop::on_event(const epoll_event& event)
{
    if (event.data.u64 == clock_key)
        return; // `ring` looks at the time in every round
    if (event.data.u64 == wake_key) {
        std::uint64_t count = 0;
        (void)!::read(wake_, &count, sizeof count);
        const std::lock_guard lock{mutex_};
        std::move(foreign_.begin(), foreign_.end(), std::back_inserter(jobs_));
        foreign_.clear();
        return;
    }
    const Key key = Key::unpacked(event.data.u64);
    Place* place = find(key);
    if (place == nullptr)
        return;
    const bool broken = (event.events & (EPOLLHUP | EPOLLERR)) != 0;
    place->ended = place->ended || broken || (event.events & EPOLLRDHUP) != 0;
    if (place->ended || (event.events & EPOLLIN) != 0) {
        place->readable = true;
        place->more = place->more || !place->unread.empty(); // since those were read
        if (place->tell)
            asio::post(get_executor(), [tell = std::exchange(place->tell, nullptr)] { tell({}); });
    }
    const bool wanted = place->writer || !place->unsent.empty();
    if (wanted && (broken || (event.events & EPOLLOUT) != 0) && send_unsent(*place)) {
        watch(key.index, false);
        finish_later(place->writer, Waited{});
    }
    if (place->readable && place->reader)
        finish(place->reader, Waited{}); // may remove the place
}

void Loop::watch(std::uint32_t index, bool writes)
{
    const Place& place = *places_[index];
    epoll_event event{read_events | (writes ? std::uint32_t{EPOLLOUT} : 0), {.u64 = Key{index, place.tenant}.packed()}};
    ::epoll_ctl(epoll_, EPOLL_CTL_MOD, place.descriptor, &event);
}

void Loop::finish(Waiter& waiter, Waited how)
{
    Handler handler{std::move(*waiter)};
    waiter.reset();
    handler(how);
}

void Loop::finish_later(Waiter& waiter, Waited how)
{
    if (!waiter)
        return;
    asio::post(get_executor(), [handler = std::move(*waiter), how]() mutable { handler(how); });
    waiter.reset();
}

Task<Waited> Timer::wait_until(SteadyTime time)
{
    return asio::async_initiate<const asio::use_awaitable_t<Executor>, void(Waited)>(
        [this, time](Loop::Handler handler) {
            at_ = loop_->alarms_.emplace(time, Loop::Alarm{std::move(handler), this});
            waiting_ = true;
        },
        asio::use_awaitable_t<Executor>{});
}

void Timer::cancel()
{
    if (!std::exchange(waiting_, false))
        return;
    loop_->finish_later(at_->second.waiter, aborted());
    loop_->alarms_.erase(at_);
}

} // namespace stepgate::proxy::net
