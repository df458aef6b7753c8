#pragma once

#include "policies/statement/ascii.h"

#include <string_view>

namespace stepgate::policies::mysql
{

/// "database.table" is one of the server's own, where nobody can make anything. Its names are written in any case.
[[nodiscard]] inline bool is_servers_own(std::string_view table)
{
    constexpr std::string_view schema = "information_schema.";
    return table.size() > schema.size() && same_word(table.substr(0, schema.size()), schema);
}

} // namespace stepgate::policies::mysql
