#pragma once

#include "policies/rules/rule.h"
#include "policies/rules/sql_regexes.h"
#include "policies/rules/toml_reader.h"
#include "policies/sensitivity/labels.h"

#include <memory>
#include <string_view>

namespace stepgate::policies::rules
{

/// What rules refer to: the labels that are defined, and the set that collects their expressions on the text.
struct RuleContext {
    const sensitivity::LabelNames& labels;
    SqlRegexes& sql_regexes;
};

/// One [[rule]]. What is wrong is reported in the table; the rule that comes back is then of no use.
[[nodiscard]] Rule read_rule(TomlTable& table, RuleContext context);

/// A regular expression under `key`; null: absent, or reported as wrong.
[[nodiscard]] std::shared_ptr<const re2::RE2> read_regex(TomlTable& table, std::string_view key);

/// The labels named under `key`; unknown ones are reported.
[[nodiscard]] sensitivity::LabelSet read_labels(TomlTable& table, std::string_view key,
                                                const sensitivity::LabelNames& known);

} // namespace stepgate::policies::rules
