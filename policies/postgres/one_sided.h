#pragma once

#include "policies/postgres/parse_tree.h"
#include "policies/postgres/reads_column.h"

namespace stepgate::policies::postgres
{

/// Whether a condition bounds those rows on one side only, and asks nothing else of them: o.id > s.x, o.id <> s.x.
/// Which of them it takes hangs on s.x alone, and one value of it takes them all.
[[nodiscard]] bool bounds_one_side(const ::Node* condition, const RowNames& rows);

/// Whether a query's rows are counted up rather than read: generate_series, in FROM or as what is selected.
[[nodiscard]] bool counts_up(const ::SelectStmt& select);
/// The call of generate_series that is all that a query gives; null: it gives something else, or not all of it.
[[nodiscard]] const ::FuncCall* series_of(const ::SelectStmt& select, bool& literals_consulted);

} // namespace stepgate::policies::postgres
