#include "proxy/app/taken_addresses.h"

#include <algorithm>

namespace stepgate::proxy::app
{
namespace
{

using policies::rules::Address;

/// Whether who listens at `address` is asked for `other`, too: 0.0.0.0 is every address of IPv4, [::] every one.
bool covers(const Address& address, const Address& other)
{
    static const Address every_v4 = *policies::rules::parse_address("0.0.0.0");
    constexpr std::ptrdiff_t mapping = 12; // ::ffff:
    return address == other || address == Address{} ||
           (address == every_v4 && std::equal(other.begin(), other.begin() + mapping, every_v4.begin()));
}

} // namespace

bool TakenAddresses::collide(const Taken& one, const Taken& other)
{
    if (one.port != other.port)
        return false;
    if (one.address == other.address)
        return one.zone == other.zone;
    // Listeners share their ports (SO_REUSEPORT): there the kernel chooses whose address is the more exact one.
    const bool listeners = one.who == listener && other.who == listener;
    return !listeners && (covers(one.address, other.address) || covers(other.address, one.address));
}

void TakenAddresses::take(policies::rules::TomlTable& table, const Endpoint& endpoint, std::string_view who)
{
    const auto address = policies::rules::parse_address(endpoint.host);
    if (!address || endpoint.port == 0)
        return;
    const auto zone = endpoint.host.find('%');
    const Taken taken{*address, zone == std::string::npos ? "" : endpoint.host.substr(zone), endpoint.port, who,
                      table.place("listen")};
    const auto first = std::ranges::find_if(taken_, [&](const Taken& other) { return collide(other, taken); });
    if (first == taken_.end())
        taken_.push_back(taken);
    else
        table.error(taken.place, std::string{first->who} + " has this address",
                    "the first one is at " + std::to_string(first->place.line) + ':' +
                        std::to_string(first->place.column) + " of " + table.file() + "; give each a port of its own");
}

} // namespace stepgate::proxy::app
