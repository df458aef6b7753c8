#pragma once

#include "proxy/upstream/impact.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace stepgate::proxy::upstream
{

/// `estimate_impact` of a MySQL or MariaDB server. These explain no change to a session that can only read; so the text
/// is explained as a prepared statement (there is one, whatever the text holds), and nothing is committed.
[[nodiscard]] ImpactEstimate estimate_mysql_impact(const ImpactRequest& request, const MySqlSettings& settings);

/// A row of EXPLAIN's table, as far as it counts here.
struct MySqlPlanRow {
    std::int64_t select = 0; // query block
    std::string type;        // of it: SIMPLE, PRIMARY, UNION, SUBQUERY, DERIVED, DELETE, …
    std::optional<std::int64_t> rows;
    double filtered = 100; // percent of them that pass
    std::string extra;
};

/// Rows that the statement itself looks at, not its subqueries; nothing: the plan does not say.
[[nodiscard]] std::optional<std::int64_t> planned_rows(const std::vector<MySqlPlanRow>& plan);

} // namespace stepgate::proxy::upstream
