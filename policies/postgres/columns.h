#pragma once

#include "policies/catalog/catalog.h"

#include <algorithm>
#include <string_view>

namespace stepgate::policies::postgres
{

/// A column that its definition gives it.
[[nodiscard]] inline bool has_column(const catalog::Relation& relation, std::string_view name)
{
    return std::ranges::find(relation.columns, name, &catalog::Column::name) != relation.columns.end();
}

/// A column that every table has, and no row as NULL (PostgreSQL manual 5.5).
[[nodiscard]] inline bool is_system_column(std::string_view name)
{
    static constexpr std::string_view names[] = {"tableoid", "ctid", "xmin", "xmax", "cmin", "cmax"};
    return std::ranges::find(names, name) != std::end(names);
}

} // namespace stepgate::policies::postgres
