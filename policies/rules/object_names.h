#pragma once

#include <array>
#include <string_view>

namespace stepgate::policies::rules
{

/// What `object` and `object_not` may name: StatementFacts::object as the analyzers write it. A rule that names another
/// could never match, so it is an error.
inline constexpr std::array object_names{
    std::string_view{"access method"},
    std::string_view{"aggregate"},
    std::string_view{"attribute"},
    std::string_view{"cast"},
    std::string_view{"collation"},
    std::string_view{"column"},
    std::string_view{"commit prepared"},
    std::string_view{"constraint"},
    std::string_view{"constraints"},
    std::string_view{"conversion"},
    std::string_view{"database"},
    std::string_view{"default"},
    std::string_view{"default privileges"},
    std::string_view{"domain"},
    std::string_view{"event trigger"},
    std::string_view{"extension"},
    std::string_view{"foreign data wrapper"},
    std::string_view{"foreign schema"},
    std::string_view{"foreign table"},
    std::string_view{"function"},
    std::string_view{"index"},
    std::string_view{"language"},
    std::string_view{"large object"},
    std::string_view{"materialized view"},
    std::string_view{"object"},
    std::string_view{"operator"},
    std::string_view{"operator class"},
    std::string_view{"operator family"},
    std::string_view{"owned"},
    std::string_view{"parameter"},
    std::string_view{"policy"},
    std::string_view{"prepare transaction"},
    std::string_view{"procedure"},
    std::string_view{"publication"},
    std::string_view{"release"},
    std::string_view{"role"},
    std::string_view{"rollback prepared"},
    std::string_view{"rollback to"},
    std::string_view{"routine"},
    std::string_view{"rule"},
    std::string_view{"savepoint"},
    std::string_view{"schema"},
    std::string_view{"security label"},
    std::string_view{"sequence"},
    std::string_view{"server"},
    std::string_view{"statistics"},
    std::string_view{"subscription"},
    std::string_view{"system"},
    std::string_view{"table"},
    std::string_view{"tablespace"},
    std::string_view{"text search configuration"},
    std::string_view{"text search dictionary"},
    std::string_view{"text search parser"},
    std::string_view{"text search template"},
    std::string_view{"transform"},
    std::string_view{"trigger"},
    std::string_view{"type"},
    std::string_view{"user mapping"},
    std::string_view{"view"},
};

} // namespace stepgate::policies::rules
