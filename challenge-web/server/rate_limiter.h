#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace stepgate::challenge_web::server
{

/// How often: `burst` at once, then one more every `refill`.
struct Rate {
    double burst = 10;
    std::chrono::milliseconds refill{6000};
};

/// Token buckets by key ("sign_in address 10.0.0.1", "totp user alice"). Thread-safe. Bounded: when too many keys are
/// known, full buckets are forgotten; when none is full, new keys are refused (an attacker with many addresses must not
/// get free tries).
class RateLimiter
{
  public:
    using TimePoint = std::chrono::steady_clock::time_point;

    explicit RateLimiter(std::size_t most_keys = 100'000) : most_keys_(most_keys) {}

    /// Takes one token; or says in how many whole seconds (at least 1) there is one.
    [[nodiscard]] std::optional<std::chrono::seconds> take(const std::string& key, Rate rate, TimePoint now);

  private:
    struct Bucket {
        double tokens = 0;
        TimePoint filled{};
        Rate rate;
    };
    void forget_full(TimePoint now);

    std::mutex mutex_;
    std::size_t most_keys_;
    std::unordered_map<std::string, Bucket> buckets_;
    TimePoint swept_{};
};

} // namespace stepgate::challenge_web::server
