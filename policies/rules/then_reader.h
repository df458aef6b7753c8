#pragma once

#include "policies/rules/rule.h"
#include "policies/rules/toml_reader.h"

#include <optional>
#include <string_view>

namespace stepgate::policies::rules
{

/// `then = "deny"` or `then = {challenge = {level = 2, …}}`; also the values of [default]. nullopt: missing or wrong,
/// and then it is reported.
[[nodiscard]] std::optional<Outcome> read_outcome(TomlTable& table, std::string_view key);

} // namespace stepgate::policies::rules
