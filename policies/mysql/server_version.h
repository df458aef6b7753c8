#pragma once

#include "policies/statement/kind.h"

#include <compare>
#include <optional>
#include <string_view>

namespace stepgate::policies::mysql
{

/// Which server reads the text: its vendor, and its version as a number (8.0.36 is 80036, 10.11.6 is 101106). Where the
/// version is not certain, the range of versions it may be: what differs inside the range is then opaque.
struct ServerVersion {
    bool mariadb = false;
    unsigned low = 80000, high = 90999;

    [[nodiscard]] bool operator==(const ServerVersion&) const = default;
};

/// Any version of the vendor that stepgate supports: MySQL 8.0 to 9.x, MariaDB 10.6 to 11.x.
[[nodiscard]] ServerVersion any_version(statement::Dialect dialect);

/// The version in a server's greeting: "8.0.36", "9.7.0-debug", "5.5.5-10.11.6-MariaDB-1", "11.4.2-MariaDB". Nothing
/// for text that is none.
[[nodiscard]] std::optional<ServerVersion> parse_server_version(std::string_view greeting);

} // namespace stepgate::policies::mysql
