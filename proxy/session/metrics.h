#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace stepgate::proxy::session
{

/// A counter that one thread writes and others read: no locked instruction on the relay path.
class Counter
{
  public:
    void add(std::uint64_t n = 1) noexcept
    {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    void subtract(std::uint64_t n = 1) noexcept
    {
        value_.store(value_.load(std::memory_order_relaxed) - n, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::uint64_t> value_{0};
};

/// Names of the numbers below, once, for the counters of a thread and for the sums of all.
/// Gauges (sessions, holds) go up and down; everything else only up. Times in seconds.
template <class Number>
struct MetricsOf {
    Number connections{};         // accepted
    Number connections_refused{}; // over a limit
    Number sessions{};            // gauge: logged in now
    Number logins_failed{};
    Number protocol_errors{};
    Number upstream_failures{}; // could not connect or log in
    Number statements_allowed{}, statements_notified{}, statements_challenged{}, statements_denied{};
    Number statements_refused_audit{}; // the journal could not take them
    Number elevated{};                 // challenges not opened because an elevation covered them
    Number holds{};                    // gauge: waiting now
    Number holds_released{}, holds_denied{}, holds_expired{}, holds_cancelled{};
    Number bytes_from_clients{}, bytes_from_servers{};
    std::array<Number, 8> hold_notice{}; // statement read to notice written, by bucket; see hold_notice_bounds
    Number hold_notice_nanoseconds{};    // sum of the same
};
using Metrics = MetricsOf<Counter>;
using MetricsSnapshot = MetricsOf<std::uint64_t>;

/// Upper bounds of the buckets in seconds; the last bucket has none.
inline constexpr std::array<double, 7> hold_notice_bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.25};

/// Adds one thread's counters to the sums.
void add(MetricsSnapshot& sum, const Metrics& one);

} // namespace stepgate::proxy::session
