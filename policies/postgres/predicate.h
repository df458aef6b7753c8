#pragma once

#include "policies/postgres/parse_tree.h"

#include <string_view>

namespace stepgate::policies::postgres
{

struct PredicateTarget {
    std::string_view alias;    // how the predicate names the table
    std::string_view relation; // its bare name
};

/// Whether a predicate holds for every row: it reads no column at all, or it is one of the tautologies people write
/// (x = x, x is null or x is not null, true or …). `literals_consulted` is set when that hung on a literal's value.
[[nodiscard]] bool holds_for_every_row(const ::Node* predicate, const PredicateTarget& target,
                                       bool& literals_consulted);

} // namespace stepgate::policies::postgres
