#include "proxy/upstream/impact_estimator.h"

#include <pthread.h>

namespace stepgate::proxy::upstream
{

ImpactEstimator::ImpactEstimator(std::size_t threads, std::size_t most_waiting, Make make)
    : most_waiting_{most_waiting}, make_{std::move(make)}
{
    for (std::size_t i = 0; i < threads; ++i)
        threads_.emplace_back([this] {
            ::pthread_setname_np(::pthread_self(), "impact"); // for `top -H`
            work();
        });
}

ImpactEstimator::~ImpactEstimator()
{
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
    }
    more_.notify_all();
    threads_.clear(); // joins
}

void ImpactEstimator::ask(ImpactRequest request, OnDone on_done)
{
    {
        const std::lock_guard lock{mutex_};
        if (waiting_.size() < most_waiting_) {
            waiting_.emplace_back(std::move(request), std::move(on_done));
            more_.notify_one();
            return;
        }
    }
    ImpactEstimate none;
    none.problem = "Too many estimates are being made.";
    on_done(std::move(none));
}

void ImpactEstimator::work()
{
    for (;;) {
        std::pair<ImpactRequest, OnDone> next;
        {
            std::unique_lock lock{mutex_};
            more_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
            if (stopping_)
                return;
            next = std::move(waiting_.front());
            waiting_.pop_front();
        }
        next.second(make_(next.first));
    }
}

} // namespace stepgate::proxy::upstream
