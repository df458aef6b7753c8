#pragma once

#include "policies/catalog/catalog.h"
#include "policies/postgres/cte.h"
#include "policies/postgres/parse_tree.h"

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stepgate::policies::postgres
{

/// Another name for the target's rows: the table once more, or a query of all of its rows.
struct Twin {
    std::string_view name;
    bool renames = false; // `columns` has what its columns are called and which of the table's they are
    std::vector<std::pair<std::string_view, std::string_view>> columns = {};
    /// Another table, of which each row of the target references one by these columns; the others are its own.
    const catalog::Relation* referenced = nullptr;
};

struct PredicateTarget {
    std::string_view alias;                                 // how the predicate names the table
    std::string_view relation;                              // its bare name
    const catalog::Relation* described = nullptr;           // if the catalog knows it
    std::vector<Twin> twins = {};                           // joined with it without a condition of their own
    std::function<bool(const ::RangeVar&)> same_table = {}; // empty: a table of that name is
    std::span<const ::ListCell> joined = {};                // the FROM or USING beside the target
    std::function<const catalog::Relation*(const ::RangeVar&)> find = {}; // what the catalog knows of a table
    CtePlace ctes = {};                        // the queries of WITH that the predicate can name
    Spend spend = {};                          // for looking them up
    std::vector<std::string_view> around = {}; // what names values of a body stand behind: its own, NEW, OLD, records
    const std::vector<std::string>* hiding = nullptr; // variables whose bare names mean them and no column
    bool again = false;                               // and again until no row is left: a LIMIT leaves none out
};

/// Whether a predicate holds for every row: it reads no column of the target, so that all rows meet it or none does, or
/// it is one of the tautologies people write (x = x, x = x + 0, x is null or x is not null, true or …), tests that a
/// column is not NULL that never is, or compares the row with all rows of its own table (x in (select x from t), a join
/// of the table with itself), be they given by the table or by a subquery or WITH over it, joins it with what a foreign
/// key of it points at, or no row that is tried escapes it (row_trial.h). `literals_consulted` is set when that hung on
/// a literal's value.
[[nodiscard]] bool holds_for_every_row(const ::Node* condition, const PredicateTarget& target,
                                       bool& literals_consulted);

} // namespace stepgate::policies::postgres
