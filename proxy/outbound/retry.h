#pragma once

#include <chrono>
#include <optional>

namespace stepgate::proxy::outbound
{

/// When to try again: twice as long after each failure, from `first` up to `longest`, and nothing later than `give_up`
/// after the first try. Each pause is drawn between its half and its whole, so that many who failed together do not
/// come back together.
struct Retry {
    std::chrono::milliseconds first{2000}, longest{300'000};
    std::chrono::milliseconds give_up{3'600'000};

    /// The pause after the `failures`-th failure (from 1), `since_first` after the first try; nullopt: no more.
    /// `random` is from 0 to 1.
    [[nodiscard]] std::optional<std::chrono::milliseconds> pause(int failures, std::chrono::milliseconds since_first,
                                                                 double random) const;
    bool operator==(const Retry&) const = default;
};

} // namespace stepgate::proxy::outbound
