#pragma once

#include "policies/rules/toml_reader.h"
#include "proxy/app/configuration.h"

#include <filesystem>
#include <optional>

namespace stepgate::proxy::app
{

/// `[mail]`, if it is there; what is wrong is reported in the table.
[[nodiscard]] std::optional<MailSettings> read_mail(policies::rules::TomlTable& top, const std::filesystem::path& base);

} // namespace stepgate::proxy::app
