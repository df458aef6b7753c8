#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::policies::postgres
{

/// A name as the server keeps it: of 63 bytes at most, cut where a character ends. `name` is UTF-8.
[[nodiscard]] std::string_view cut_name(std::string_view name);

/// As it stands in a text: "a ""name""".
[[nodiscard]] std::string quoted_name(std::string_view name);

/// Names that stand in a string, as the server reads them (SplitIdentifierString): a search path, or a name with its
/// schema. They are folded where no quotes stand around them, and cut. nullopt: the server takes the string for wrong.
[[nodiscard]] std::optional<std::vector<std::string>> identifier_list(std::string_view text, char separator);

} // namespace stepgate::policies::postgres
