#pragma once

#include "policies/catalog/catalog.h"
#include "policies/postgres/parse_tree.h"

#include <string_view>

namespace stepgate::policies::postgres
{

struct PredicateTarget {
    std::string_view alias;                       // how the predicate names the table
    std::string_view relation;                    // its bare name
    const catalog::Relation* described = nullptr; // if the catalog knows it
};

/// Whether a predicate holds for every row: it reads no column at all, or it is one of the tautologies people write
/// (x = x, x = x + 0, x is null or x is not null, true or …) or tests that a column is not NULL that never is.
/// `literals_consulted` is set when that hung on a literal's value.
[[nodiscard]] bool holds_for_every_row(const ::Node* predicate, const PredicateTarget& target,
                                       bool& literals_consulted);

} // namespace stepgate::policies::postgres
