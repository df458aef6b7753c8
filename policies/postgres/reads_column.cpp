#include "policies/postgres/reads_column.h"

#include "policies/postgres/depth.h"

#include <algorithm>

namespace stepgate::policies::postgres
{
namespace
{

class ColumnSearch
{
  public:
    bool reads_column(const void* node);

  private:
    bool any_reads_column(const ::List* list);
    bool query_reads_column(const ::Node* node);

    static constexpr int deepest = 200; // deeper ones may hold one
    int depth_ = 0;
};

bool ColumnSearch::any_reads_column(const ::List* list)
{
    return std::ranges::any_of(cells(list), [this](const ::ListCell& cell) { return reads_column(node_of(cell)); });
}

/// A subquery without column references gives every row the same; what EXISTS selects does not matter.
bool ColumnSearch::query_reads_column(const ::Node* node)
{
    const auto* select = if_tag<::SelectStmt>(node, T_SelectStmt);
    if (select == nullptr || select->op != SETOP_NONE) // a UNION is not followed: it may hold one
        return true;
    const auto is_plain_table = [](const ::ListCell& cell) { return tag_of(node_of(cell)) == T_RangeVar; };
    return select->withClause != nullptr || !std::ranges::all_of(cells(select->fromClause), is_plain_table) ||
           any_reads_column(select->targetList) || reads_column(select->whereClause) ||
           any_reads_column(select->groupClause) || reads_column(select->havingClause) ||
           any_reads_column(select->valuesLists) || any_reads_column(select->sortClause) ||
           reads_column(select->limitCount) || reads_column(select->limitOffset);
}

/// Whether a column reference may be inside. Nodes not listed may hold one.
bool ColumnSearch::reads_column(const void* start)
{
    const auto* node = static_cast<const ::Node*>(start);
    if (depth_ >= deepest)
        return true;
    const Depth depth{depth_};
    bool reads = false;
    while (const auto* chain = if_tag<::A_Expr>(node, T_A_Expr)) {
        reads = reads || reads_column(chain->rexpr);
        node = chain->lexpr;
    }
    if (node != nullptr && !reads) {
        switch (tag_of(node)) {
        case T_A_Const:
        case T_ParamRef:
        case T_SQLValueFunction:
        case T_SetToDefault:
            break;
        case T_TypeCast:
            reads = reads_column(as<::TypeCast>(node).arg);
            break;
        case T_CollateClause:
            reads = reads_column(as<::CollateClause>(node).arg);
            break;
        case T_BoolExpr:
            reads = any_reads_column(as<::BoolExpr>(node).args);
            break;
        case T_BooleanTest:
            reads = reads_column(as<::BooleanTest>(node).arg);
            break;
        case T_NullTest:
            reads = reads_column(as<::NullTest>(node).arg);
            break;
        case T_FuncCall:
            reads = any_reads_column(as<::FuncCall>(node).args) || as<::FuncCall>(node).over != nullptr;
            break;
        case T_CoalesceExpr:
            reads = any_reads_column(as<::CoalesceExpr>(node).args);
            break;
        case T_MinMaxExpr:
            reads = any_reads_column(as<::MinMaxExpr>(node).args);
            break;
        case T_CaseExpr:
            reads = reads_column(as<::CaseExpr>(node).arg) || any_reads_column(as<::CaseExpr>(node).args) ||
                    reads_column(as<::CaseExpr>(node).defresult);
            break;
        case T_CaseWhen:
            reads = reads_column(as<::CaseWhen>(node).expr) || reads_column(as<::CaseWhen>(node).result);
            break;
        case T_RowExpr:
            reads = any_reads_column(as<::RowExpr>(node).args);
            break;
        case T_A_ArrayExpr:
            reads = any_reads_column(as<::A_ArrayExpr>(node).elements);
            break;
        case T_List:
            reads = any_reads_column(reinterpret_cast<const ::List*>(node));
            break;
        case T_ResTarget:
            reads = reads_column(as<::ResTarget>(node).val);
            break;
        case T_SortBy:
            reads = reads_column(as<::SortBy>(node).node);
            break;
        case T_SubLink: {
            const auto& link = as<::SubLink>(node);
            const auto* select = if_tag<::SelectStmt>(link.subselect, T_SelectStmt);
            if (link.subLinkType == EXISTS_SUBLINK && select != nullptr && select->op == SETOP_NONE) {
                ::SelectStmt without = *select;
                without.targetList = nullptr;
                reads = query_reads_column(reinterpret_cast<const ::Node*>(&without));
            } else {
                reads = reads_column(link.testexpr) || query_reads_column(link.subselect);
            }
            break;
        }
        default:
            reads = true;
        }
    }
    return reads;
}

} // namespace

bool reads_column(const ::Node* expression)
{
    return ColumnSearch{}.reads_column(expression);
}

} // namespace stepgate::policies::postgres
