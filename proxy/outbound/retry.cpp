#include "proxy/outbound/retry.h"

#include <algorithm>
#include <cstdint>

namespace stepgate::proxy::outbound
{

std::optional<std::chrono::milliseconds> Retry::pause(int failures, std::chrono::milliseconds since_first,
                                                      double random) const
{
    constexpr int most_doublings = 30; // beyond, every pause is the longest, and the product stays small
    const auto doubled = first * (std::int64_t{1} << std::clamp(failures - 1, 0, most_doublings));
    const auto whole = std::min(doubled, longest);
    const auto half = whole / 2;
    const auto drawn = static_cast<std::int64_t>(std::clamp(random, 0.0, 1.0) * static_cast<double>(half.count()));
    const auto pause = half + std::chrono::milliseconds{drawn};
    if (since_first + pause > give_up)
        return std::nullopt;
    return pause;
}

} // namespace stepgate::proxy::outbound
