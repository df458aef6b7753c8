#pragma once

#include "policies/mysql/lexer.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace stepgate::policies::mysql
{

/// The text with values in place of its parameters, as literals, where a condition may hold for every row by them
/// (LIKE ? with '%'); nullopt: there is none. `value_of` gives the value of a parameter by its number, from 1. Others
/// stay parameters, so that a text has few readings.
[[nodiscard]] std::optional<std::string>
with_bound(std::string_view sql, const Reading& reading,
           const std::function<std::optional<std::string_view>(std::size_t)>& value_of);

} // namespace stepgate::policies::mysql
