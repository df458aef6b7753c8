#include "policies/postgres/never_met.h"

#include "policies/postgres/reads_column.h"
#include "policies/postgres/same_value.h"

#include <string_view>

namespace stepgate::policies::postgres
{

bool never_met(const ::Node* condition, bool& literals_consulted, int depth)
{
    constexpr int deepest = 200;
    if (depth >= deepest)
        return false;
    if (const auto of_arms =
            asked_of_arms(condition, [&](const ::Node* arm) { return never_met(arm, literals_consulted, depth + 1); }))
        return *of_arms;
    if (const auto* literal = if_tag<::A_Const>(condition, T_A_Const)) {
        literals_consulted = true;
        return !literal->isnull && literal->val.node.type == T_Boolean && !literal->val.boolval.boolval;
    }
    const auto* comparison = if_tag<::A_Expr>(condition, T_A_Expr);
    if (comparison == nullptr || comparison->kind != AEXPR_OP)
        return false;
    const auto* left = if_tag<::A_Const>(comparison->lexpr, T_A_Const);
    const auto* right = if_tag<::A_Const>(comparison->rexpr, T_A_Const);
    if (left == nullptr || right == nullptr || left->isnull || right->isnull || left->val.node.type != T_Integer ||
        right->val.node.type != T_Integer)
        return false;
    literals_consulted = true;
    const std::string_view name = operator_of(*comparison);
    const bool equal = left->val.ival.ival == right->val.ival.ival;
    return name == "=" ? !equal : (name == "<>" || name == "!=") && equal;
}

bool finds_nothing(const ::SelectStmt& select, bool& literals_consulted)
{
    const ::A_Const* const limit = constant_of(select.limitCount);
    literals_consulted = literals_consulted || limit != nullptr;
    if (limit != nullptr && !limit->isnull && sign_of(*limit) == Sign::zero)
        return true;
    const auto* logic = if_tag<::BoolExpr>(select.whereClause, T_BoolExpr);
    const auto without_columns = [](const ::ListCell& cell) { return !reads_column(node_of(cell)); };
    if (select.whereClause == nullptr ||
        (reads_column(select.whereClause) &&
         (logic == nullptr || std::ranges::none_of(cells(logic->args), without_columns))))
        return false;
    return never_met(select.whereClause, literals_consulted);
}

} // namespace stepgate::policies::postgres
