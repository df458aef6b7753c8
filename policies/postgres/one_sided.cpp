#include "policies/postgres/one_sided.h"

#include "policies/postgres/own_rows.h"
#include "policies/postgres/same_value.h"

#include <algorithm>

namespace stepgate::policies::postgres
{
namespace
{

struct Sides {
    bool below = false; // rows must be less than something
    bool above = false;
    bool other = false; // something else is asked of them
};

void look_at(const ::Node* condition, const RowNames& rows, Sides& sides)
{
    if (condition == nullptr || !reads_column(condition, rows))
        return;
    const auto* logic = if_tag<::BoolExpr>(condition, T_BoolExpr);
    if (logic != nullptr && logic->boolop == AND_EXPR) {
        for (const ::ListCell& cell : cells(logic->args))
            look_at(node_of(cell), rows, sides);
        return;
    }
    const auto* comparison = if_tag<::A_Expr>(condition, T_A_Expr);
    const std::string_view name = comparison == nullptr || comparison->kind != AEXPR_OP ? "" : operator_of(*comparison);
    if (name == "<>")
        return;
    const bool less = name == "<" || name == "<=";
    const bool left = comparison != nullptr && reads_column(comparison->lexpr, rows);
    if ((!less && name != ">" && name != ">=") || (left && reads_column(comparison->rexpr, rows)))
        sides.other = true;
    else
        (less == left ? sides.below : sides.above) = true;
}

bool is_series(const ::Node* node)
{
    const auto* call = if_tag<::FuncCall>(node, T_FuncCall);
    return call != nullptr && text_of(node_of(cells(call->funcname).back())) == "generate_series";
}

const ::SelectStmt* query_of(const ::Node* item)
{
    const auto* sub = if_tag<::RangeSubselect>(item, T_RangeSubselect);
    return sub == nullptr ? nullptr : if_tag<::SelectStmt>(sub->subquery, T_SelectStmt);
}

bool gives_series(const ::Node* item)
{
    if (const auto* function = if_tag<::RangeFunction>(item, T_RangeFunction))
        return std::ranges::all_of(cells(function->functions), [](const ::ListCell& cell) {
            return is_series(node_of(cells(&as<::List>(node_of(cell))).front()));
        });
    const auto* select = query_of(item);
    return select != nullptr && counts_up(*select);
}

bool gives_written_rows(const ::Node* item)
{
    const auto* select = query_of(item);
    return select != nullptr && select->valuesLists != nullptr;
}

} // namespace

bool bounds_one_side(const ::Node* condition, const RowNames& rows)
{
    Sides sides;
    look_at(condition, rows, sides);
    return !sides.other && !(sides.below && sides.above);
}

const ::FuncCall* series_of(const ::SelectStmt& select, bool& literals_consulted)
{
    const auto items = cells(select.fromClause);
    const auto targets = cells(select.targetList);
    if (items.size() > 1 || targets.size() != 1 || select.whereClause != nullptr ||
        !gives_all(select, literals_consulted))
        return nullptr;
    const ::Node* given = as<::ResTarget>(node_of(targets.front())).val;
    if (!items.empty() && tag_of(given) == T_ColumnRef && gives_series(node_of(items.front())))
        if (const auto* function = if_tag<::RangeFunction>(node_of(items.front()), T_RangeFunction))
            given = node_of(cells(&as<::List>(node_of(cells(function->functions).front()))).front());
    return is_series(given) ? &as<::FuncCall>(given) : nullptr;
}

bool counts_up(const ::SelectStmt& select)
{
    const auto items = cells(select.fromClause);
    if (select.op != SETOP_NONE)
        return false;
    const auto series = [](const ::ListCell& cell) { return gives_series(node_of(cell)); };
    const auto made_up = [](const ::ListCell& cell) {
        return gives_series(node_of(cell)) || gives_written_rows(node_of(cell));
    };
    if (!items.empty())
        return std::ranges::all_of(items, made_up) && std::ranges::any_of(items, series);
    return std::ranges::any_of(cells(select.targetList),
                               [](const ::ListCell& cell) { return is_series(as<::ResTarget>(node_of(cell)).val); });
}

} // namespace stepgate::policies::postgres
