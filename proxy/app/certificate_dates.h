#pragma once

#include "proxy/app/configuration.h"

#include <chrono>
#include <string>
#include <vector>

namespace stepgate::proxy::app
{

/// Certificates of the configuration that others refuse by now, or will within two weeks, as sentences.
[[nodiscard]] std::vector<std::string> certificate_dates(const Configuration& configuration,
                                                         std::chrono::system_clock::time_point now);

} // namespace stepgate::proxy::app
