#pragma once

#include "policies/catalog/catalog.h"
#include "policies/postgres/cte.h"
#include "policies/postgres/parse_tree.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::policies::postgres
{

/// How an expression names the rows that it is asked for, and what is beside them.
struct RowNames {
    std::string_view alias, relation;                 // of their table; its bare name
    const catalog::Relation* described = nullptr;     // null: a name without a table's may always be a column of theirs
    std::vector<std::string_view> others = {};        // what else is in reach: its columns are not theirs
    const std::vector<std::string>* hiding = nullptr; // variables whose bare names mean them and no column
    std::function<const catalog::Relation*(const ::RangeVar&)> find = {}; // what the catalog knows of a table
    Spend spend = {};                                                     // for looking names up
};

/// Whether an expression may name a column of those rows, by itself or in a subquery. One that surely names none is the
/// same for each of them.
[[nodiscard]] bool reads_column(const ::Node* expression, RowNames rows = {});

/// The names under which the rest of a query sees what a FROM item gives.
void add_names(const ::Node* from_item, std::vector<std::string_view>& names);

} // namespace stepgate::policies::postgres
