#pragma once

#include "proxy/upstream/catalog_reader.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::proxy::upstream
{

/// A statement whose effect is to be estimated.
struct ImpactStatement {
    struct Value {
        std::optional<std::string> bytes; // nothing: NULL
        bool binary = false;
        std::uint32_t type = 0; // 0: not stated
    };
    std::string sql;
    std::vector<Value> values;
    std::string why_not; // not to be explained: it could run code of users, or there is nothing to plan; "" explain it
    std::vector<std::string>
        deletes; // "schema.name" of tables that lose rows: what hangs on them by foreign keys is found
    std::vector<std::string> empties; // of tables that lose all of them, without a plan: TRUNCATE, DROP
};

struct ImpactRequest {
    CatalogSource server;
    std::vector<std::string> search_path;
    std::vector<ImpactStatement> statements;
    std::int32_t process = 0; // of the session, if it is in a transaction: its locks are looked up; else 0
    std::string problem;      // there is no way to ask; "" there is
};

struct ImpactEstimate {
    std::optional<std::int64_t> rows;
    std::vector<std::string> tables, cascades, locks;
    std::string problem; // as a sentence; "" none
};

/// Asks the server over a connection of its own, read-only, with little patience: EXPLAIN without ANALYZE, which runs
/// nothing but functions that the planner folds; so statements that call any of users' must have a `why_not`.
/// Blocking: for a thread that may wait. What could be found is in the answer also where something failed.
[[nodiscard]] ImpactEstimate estimate_impact(const ImpactRequest& request);

/// What a plan (EXPLAIN (FORMAT JSON, VERBOSE)) expects. False: it cannot be read.
struct PlanSummary {
    std::int64_t rows = 0;
    std::vector<std::string> tables; // sorted, unique
};
[[nodiscard]] bool read_plan(std::string_view json, PlanSummary& plan);

} // namespace stepgate::proxy::upstream
