#pragma once

#include "policies/mysql/lexer.h"

#include <string_view>

namespace stepgate::policies::mysql
{

/// Is a literal a literal whatever server and settings read the text? A backslash ends strings elsewhere under
/// NO_BACKSLASH_ESCAPES; bodies of conditional comments depend on the version.
[[nodiscard]] inline bool has_one_reading(std::string_view sql)
{
    return sql.find('\\') == std::string_view::npos && sql.find("/*!") == std::string_view::npos &&
           sql.find("/*M!") == std::string_view::npos;
}

/// How a text of one reading is cut where its literals are hidden: "…" is a string, though it is a name under
/// ANSI_QUOTES.
[[nodiscard]] inline Reading common_reading()
{
    return {any_version(statement::Dialect::mariadb), {}, Charset::utf8mb4};
}

} // namespace stepgate::policies::mysql
