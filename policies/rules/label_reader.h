#pragma once

#include "policies/rules/toml_reader.h"
#include "policies/sensitivity/label_index.h"

#include <string>
#include <vector>

namespace stepgate::policies::rules
{

/// Adds the names of the labels that the [[label]] entries of a file give. Reports nothing: `read_label` does.
void collect_label_names(const toml::table& file, std::vector<std::string>& names);

/// One [[label]] entry. What is wrong is reported in the table; the entry that comes back is then of no use.
[[nodiscard]] sensitivity::LabelEntry read_label(TomlTable& table, const sensitivity::LabelNames& known);

} // namespace stepgate::policies::rules
