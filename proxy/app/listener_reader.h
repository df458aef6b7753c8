#pragma once

#include "policies/rules/toml_reader.h"
#include "proxy/app/configuration.h"

#include <filesystem>
#include <optional>
#include <string_view>

namespace stepgate::proxy::app
{

// Pieces of the configuration file. What is wrong is reported in the table; what comes back is then of no use.

[[nodiscard]] Listener read_listener(policies::rules::TomlTable& table, const std::filesystem::path& base);

/// What is wrong with "host:port", or "".
[[nodiscard]] std::string parse_endpoint(std::string_view text, Endpoint& endpoint);

/// "127.0.0.1:6432" under `key`; reported if it is missing or wrong.
[[nodiscard]] Endpoint read_endpoint(policies::rules::TomlTable& table, std::string_view key);

/// A file that must exist, relative to `base`; empty if it is absent or wrong.
[[nodiscard]] std::filesystem::path read_file_path(policies::rules::TomlTable& table, std::string_view key,
                                                   const std::filesystem::path& base);

/// `{file = "…"}` or `{env = "…"}` under `key`; nullopt if it is absent or written into the file, which is reported.
[[nodiscard]] std::optional<Secret> read_secret(policies::rules::TomlTable& table, std::string_view key,
                                                const std::filesystem::path& base);

/// The same for certificates of authorities: there is at least one in it.
[[nodiscard]] std::filesystem::path read_ca_file(policies::rules::TomlTable& table, std::string_view key,
                                                 const std::filesystem::path& base);

/// Certificate and key, both or none, that belong together.
void read_key_pair(policies::rules::TomlTable& tls, const std::filesystem::path& base,
                   std::filesystem::path& certificate, std::filesystem::path& key);

/// Letters, digits, - and _, 64 at most: for what stands in addresses, rules, metrics and the audit.
[[nodiscard]] bool is_short_name(std::string_view name);

/// The path as written, from `base` if it is relative.
[[nodiscard]] std::filesystem::path resolve(const std::filesystem::path& base, std::string_view written);

} // namespace stepgate::proxy::app
