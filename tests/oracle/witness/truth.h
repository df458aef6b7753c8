#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace stepgate::oracle
{

using Oid = std::uint32_t;

/// What the server itself says about one relation that a statement touched: in its parse trees and plans, in the lines
/// of pgaudit, or by what changed in its catalogs.
struct Access {
    Oid relation = 0;    // 0: only the name is known
    std::string table;   // "schema.name"; empty: gone before anybody could ask for its name
    char kind = '?';     // pg_class.relkind
    bool system = false; // of pg_catalog, information_schema or a toast schema
    bool read = false, written = false;
    bool child = false;            // a child or partition, reached through its parent only
    std::set<int> selected;        // attribute numbers; 0 the whole row, below 0 system columns
    std::set<std::string> columns; // their names; "*" the whole row
    std::set<std::string> source;  // "tree", "plan", "pgaudit", "catalog", "notice"
};

} // namespace stepgate::oracle
