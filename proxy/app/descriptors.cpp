#include "proxy/app/descriptors.h"

#include "challenge-web/server/settings.h"
#include "proxy/app/log.h"

#include <sys/resource.h>

#include <algorithm>

namespace stepgate::proxy::app
{
namespace
{

// Files, databases, readers of catalogs, messages to outside, connections that are told that there is no room.
constexpr std::size_t fixed = 192;
constexpr std::size_t of_a_loop = 4; // and one for each listener
constexpr std::size_t fewest = 64;   // for connections
constexpr std::size_t part_of_pages = 8;

constexpr const char* where = "(LimitNOFILE= of the systemd unit, `ulimit -Hn` in a shell)";

} // namespace

std::optional<DescriptorShare> share_descriptors(std::size_t limit, std::size_t own, const DescriptorShare& wanted)
{
    if (limit < own + fewest)
        return std::nullopt;
    const std::size_t left = limit - own;
    if (2 * wanted.sessions + wanted.pages <= left)
        return wanted;
    // Few sessions leave the pages more than their part.
    const std::size_t for_sessions = std::min(2 * wanted.sessions, left - left / part_of_pages);
    const std::size_t pages = std::min(wanted.pages, left - for_sessions);
    return DescriptorShare{std::min(wanted.sessions, (left - pages) / 2), pages};
}

std::optional<DescriptorShare> take_descriptors(std::size_t connections, std::size_t loops, std::size_t listeners,
                                                std::string& why)
{
    const DescriptorShare wanted{connections, challenge_web::server::TransportLimits{}.connections};
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return wanted;
    // Shells and service managers give a process 1024 and let it take more.
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
        ::getrlimit(RLIMIT_NOFILE, &limit); // a sandbox may forbid it
    const std::size_t own = fixed + loops * (of_a_loop + listeners);
    const auto share = share_descriptors(limit.rlim_cur, own, wanted);
    if (!share) {
        why = "the limit of " + std::to_string(limit.rlim_cur) + " file descriptors is too low, " +
              std::to_string(own + fewest) + " are the fewest: raise it " + where;
        return std::nullopt;
    }
    if (*share != wanted)
        log_warning(std::to_string(wanted.sessions) + " connections (limits.connections) and the pages need " +
                    std::to_string(own + 2 * wanted.sessions + wanted.pages) + " file descriptors, and the limit is " +
                    std::to_string(limit.rlim_cur) + ": no more than " + std::to_string(share->sessions) +
                    " are let in, and " + std::to_string(share->pages) + " to the pages. Raise it " + where +
                    ", or lower limits.connections");
    return share;
}

} // namespace stepgate::proxy::app
