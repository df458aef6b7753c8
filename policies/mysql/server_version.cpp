#include "policies/mysql/server_version.h"

#include <array>
#include <charconv>

namespace stepgate::policies::mysql
{
namespace
{

/// "8.0.36…" as 80036; nothing if three numbers do not stand there.
std::optional<unsigned> number_of(std::string_view text)
{
    std::array<unsigned, 3> parts{};
    const char* at = text.data();
    const char* const end = text.data() + text.size();
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i > 0 && (at == end || *at++ != '.'))
            return std::nullopt;
        const auto [next, error] = std::from_chars(at, end, parts[i]);
        if (error != std::errc{} || parts[i] > 99)
            return std::nullopt;
        at = next;
    }
    return parts[0] * 10000 + parts[1] * 100 + parts[2];
}

} // namespace

ServerVersion any_version(statement::Dialect dialect)
{
    return dialect == statement::Dialect::mariadb ? ServerVersion{true, 100600, 119999}
                                                  : ServerVersion{false, 80000, 90999};
}

std::optional<ServerVersion> parse_server_version(std::string_view greeting)
{
    // MariaDB before 11 puts this in front, so that old replicas take it for a MySQL.
    static constexpr std::string_view replication_prefix = "5.5.5-";
    const bool mariadb = greeting.find("MariaDB") != std::string_view::npos;
    if (mariadb && greeting.starts_with(replication_prefix))
        greeting.remove_prefix(replication_prefix.size());
    const auto number = number_of(greeting);
    if (!number)
        return std::nullopt;
    return ServerVersion{mariadb, *number, *number};
}

} // namespace stepgate::policies::mysql
