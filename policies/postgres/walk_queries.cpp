#include "policies/postgres/same_value.h"
#include "policies/postgres/walk.h"

#include <algorithm>
#include <utility>

namespace stepgate::policies::postgres
{
namespace
{

/// The name the server gives an output column, where it is easy to tell.
std::string_view output_name(const ::ResTarget& target)
{
    if (target.name != nullptr)
        return target.name;
    if (const auto* reference = if_tag<::ColumnRef>(target.val, T_ColumnRef))
        return text_of(node_of(cells(reference->fields).back()));
    if (const auto* call = if_tag<::FuncCall>(target.val, T_FuncCall))
        return text_of(node_of(cells(call->funcname).back()));
    return {};
}

bool is_plain(const ::SelectStmt& select)
{
    return select.fromClause == nullptr && select.whereClause == nullptr && select.groupClause == nullptr &&
           select.havingClause == nullptr && select.limitCount == nullptr && select.limitOffset == nullptr &&
           select.withClause == nullptr && select.op == SETOP_NONE && select.distinctClause == nullptr;
}

/// The setting that is the only row of a SELECT from pg_settings: pg_dump sets one so, where the server has it.
std::string_view only_setting(const ::SelectStmt& select, const Scope& scope)
{
    if (scope.items.size() != 1 || scope.items.front().table != "pg_catalog.pg_settings" ||
        !scope.items.front().known || scope.items.front().renamed)
        return {};
    const auto* comparison = if_tag<::A_Expr>(select.whereClause, T_A_Expr);
    if (comparison == nullptr || comparison->kind != AEXPR_OP || operator_of(*comparison) != "=" ||
        bare_column(comparison->lexpr) != "name")
        return {};
    return view_of(literal_of(constant_of(comparison->rexpr)));
}

} // namespace

std::string_view bare_column(const ::Node* node)
{
    const auto* reference = if_tag<::ColumnRef>(node, T_ColumnRef);
    if (reference == nullptr || cells(reference->fields).size() != 1)
        return {};
    return text_of(node_of(cells(reference->fields).front()));
}

Outputs Walk::query(const ::Node* node, Scope* outer, const CteFrame* ctes)
{
    if (node == nullptr)
        return {};
    const Nest nest(*this);
    if (!nest)
        return {{}, false};
    if (const auto* nested = if_tag<::SelectStmt>(node, T_SelectStmt)) {
        certain_ = certain_ && outer == nullptr && is_plain(*nested);
        return select(*nested, outer, ctes);
    }
    certain_ = false;
    Scope scope{outer, ctes, {}};
    CteFrame frame{ctes, {}};
    const ::List* returning = nullptr;
    switch (tag_of(node)) {
    case T_InsertStmt:
        facts().inner.push_back(Kind::insert);
        with(as<::InsertStmt>(node).withClause, scope, frame);
        insert(as<::InsertStmt>(node), scope);
        returning = as<::InsertStmt>(node).returningList;
        break;
    case T_UpdateStmt:
        facts().inner.push_back(Kind::update);
        with(as<::UpdateStmt>(node).withClause, scope, frame);
        update(as<::UpdateStmt>(node), scope);
        returning = as<::UpdateStmt>(node).returningList;
        break;
    case T_DeleteStmt:
        facts().inner.push_back(Kind::delete_rows);
        with(as<::DeleteStmt>(node).withClause, scope, frame);
        delete_rows(as<::DeleteStmt>(node), scope);
        returning = as<::DeleteStmt>(node).returningList;
        break;
    case T_MergeStmt:
        facts().inner.push_back(Kind::merge);
        with(as<::MergeStmt>(node).withClause, scope, frame);
        merge(as<::MergeStmt>(node), scope);
        break;
    default:
        opaque("holds a query that stepgate does not know (node " + std::to_string(tag_of(node)) + ")");
        return {{}, false};
    }
    return target_list(returning, scope);
}

/// CTE names hide tables: in all of the list if RECURSIVE, else only behind their own definition.
void Walk::with(const ::WithClause* clause, Scope& scope, CteFrame& frame)
{
    if (clause == nullptr)
        return;
    const auto definitions = cells(clause->ctes);
    frame.ctes.reserve(definitions.size());
    if (clause->recursive) {
        for (const ::ListCell& cell : definitions)
            frame.ctes.push_back({view_of(as<::CommonTableExpr>(node_of(cell)).ctename),
                                  {{}, false},
                                  &as<::CommonTableExpr>(node_of(cell)),
                                  definitions.size()});
        scope.ctes = &frame;
    }
    std::size_t position = 0;
    for (const ::ListCell& cell : definitions) {
        const auto& cte = as<::CommonTableExpr>(node_of(cell));
        Outputs outputs = query(cte.ctequery, scope.outer, &frame); // holds those before it, or all if recursive
        rename_columns(outputs, cte.aliascolnames);
        if (cte.search_clause != nullptr)
            outputs.columns.push_back({view_of(cte.search_clause->search_seq_column)});
        if (cte.cycle_clause != nullptr) {
            outputs.columns.push_back({view_of(cte.cycle_clause->cycle_mark_column)});
            outputs.columns.push_back({view_of(cte.cycle_clause->cycle_path_column)});
            expression(cte.cycle_clause->cycle_mark_value, scope);
            expression(cte.cycle_clause->cycle_mark_default, scope);
        }
        if (clause->recursive)
            frame.ctes[position].outputs = std::move(outputs);
        else
            frame.ctes.push_back({view_of(cte.ctename), std::move(outputs), &cte, position});
        ++position;
    }
    scope.ctes = &frame;
}

/// "*" or "alias.*": the columns of the items, where all are known.
void Walk::star_outputs(const ::ColumnRef* reference, const Scope& scope, Outputs& outputs)
{
    const auto fields = cells(reference == nullptr ? nullptr : reference->fields);
    if (catalog_ == nullptr || fields.empty() || fields.size() > 2) {
        outputs.complete = false;
        return;
    }
    const std::string_view alias = fields.size() == 2 ? text_of(node_of(fields.front())) : std::string_view{};
    bool any = false;
    for (const Item& item : scope.items) {
        if (item.qualified_only || (!alias.empty() && item.alias != alias))
            continue;
        any = true;
        if (item.described()) {
            for (const catalog::Column& column : item.relation->columns)
                outputs.columns.push_back({column.name, true});
        } else {
            outputs.columns.insert(outputs.columns.end(), item.outputs.columns.begin(), item.outputs.columns.end());
            outputs.complete = outputs.complete && item.table.empty() && item.outputs.complete;
        }
        if (!spend(outputs.columns.size()))
            outputs.complete = false;
    }
    outputs.complete = outputs.complete && any;
}

Outputs Walk::target_list(const ::List* targets, Scope& scope)
{
    Outputs outputs;
    for (const ::ListCell& cell : cells(targets)) {
        const auto& target = as<::ResTarget>(node_of(cell));
        const bool was_certain = certain_;
        const auto* reference = if_tag<::ColumnRef>(target.val, T_ColumnRef);
        const auto* picked = if_tag<::A_Indirection>(target.val, T_A_Indirection);
        const bool star = (reference != nullptr && tag_of(node_of(cells(reference->fields).back())) == T_A_Star) ||
                          (picked != nullptr && tag_of(node_of(cells(picked->indirection).back())) == T_A_Star);
        if (star)
            star_outputs(reference, scope, outputs);
        else
            outputs.columns.push_back({output_name(target), target.val != nullptr && is_row(target.val, scope)});
        if (target.name == nullptr && !star && output_name(target).empty())
            outputs.complete = false;
        expression(target.val, scope);
        certain_ = was_certain;
    }
    return outputs;
}

/// An ORDER BY item that names an output column means that column, which was read where it stands.
void Walk::sort_by(const ::List* sort, const ::List* targets, Scope& scope)
{
    for (const ::ListCell& cell : cells(sort)) {
        const ::Node* node = node_of(cell);
        const auto* item = if_tag<::SortBy>(node, T_SortBy);
        const std::string_view name = bare_column(item == nullptr ? node : item->node);
        if (!name.empty() && !spend(cells(targets).size()))
            return;
        const bool output = !name.empty() && std::ranges::any_of(cells(targets), [name](const ::ListCell& target) {
            return view_of(as<::ResTarget>(node_of(target)).name) == name;
        });
        if (!output)
            expression(node, scope);
    }
}

Outputs Walk::values(const ::SelectStmt& select, Scope& scope)
{
    static constexpr std::string_view names[] = {"column1", "column2", "column3", "column4", "column5", "column6"};
    Outputs outputs;
    const auto rows = cells(select.valuesLists);
    const std::size_t width = cells(reinterpret_cast<const ::List*>(node_of(rows.front()))).size();
    for (std::size_t i = 0; i < std::min(width, std::size(names)); ++i)
        outputs.columns.push_back({names[i]});
    outputs.complete = width <= std::size(names);
    expressions(select.valuesLists, scope);
    return outputs;
}

/// Arms of UNION and the like lean to the left and may be many.
Outputs Walk::set_operation(const ::SelectStmt& first, Scope& scope)
{
    std::vector<const ::SelectStmt*> arms;
    const ::SelectStmt* node = &first;
    const auto simple = [&](const ::SelectStmt* arm) {
        return arm->op != SETOP_NONE && arm->withClause == nullptr && arm->sortClause == nullptr &&
               arm->limitCount == nullptr && arm->limitOffset == nullptr && arm->lockingClause == nullptr;
    };
    do {
        arms.push_back(node->rarg);
        node = node->larg;
    } while (simple(node));
    Outputs outputs = query(reinterpret_cast<const ::Node*>(node), &scope, scope.ctes);
    for (auto arm = arms.rbegin(); arm != arms.rend(); ++arm)
        query(reinterpret_cast<const ::Node*>(*arm), &scope, scope.ctes);
    for (Output& output : outputs.columns)
        output.composite = false;
    return outputs;
}

Outputs Walk::select(const ::SelectStmt& select, Scope* outer, const CteFrame* ctes)
{
    Scope scope{outer, ctes, {}};
    CteFrame frame{ctes, {}};
    with(select.withClause, scope, frame);
    Outputs outputs;
    if (select.op != SETOP_NONE) {
        outputs = set_operation(select, scope);
        Item result;
        result.outputs = outputs;
        scope.items.push_back(std::move(result));
    } else if (select.valuesLists != nullptr) {
        outputs = values(select, scope);
    } else {
        from(select.fromClause, scope);
        const std::string_view outer_setting = std::exchange(only_setting_, only_setting(select, scope));
        outputs = target_list(select.targetList, scope);
        only_setting_ = outer_setting;
    }
    certain_ = false;
    if (select.intoClause != nullptr)
        into(*select.intoClause);
    expression(select.whereClause, scope);
    expressions(select.groupClause, scope);
    expression(select.havingClause, scope);
    expressions(select.windowClause, scope);
    for (const ::ListCell& cell : cells(select.distinctClause))
        if (node_of(cell) != nullptr) // plain DISTINCT is a list with one NULL
            expression(node_of(cell), scope);
    sort_by(select.sortClause, select.targetList, scope);
    expression(select.limitOffset, scope);
    expression(select.limitCount, scope);
    return outputs;
}

void Walk::into(const ::IntoClause& clause)
{
    auto& write = write_table(*clause.rel);
    write.columns.assign(1, "*");
    is(Kind::create, "table");
    makes(*clause.rel, clause.onCommit);
}

} // namespace stepgate::policies::postgres
