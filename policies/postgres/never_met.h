#pragma once

#include "policies/postgres/parse_tree.h"

#include <algorithm>
#include <optional>

namespace stepgate::policies::postgres
{

/// AND leaves rows out where one of its arms does, OR where all do. Nothing: it is neither.
template <class Asked>
std::optional<bool> asked_of_arms(const ::Node* condition, Asked asked)
{
    const auto* logic = if_tag<::BoolExpr>(condition, T_BoolExpr);
    if (logic == nullptr || logic->boolop == NOT_EXPR)
        return std::nullopt;
    const auto of_cell = [&asked](const ::ListCell& cell) { return asked(node_of(cell)); };
    return logic->boolop == AND_EXPR ? std::ranges::any_of(cells(logic->args), of_cell)
                                     : std::ranges::all_of(cells(logic->args), of_cell);
}

/// As it is written: false, 1 = 0, 1 <> 1, and what is made of such. Only what cannot be otherwise, since rows
/// are taken where it is: not 0.3 - 0.1 = 0.2, nor 'a' < 'B', whose values hang on types, collations and encodings.
/// `literals_consulted` is set when a literal told.
[[nodiscard]] bool never_met(const ::Node* condition, bool& literals_consulted, int depth = 0);

/// LIMIT 0, or a condition that is never met, whatever it is asked of. One of columns alone is not looked at.
[[nodiscard]] bool finds_nothing(const ::SelectStmt& select, bool& literals_consulted);

} // namespace stepgate::policies::postgres
