#include "proxy/app/clock_watch.h"

#include "proxy/audit/search.h"

#include <utility>

namespace stepgate::proxy::app
{
namespace
{

constexpr std::chrono::seconds unnoticed{5}; // what slews and slow rounds make

} // namespace

std::string ClockWatch::look(Wall wall, Steady steady)
{
    const auto before = std::exchange(last_, Seen{wall, steady});
    if (!before)
        return {};
    const auto expected = before->wall + std::chrono::duration_cast<Wall::duration>(steady - before->steady);
    const bool ahead = wall > expected;
    const auto by = std::chrono::duration_cast<std::chrono::seconds>(ahead ? wall - expected : expected - wall);
    if (by < unnoticed)
        return {};
    return "the system's clock was set " + std::string{ahead ? "ahead" : "back"} + " by " + std::to_string(by.count()) +
           " s, from " + audit::rfc3339(expected) + " to " + audit::rfc3339(wall) +
           ": codes of authenticator apps, sign-ins, links and the times in the audit go by it";
}

} // namespace stepgate::proxy::app
