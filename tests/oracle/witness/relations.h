#pragma once

#include "tests/oracle/witness/truth.h"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

struct pg_conn;

namespace stepgate::oracle
{

/// A relation as the server's catalogs have it at one moment.
struct Relation {
    std::string table; // "schema.name", temporary schemas as "pg_temp"
    char kind = '?';
    Oid file = 0; // changes when the contents are replaced: TRUNCATE, and what rewrites a table
    std::map<int, std::string> columns;
    bool operator==(const Relation&) const = default;
};

/// Names of relations in a database, and what changed between two looks at it.
class Relations
{
  public:
    /// Reads the relations of users; the system's own the first time only. False if the server refused.
    bool refresh(pg_conn* connection);

    /// Gives an access its names, from the newest look or the one before.
    void name(Access& access) const;
    /// The statement after which `refresh` was called is done with: from now on names are the newest.
    void settle() { before_.clear(); }
    /// Relations dropped, renamed, given other columns or other contents between the last two looks.
    [[nodiscard]] std::vector<Access> changed() const;

  private:
    bool load_system(pg_conn* connection);
    [[nodiscard]] const Relation* find(Oid relation) const;

    std::map<Oid, Relation> system_, before_, now_;
};

} // namespace stepgate::oracle
