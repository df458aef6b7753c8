#pragma once

#include "policies/mysql/lexer.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace stepgate::policies::mysql
{

/// The value as a literal, if a condition may hold for every row by it: a number, or what patterns are made of.
[[nodiscard]] std::optional<std::string> telling_literal(std::string_view value);

/// The text with literals in place of its parameters, where `literal_of` gives one for a parameter's number, from 1;
/// nullopt: it gives none. Others stay parameters, so that a text has few readings.
[[nodiscard]] std::optional<std::string>
with_bound(std::string_view sql, const Reading& reading,
           const std::function<std::optional<std::string>(std::size_t)>& literal_of);

} // namespace stepgate::policies::mysql
