#pragma once

#include "proxy/app/configuration.h"
#include "proxy/session/options.h"

#include <string>
#include <variant>
#include <vector>

namespace stepgate::proxy::app
{

/// The configuration in the relay's own words. Secrets are read here; the string says which one cannot be.
[[nodiscard]] std::variant<std::vector<session::ListenerOptions>, std::string>
relay_listeners(const Configuration& configuration);
[[nodiscard]] session::ProxyOptions relay_options(const Configuration& configuration);

} // namespace stepgate::proxy::app
