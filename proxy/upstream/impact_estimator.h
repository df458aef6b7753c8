#pragma once

#include "proxy/upstream/impact.h"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace stepgate::proxy::upstream
{

/// Makes estimates on threads of its own, so that no hold waits for one. Thread-safe. The destructor lets those that
/// are being made finish (they have little patience) and forgets the rest.
class ImpactEstimator
{
  public:
    /// Called on a thread of the estimator.
    using OnDone = std::function<void(ImpactEstimate)>;
    using Make = std::function<ImpactEstimate(const ImpactRequest&)>;

    /// `most_waiting`: more than these are not made at all. `make`: for tests.
    explicit ImpactEstimator(std::size_t threads = 2, std::size_t most_waiting = 200, Make make = estimate_impact);
    ~ImpactEstimator();
    ImpactEstimator(const ImpactEstimator&) = delete;
    ImpactEstimator& operator=(const ImpactEstimator&) = delete;

    /// Returns at once. Over the limit `on_done` is called at once, with a problem.
    void ask(ImpactRequest request, OnDone on_done);

  private:
    void work();

    const std::size_t most_waiting_;
    const Make make_;
    std::mutex mutex_;
    std::condition_variable more_;
    std::deque<std::pair<ImpactRequest, OnDone>> waiting_;
    bool stopping_ = false;
    std::vector<std::jthread> threads_; // last: they use what is above
};

} // namespace stepgate::proxy::upstream
