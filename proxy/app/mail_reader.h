#pragma once

#include "policies/rules/toml_reader.h"
#include "proxy/app/configuration.h"

#include <filesystem>
#include <optional>

namespace stepgate::proxy::app
{

/// `[mail]`, if it is there; what is wrong is reported in the table.
[[nodiscard]] std::optional<MailSettings> read_mail(policies::rules::TomlTable& top, const std::filesystem::path& base);

/// The server as the sender takes it; nullopt: its password cannot be read.
[[nodiscard]] std::optional<outbound::MailServer> mail_server(const MailSettings& mail);

} // namespace stepgate::proxy::app
