#pragma once

#include "proxy/upstream/catalog_reader.h"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace stepgate::proxy::upstream
{

/// A statement whose effect is to be estimated.
struct ImpactStatement {
    struct Value {
        std::optional<std::string> bytes; // nothing: NULL. MySQL: as people write it
        bool binary = false;              // PostgreSQL
        std::uint32_t type = 0;           // as the dialect's wire numbers them; 0 of PostgreSQL: not stated
    };
    std::string sql;
    std::vector<Value> values;
    std::string why_not; // not to be explained: it could run code of users, or there is nothing to plan; "" explain it
    std::vector<std::string>
        deletes; // "schema.name" of tables that lose rows: what hangs on them by foreign keys is found
    std::vector<std::string> empties; // of tables that lose all of them, without a plan: TRUNCATE, DROP
    std::vector<std::string> touches; // of all that it reads or changes: MySQL's plans tell aliases only
    bool asked_for_reads = false;     // what its conditions find is what is asked about: no number may tell of that
};

/// Settings that the session's texts are read under.
struct PostgresSettings {
    std::vector<std::string> search_path;
};
struct MySqlSettings {
    bool mariadb = false;
    std::string database; // "": none is chosen
    std::string sql_mode, charset;
};

struct ImpactRequest {
    CatalogSource server;
    std::variant<PostgresSettings, MySqlSettings> settings;
    std::vector<ImpactStatement> statements;
    std::int64_t process = 0; // of the session, if it is in a transaction: its locks are looked up; else 0
    std::string problem;      // there is no way to ask; "" there is
};

struct ImpactEstimate {
    std::optional<std::int64_t> rows; // PostgreSQL: of the result, or changed. MySQL: looked at for that
    std::vector<std::string> tables, cascades, locks;
    std::string problem; // as a sentence; "" none
};

/// Asks the server over a connection of its own, with little patience: EXPLAIN, which runs nothing but what the planner
/// evaluates; so statements that call any functions of users must have a `why_not`. Nothing is ever committed.
/// Blocking: for a thread that may wait. What could be found is in the answer also where something failed.
[[nodiscard]] ImpactEstimate estimate_impact(const ImpactRequest& request);

} // namespace stepgate::proxy::upstream
