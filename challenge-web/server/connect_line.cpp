#include "challenge-web/server/connect_line.h"

#include <algorithm>
#include <string_view>

namespace stepgate::challenge_web::server
{

namespace
{

/// Means the same to shells and to libpq with and without quotes.
bool is_plain(std::string_view word)
{
    return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view{"._:-"}.find(c) != std::string_view::npos;
    });
}

/// A word that a shell takes as it is.
std::string quoted(std::string_view word)
{
    if (is_plain(word))
        return std::string{word};
    std::string out = "'";
    for (const char c : word)
        if (c == '\'')
            out += "'\\''";
        else
            out += c;
    return out + "'";
}

/// A value inside libpq's connection string, which stands in quotes of the shell's.
std::string libpq_value(std::string_view value)
{
    if (is_plain(value))
        return std::string{value};
    std::string out = "'";
    for (const char c : value) {
        if (c == '\'' || c == '\\')
            out += '\\';
        out += c;
    }
    return out + "'";
}

} // namespace

std::string psql_line(const Door& door, const std::string& user, const std::string& database)
{
    return "psql " + quoted("host=" + libpq_value(door.host) + " port=" + door.port + " user=" + libpq_value(user) +
                            (door.tls ? " sslmode=require" : "") + " dbname=" + libpq_value(database));
}

std::string mysql_line(const Door& door, const std::string& user, const std::string& database)
{
    // As an option: a name that begins with a hyphen would be one otherwise.
    return "mysql --host=" + quoted(door.host) + " --port=" + door.port + " --user=" + quoted(user) + " --password" +
           (door.tls ? " --ssl" : "") + " --database=" + quoted(database);
}

} // namespace stepgate::challenge_web::server
