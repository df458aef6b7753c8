#pragma once

#include <string>

namespace stepgate::challenge_web::server
{

/// Where a listener is reached.
struct Door {
    std::string host, port;
    bool tls = false;
};

/// Lines to paste into a shell that connect `user` to a database, whatever characters the names hold.
[[nodiscard]] std::string psql_line(const Door& door, const std::string& user, const std::string& database);
[[nodiscard]] std::string mysql_line(const Door& door, const std::string& user, const std::string& database);

} // namespace stepgate::challenge_web::server
