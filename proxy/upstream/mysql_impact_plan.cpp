#include "proxy/upstream/mysql_impact.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace stepgate::proxy::upstream
{

namespace
{

constexpr double most_rows = 1e15; // of a join without conditions; nobody reads more digits

bool is_union(const MySqlPlanRow& row)
{
    return row.type == "UNION";
}

/// Of blocks that stand inside others: what they look at, the others have.
bool is_inner(const MySqlPlanRow& row)
{
    for (const auto* type : {"SIMPLE", "PRIMARY", "UNION", "DELETE", "UPDATE", "INSERT", "REPLACE"})
        if (row.type == type)
            return false;
    return true;
}

/// "Impossible WHERE", "no matching row in const table".
bool finds_nothing(const MySqlPlanRow& row)
{
    return row.extra.starts_with("Impossible") || row.extra.starts_with("no matching row");
}

} // namespace

std::optional<std::int64_t> planned_rows(const std::vector<MySqlPlanRow>& plan)
{
    // A UNION inside a derived table is called the same as one of the statement.
    const bool unions = std::ranges::any_of(plan, is_union);
    if (unions &&
        std::ranges::any_of(plan, [](const auto& row) { return is_inner(row) && row.type != "UNION RESULT"; }))
        return {};
    std::map<std::int64_t, double> blocks; // tables of one are joined
    bool known = false;
    for (const auto& row : plan) {
        if (is_inner(row))
            continue;
        auto& block = blocks.try_emplace(row.select, 1).first->second;
        known = known || row.rows || finds_nothing(row);
        if (finds_nothing(row))
            block = 0;
        else if (row.rows)
            block *= static_cast<double>(*row.rows) * row.filtered / 100;
    }
    if (!known)
        return {};
    double rows = 0;
    for (const auto& [select, of_block] : blocks)
        rows += of_block;
    return std::llround(std::min(rows, most_rows));
}

} // namespace stepgate::proxy::upstream
