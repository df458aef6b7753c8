#pragma once

#include "policies/catalog/catalog.h"

#include <ostream>
#include <string>
#include <string_view>
#include <variant>

namespace stepgate::policies::catalog
{

/// The version of the format that `write_json` writes and `read_json` accepts. See README.md for the format.
inline constexpr int json_version = 1;

/// What is wrong with a snapshot file and where: "line 3, column 14", or "relations[2].columns[0].type".
struct JsonError {
    std::string where, message;
    bool operator==(const JsonError&) const = default;
};
[[nodiscard]] std::string to_string(const JsonError& error);

/// One line for the head and one for each object, so that two snapshots compare well with diff. Fields that have their
/// default are left out.
void write_json(std::ostream& out, const Contents& contents);

/// Reads what `write_json` wrote, whatever its white space. Unknown and missing fields and values out of range
/// are errors; oids need not lead anywhere.
[[nodiscard]] std::variant<Contents, JsonError> read_json(std::string_view text);

} // namespace stepgate::policies::catalog
