#pragma once

#include "proxy/app/configuration.h"
#include "proxy/net/tls.h"

#include <chrono>
#include <string>
#include <vector>

namespace stepgate::proxy::app
{

struct CertificateDates {
    std::string file;
    net::Validity validity;
};

/// Of all certificates that the configuration presents to others, by file.
[[nodiscard]] std::vector<CertificateDates> certificate_dates(const Configuration& configuration);

/// Those that others refuse by now, or will within two weeks, as sentences.
[[nodiscard]] std::vector<std::string> warnings_of(const std::vector<CertificateDates>& certificates,
                                                   std::chrono::system_clock::time_point now);

} // namespace stepgate::proxy::app
