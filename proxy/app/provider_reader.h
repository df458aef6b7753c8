#pragma once

#include "policies/rules/toml_reader.h"
#include "proxy/app/configuration.h"

#include <filesystem>
#include <vector>

namespace stepgate::proxy::app
{

/// `[[identity_provider]]`; what is wrong is reported in the tables.
[[nodiscard]] std::vector<ProviderConfiguration> read_providers(policies::rules::TomlTable& top,
                                                                const std::filesystem::path& base);

} // namespace stepgate::proxy::app
