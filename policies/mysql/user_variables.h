#pragma once

#include "policies/mysql/lexer.h"

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::policies::mysql
{

/// Names of the user variables (@name) that a text reads or sets, as often and in the order that it names them.
[[nodiscard]] std::vector<std::string> user_variables(std::string_view sql, const Reading& reading);
/// Names of the system variables (@@name, @@session.name) that a text reads as the session has them.
[[nodiscard]] std::set<std::string> session_variables(std::string_view sql, const Reading& reading);

} // namespace stepgate::policies::mysql
