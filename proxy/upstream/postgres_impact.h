#pragma once

#include "proxy/upstream/impact.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::proxy::upstream
{

/// `estimate_impact` of a PostgreSQL server, in a session that can only read.
[[nodiscard]] ImpactEstimate estimate_postgres_impact(const ImpactRequest& request, const PostgresSettings& settings);

/// What a plan (EXPLAIN (FORMAT JSON, VERBOSE)) expects. False: it cannot be read.
struct PlanSummary {
    std::int64_t rows = 0;
    bool selects = false;            // `rows` hangs on what columns hold: there are conditions, or groups
    std::vector<std::string> tables; // sorted, unique
};
[[nodiscard]] bool read_plan(std::string_view json, PlanSummary& plan);

} // namespace stepgate::proxy::upstream
