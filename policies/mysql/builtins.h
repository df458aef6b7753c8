#pragma once

#include "policies/mysql/server_version.h"

#include <string_view>

namespace stepgate::policies::mysql
{

/// What is known of a function that MySQL or MariaDB ships. A name that the server at hand does not ship may be one of
/// a stored function of the current database, so the vendors have lists of their own.
struct Builtin {
    enum class Trust : unsigned char {
        unknown,   // no built-in of this name
        harmless,  // does nothing but compute from its arguments and the session
        dangerous, // touches files, waits, runs programs, shows values in errors
    } trust = Trust::unknown;
    std::string_view danger = {}; // for people: "reads a file of the server"
};

/// `keyword_syntax`: the name stands as the grammar wants it: not in quotes, and "(" directly behind it where that is
/// asked. Functions that are keywords are stored functions otherwise.
[[nodiscard]] Builtin builtin_function(std::string_view name, bool keyword_syntax, const ServerVersion& version);
/// Functions of MariaDB that are keywords only where "(" stands directly behind, and of MySQL wherever they stand.
[[nodiscard]] bool needs_parenthesis_in_mariadb(std::string_view name);

} // namespace stepgate::policies::mysql
