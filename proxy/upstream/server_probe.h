#pragma once

#include <cstdint>
#include <string>
#include <variant>

namespace stepgate::proxy::upstream
{

/// What a server says about itself and the account that asked.
struct ServerDescription {
    std::string host;
    bool mysql = false; // or MariaDB
    std::uint16_t port = 5432;
    std::string user, password, database; // as the connection string or the environment gave them
    std::string version;                  // "15.18"
    int version_number = 0;               // 150018
    bool tls = false;                     // the server took TLS
    bool superuser = false;
};

/// Connects with a libpq connection string (URL or keywords; PGPASSWORD and the password file count), asks, and closes.
/// Blocking, at most ten seconds. The string is a sentence for people: what failed, and what libpq said.
[[nodiscard]] std::variant<ServerDescription, std::string> probe_postgres(const std::string& connection);

/// The same for MySQL and MariaDB: "mysql://user[:password]@host[:port]/database"; without a password MYSQL_PWD counts.
/// Takes TLS where the server offers it, and does not check its certificate. `version` says which of the two it is.
[[nodiscard]] std::variant<ServerDescription, std::string> probe_mysql(const std::string& url);

} // namespace stepgate::proxy::upstream
