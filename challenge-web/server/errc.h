#pragma once

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>

#include <string>
#include <type_traits>

namespace stepgate::challenge_web::server
{

/// Why the server does not start or does not take new certificates.
enum class errc {
    invalid_public_url = 1, // not https://host[:port]
    cannot_resolve,         // the address to listen on
    cannot_listen,          // in use, or not ours
    certificate_unreadable,
    key_unreadable,
    key_mismatch,     // the key is not the certificate's
    tls_setup,        // OpenSSL refused a setting
    plain_for_others, // no certificate, and the address is not loopback
};

[[nodiscard]] inline const boost::system::error_category& server_category()
{
    static const struct Category final : boost::system::error_category {
        const char* name() const noexcept override { return "stepgate.web"; }
        std::string message(int code) const override
        {
            switch (static_cast<errc>(code)) {
            case errc::invalid_public_url:
                return "public_url must be https://, a host and at most a port";
            case errc::cannot_resolve:
                return "the address to listen on cannot be resolved";
            case errc::cannot_listen:
                return "cannot listen on this address and port: they may be in use, or not of this machine";
            case errc::certificate_unreadable:
                return "the certificate file cannot be read as PEM";
            case errc::key_unreadable:
                return "the key file cannot be read as PEM";
            case errc::key_mismatch:
                return "the key does not belong to the certificate";
            case errc::tls_setup:
                return "TLS cannot be set up";
            case errc::plain_for_others:
                return "without TLS only on a loopback address";
            }
            return "unknown web error";
        }
    } category;
    return category;
}

[[nodiscard]] inline boost::system::error_code make_error_code(errc code)
{
    return {static_cast<int>(code), server_category()};
}

} // namespace stepgate::challenge_web::server

template <>
struct boost::system::is_error_code_enum<stepgate::challenge_web::server::errc> : std::true_type {
};
