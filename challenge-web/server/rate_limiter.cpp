#include "challenge-web/server/rate_limiter.h"

#include <algorithm>
#include <cmath>

namespace stepgate::challenge_web::server
{

namespace
{

double refilled(double tokens, Rate rate, std::chrono::steady_clock::duration passed)
{
    const auto period = std::chrono::duration<double>(rate.refill).count();
    const auto seconds = std::max(0.0, std::chrono::duration<double>(passed).count());
    return std::min(rate.burst, tokens + seconds / period);
}

} // namespace

std::optional<std::chrono::seconds> RateLimiter::take(const std::string& key, Rate rate, TimePoint now)
{
    const std::lock_guard lock(mutex_);
    auto found = buckets_.find(key);
    if (found == buckets_.end()) {
        if (buckets_.size() >= most_keys_)
            forget_full(now);
        if (buckets_.size() >= most_keys_)
            return std::chrono::seconds{60};
        found = buckets_.emplace(key, Bucket{rate.burst, now, rate}).first;
    }
    auto& bucket = found->second;
    bucket.tokens = refilled(bucket.tokens, rate, now - bucket.filled);
    bucket.filled = now;
    if (bucket.tokens >= 1.0) {
        bucket.tokens -= 1.0;
        return std::nullopt;
    }
    const auto wait = (1.0 - bucket.tokens) * std::chrono::duration<double>(rate.refill).count();
    return std::chrono::seconds{std::max<long>(1, static_cast<long>(std::ceil(wait)))};
}

void RateLimiter::forget_full(TimePoint now)
{
    if (now - swept_ < std::chrono::seconds{1} && swept_ != TimePoint{})
        return; // a sweep reads every bucket: not for each request of a flood
    swept_ = now;
    std::erase_if(buckets_, [&](const auto& entry) {
        const Bucket& bucket = entry.second;
        return refilled(bucket.tokens, bucket.rate, now - bucket.filled) >= bucket.rate.burst;
    });
}

} // namespace stepgate::challenge_web::server
