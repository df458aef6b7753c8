#pragma once

#include <string>

namespace stepgate::challenge_web::accounts
{

/// Who is behind an address, as far as limits go: it itself for IPv4 (also as ::ffff:192.0.2.1), its /64 for IPv6, all
/// of which any single host there has for the asking (RFC 4291, 2.5.4; RFC 8981). Link-local addresses stand for
/// themselves: all of a network share one /64. What is no address is given back as it is.
[[nodiscard]] std::string host_of(const std::string& address);

} // namespace stepgate::challenge_web::accounts
