#pragma once

#include "proxy/app/configuration.h"

#include <string>
#include <vector>

namespace stepgate::proxy::app
{

/// Secrets that any user of the machine may read or write, as sentences that say what to do: private keys, passwords,
/// the keys of store and audit, the store. A group may read them (0640), and what stands in a folder that
/// others cannot enter is nobody's.
[[nodiscard]] std::vector<std::string> warnings_of_loose_files(const Configuration& configuration);

} // namespace stepgate::proxy::app
