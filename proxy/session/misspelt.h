#pragma once

#include "policies/statement/facts.h"

#include <string_view>

namespace stepgate::proxy::session
{

// Most texts that do not parse, or name what nobody has heard of, are slips of the pen, and nobody is to be asked for
// those: the server parses them as it would a prepared statement, which runs nothing, and its error is the answer.

/// This can be done with it: preparing it runs nothing.
[[nodiscard]] bool may_be_misspelt(const policies::statement::Facts& facts, std::string_view sql);

/// Wherever it is cut: a text that nobody can read has no semicolon but at its end.
[[nodiscard]] bool is_one_statement(std::string_view sql);

} // namespace stepgate::proxy::session
