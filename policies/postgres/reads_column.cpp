#include "policies/postgres/reads_column.h"

#include "policies/postgres/columns.h"
#include "policies/postgres/depth.h"

#include <algorithm>
#include <utility>

namespace stepgate::policies::postgres
{
namespace
{

class ColumnSearch
{
  public:
    explicit ColumnSearch(RowNames rows) : rows_(std::move(rows)) {}
    bool reads_column(const void* node);

  private:
    bool any_reads_column(const ::List* list);
    bool query_reads_column(const ::Node* node);
    bool parts_read_column(const ::SelectStmt& select);
    bool from_reads_column(const ::Node* item);
    bool is_of_rows(const ::ColumnRef& column);
    bool may_be_of_rows(std::string_view name);
    [[nodiscard]] bool may_be_of_many_tables() const;
    bool has(const catalog::Relation& table, std::string_view column);

    static constexpr int deepest = 200; // deeper ones may hold one
    int depth_ = 0;
    RowNames rows_;
    std::vector<const catalog::Relation*> nearer_; // tables of the subqueries around: their columns come first
};

bool is_among(std::string_view name, const std::vector<std::string_view>& names)
{
    return std::ranges::find(names, name) != names.end();
}

/// False, too, where there was too much to look at.
bool ColumnSearch::has(const catalog::Relation& table, std::string_view column)
{
    return (!rows_.spend || rows_.spend(table.columns.size())) && has_column(table, column);
}

/// A name without a table's: a column, or a whole row.
bool ColumnSearch::may_be_of_rows(std::string_view name)
{
    if (rows_.hiding != nullptr && std::ranges::find(*rows_.hiding, name) != rows_.hiding->end())
        return false;
    if (std::ranges::any_of(nearer_, [&](const auto* table) { return has(*table, name); }))
        return false;
    if (name == "tableoid")
        return may_be_of_many_tables();
    return rows_.described == nullptr || rows_.described->columns.empty() || name == rows_.alias ||
           name == rows_.relation || is_system_column(name) || has(*rows_.described, name);
}

/// The rows of a table without children all have its own tableoid.
bool ColumnSearch::may_be_of_many_tables() const
{
    return rows_.described == nullptr || !rows_.described->children.empty();
}

bool ColumnSearch::is_of_rows(const ::ColumnRef& column)
{
    const auto fields = cells(column.fields);
    if (rows_.spend && !rows_.spend(rows_.others.size()))
        return true;
    if (fields.size() == 1)
        return tag_of(node_of(fields[0])) != T_String || may_be_of_rows(text_of(node_of(fields[0])));
    const std::string_view table = text_of(node_of(fields[fields.size() - 2]));
    const bool with_schema = fields.size() > 2;
    if (text_of(node_of(fields.back())) == "tableoid" && table == rows_.alias)
        return may_be_of_many_tables();
    return (with_schema && table == rows_.relation) || !is_among(table, rows_.others);
}

bool ColumnSearch::any_reads_column(const ::List* list)
{
    return std::ranges::any_of(cells(list), [this](const ::ListCell& cell) { return reads_column(node_of(cell)); });
}

/// A subquery that names none of their columns gives each row the same.
bool ColumnSearch::query_reads_column(const ::Node* node)
{
    const auto* select = if_tag<::SelectStmt>(node, T_SelectStmt);
    if (select == nullptr || depth_ >= deepest)
        return true;
    const Depth depth{depth_};
    const std::size_t outside = rows_.others.size();
    const std::size_t farther = nearer_.size();
    const bool reads = parts_read_column(*select);
    rows_.others.resize(outside);
    nearer_.resize(farther);
    return reads;
}

bool ColumnSearch::parts_read_column(const ::SelectStmt& select)
{
    const auto query = [this](const ::ListCell& cell) {
        return query_reads_column(as<::CommonTableExpr>(node_of(cell)).ctequery);
    };
    const auto from = [this](const ::ListCell& cell) { return from_reads_column(node_of(cell)); };
    if (select.withClause != nullptr && std::ranges::any_of(cells(select.withClause->ctes), query))
        return true;
    if (select.op != SETOP_NONE && (query_reads_column(reinterpret_cast<const ::Node*>(select.larg)) ||
                                    query_reads_column(reinterpret_cast<const ::Node*>(select.rarg))))
        return true;
    return std::ranges::any_of(cells(select.fromClause), from) || any_reads_column(select.targetList) ||
           reads_column(select.whereClause) || any_reads_column(select.groupClause) ||
           reads_column(select.havingClause) || any_reads_column(select.valuesLists) ||
           any_reads_column(select.distinctClause) || any_reads_column(select.windowClause) ||
           any_reads_column(select.sortClause) || reads_column(select.limitCount) || reads_column(select.limitOffset);
}

/// What stands in FROM; its names are in reach afterwards.
bool ColumnSearch::from_reads_column(const ::Node* item)
{
    if (depth_ >= deepest)
        return true;
    const Depth depth{depth_};
    bool reads = false;
    switch (tag_of(item)) {
    case T_RangeVar:
        if (const auto* table = rows_.find ? rows_.find(as<::RangeVar>(item)) : nullptr; table != nullptr)
            nearer_.push_back(table);
        break;
    case T_RangeSubselect:
        reads = query_reads_column(as<::RangeSubselect>(item).subquery);
        break;
    case T_RangeFunction:
        reads = any_reads_column(as<::RangeFunction>(item).functions);
        break;
    case T_JoinExpr: {
        const auto& join = as<::JoinExpr>(item);
        const std::size_t outside = rows_.others.size();
        reads = from_reads_column(join.larg) || from_reads_column(join.rarg) || reads_column(join.quals);
        rows_.others.resize(outside);
        break;
    }
    default:
        return true;
    }
    add_names(item, rows_.others);
    return reads;
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
        case T_ColumnRef:
            reads = is_of_rows(as<::ColumnRef>(node));
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
        case T_FuncCall: {
            const auto& call = as<::FuncCall>(node);
            const bool of_type = text_of(node_of(cells(call.funcname).back())) == "pg_typeof"; // each row has the same
            reads = (!of_type && any_reads_column(call.args)) || call.over != nullptr;
            break;
        }
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

bool reads_column(const ::Node* expression, RowNames rows)
{
    return ColumnSearch{std::move(rows)}.reads_column(expression);
}

void add_names(const ::Node* from_item, std::vector<std::string_view>& names)
{
    const auto alias = [&](const ::Alias* given) {
        if (given != nullptr)
            names.push_back(view_of(given->aliasname));
        return given != nullptr;
    };
    switch (tag_of(from_item)) {
    case T_RangeVar:
        names.push_back(named_in_query(as<::RangeVar>(from_item)));
        break;
    case T_RangeSubselect:
        alias(as<::RangeSubselect>(from_item).alias);
        break;
    case T_RangeTableFunc:
        alias(as<::RangeTableFunc>(from_item).alias);
        break;
    case T_RangeTableSample:
        add_names(as<::RangeTableSample>(from_item).relation, names);
        break;
    case T_RangeFunction: {
        const auto& functions = as<::RangeFunction>(from_item);
        const auto calls = cells(functions.functions);
        const auto* call = calls.size() != 1
                               ? nullptr
                               : if_tag<::FuncCall>(node_of(cells(&as<::List>(node_of(calls[0]))).front()), T_FuncCall);
        if (!alias(functions.alias) && call != nullptr)
            names.push_back(text_of(node_of(cells(call->funcname).back())));
        break;
    }
    case T_JoinExpr: { // an alias hides the names inside
        const auto& join = as<::JoinExpr>(from_item);
        alias(join.join_using_alias);
        if (alias(join.alias))
            break;
        for (const ::Node* side : {join.larg, join.rarg})
            add_names(side, names);
        break;
    }
    default:
        break;
    }
}

} // namespace stepgate::policies::postgres
