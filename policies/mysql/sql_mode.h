#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stepgate::policies::mysql
{

/// The parts of sql_mode that change how a text is read.
struct SqlMode {
    bool ansi_quotes = false;          // "x" is a name
    bool no_backslash_escapes = false; // a backslash in a string is a backslash
    bool pipes_as_concat = false;      // || joins strings
    bool ignore_space = false;         // white space may stand between a function and its "("
    bool high_not_precedence = false;  // NOT binds like !
    bool refused = false;              // a mode with another grammar (MSSQL, ORACLE, …): nothing is read

    [[nodiscard]] bool operator==(const SqlMode&) const = default;
};

/// The value of sql_mode as the server takes it: names parted by commas, any case, or a number. Nothing if the server
/// would refuse it.
[[nodiscard]] std::optional<SqlMode> parse_sql_mode(std::string_view value);

/// As the server calls those that are on, parted by commas; empty where texts are read as they usually are.
[[nodiscard]] std::string names_of(const SqlMode& mode);

} // namespace stepgate::policies::mysql
