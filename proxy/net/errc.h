#pragma once

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>

#include <string>
#include <type_traits>

namespace stepgate::proxy::net
{

/// Why a network operation failed, where the system's own code does not say it.
enum class errc {
    end_of_stream = 1,      // the peer closed
    tls_failed,             // handshake or record layer
    certificate_unreadable, // certificate, key or CA file missing, malformed or not matching
    alpn_refused,           // direct TLS without the ALPN protocol we require
    bad_address,            // not an IP address or a resolvable name
};

[[nodiscard]] const boost::system::error_category& net_category();

[[nodiscard]] inline boost::system::error_code make_error_code(errc code)
{
    return {static_cast<int>(code), net_category()};
}

} // namespace stepgate::proxy::net

template <>
struct boost::system::is_error_code_enum<stepgate::proxy::net::errc> : std::true_type {
};
