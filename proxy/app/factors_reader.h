#pragma once

#include "policies/rules/toml_reader.h"
#include "proxy/app/configuration.h"

#include <filesystem>

namespace stepgate::proxy::app
{

/// `[factors.passkey]` and `[factors.push]`; what is wrong is reported in the tables.
void read_factors(policies::rules::TomlTable& top, const std::filesystem::path& base, Configuration& configuration);

} // namespace stepgate::proxy::app
