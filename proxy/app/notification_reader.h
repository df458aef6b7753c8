#pragma once

#include "policies/rules/toml_reader.h"
#include "proxy/app/configuration.h"

#include <filesystem>
#include <string>
#include <variant>
#include <vector>

namespace stepgate::proxy::app
{

/// `[[notifications]]`; what is wrong is reported in the tables. `mail`: there is a [mail].
[[nodiscard]] std::vector<NotificationSettings> read_notifications(policies::rules::TomlTable& top,
                                                                   const std::filesystem::path& base, bool mail);

/// The same with their secrets, or what is wrong with these.
[[nodiscard]] std::variant<std::vector<notify::TargetSettings>, std::string>
notification_targets(const Configuration& configuration);

} // namespace stepgate::proxy::app
