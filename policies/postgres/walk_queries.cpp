#include "policies/postgres/builtins.h"
#include "policies/postgres/predicate.h"
#include "policies/postgres/walk.h"
#include "policies/statement/weaker.h"

#include <algorithm>

namespace stepgate::policies::postgres
{
namespace
{

using statement::TableAccess;
using statement::Where;

void rename_columns(Outputs& outputs, const ::List* names)
{
    std::size_t position = 0;
    if (names != nullptr && !outputs.complete)
        outputs.columns.clear();
    for (const ::ListCell& cell : cells(names)) {
        if (position < outputs.columns.size() && outputs.complete)
            outputs.columns[position].name = text_of(node_of(cell));
        else
            outputs.columns.push_back({text_of(node_of(cell))});
        ++position;
    }
}

std::string_view alias_of(const ::Alias* alias)
{
    return alias == nullptr ? std::string_view{} : view_of(alias->aliasname);
}

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

} // namespace

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
            frame.ctes.push_back({view_of(as<::CommonTableExpr>(node_of(cell)).ctename), {{}, false}});
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
            frame.ctes.push_back({view_of(cte.ctename), std::move(outputs)});
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
        const auto* reference = if_tag<::ColumnRef>(item == nullptr ? node : item->node, T_ColumnRef);
        const bool bare = reference != nullptr && cells(reference->fields).size() == 1;
        const std::string_view name = bare ? text_of(node_of(cells(reference->fields).front())) : "";
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
        outputs = target_list(select.targetList, scope);
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
    makes_temporary_ = clause.rel->relpersistence == RELPERSISTENCE_TEMP;
}

/// The relation as an item of the scope, and all others that its name may mean.
void Walk::add_target(const ::RangeVar& relation, Scope& scope)
{
    Item item;
    Found found = find(relation);
    redefined(found);
    relatives(found, false, {});
    item.table = std::move(found.table);
    item.known = found.known;
    item.relation = found.relation;
    item.only = !relation.inh;
    item.stale = found.redefined != nullptr;
    item.alias = relation.alias != nullptr ? alias_of(relation.alias) : view_of(relation.relname);
    item.renamed = relation.alias != nullptr && relation.alias->colnames != nullptr;
    if (item.table.starts_with("pg_toast."))
        opaque("names " + item.table + ", which holds parts of another table's values");
    scope.items.push_back(item);
    for (const catalog::Relation* other : found.others) {
        item.table = joined(other->schema, other->name);
        item.relation = other;
        scope.items.push_back(item);
    }
}

void Walk::from(const ::List* list, Scope& scope)
{
    for (const ::ListCell& cell : cells(list))
        from_item(node_of(cell), scope);
}

void Walk::from_item(const ::Node* node, Scope& scope)
{
    const Nest nest(*this);
    if (!nest)
        return;
    switch (tag_of(node)) {
    case T_RangeVar:
        return from_table(as<::RangeVar>(node), scope);
    case T_JoinExpr:
        return from_join(as<::JoinExpr>(node), scope);
    case T_RangeSubselect:
        return from_subquery(as<::RangeSubselect>(node), scope);
    case T_RangeFunction:
        return from_function(as<::RangeFunction>(node), scope);
    case T_RangeTableFunc:
        return from_table_function(as<::RangeTableFunc>(node), scope);
    case T_RangeTableSample: {
        const auto& sample = as<::RangeTableSample>(node);
        from_item(sample.relation, scope);
        call(sample.method, {.count = cells(sample.args).size(), .uncounted = false, .list = nullptr, .scope = nullptr},
             nullptr, nullptr);
        expressions(sample.args, scope);
        return expression(sample.repeatable, scope);
    }
    default:
        opaque("reads from something that stepgate does not know (node " + std::to_string(tag_of(node)) + ")");
    }
}

void Walk::from_table(const ::RangeVar& relation, Scope& scope)
{
    if (relation.schemaname == nullptr) {
        for (const CteFrame* frame = scope.ctes; frame != nullptr; frame = frame->outer) {
            if (!spend(frame->ctes.size()))
                return;
            const auto found = std::ranges::find(frame->ctes, view_of(relation.relname), &Cte::name);
            if (found == frame->ctes.end())
                continue;
            Item item;
            item.alias = relation.alias != nullptr ? alias_of(relation.alias) : found->name;
            if (!spend(found->outputs.columns.size()))
                return;
            item.outputs = found->outputs;
            if (relation.alias != nullptr)
                rename_columns(item.outputs, relation.alias->colnames);
            scope.items.push_back(std::move(item));
            return;
        }
    }
    const std::size_t first = scope.items.size();
    add_target(relation, scope);
    for (std::size_t i = first; i < scope.items.size(); ++i)
        scope.items[i].read = read_index(scope.items[i]);
}

/// All columns of the items, if every one of them is known.
std::optional<std::vector<std::string_view>> Walk::columns_of(std::span<const Item> items)
{
    std::vector<std::string_view> names;
    for (const Item& item : items) {
        const bool described = item.described();
        if (!described && (!item.table.empty() || !item.outputs.complete))
            return std::nullopt;
        if (described) {
            for (const catalog::Column& column : item.relation->columns)
                names.emplace_back(column.name);
        } else {
            for (const Output& output : item.outputs.columns)
                names.push_back(output.name);
        }
        if (!spend(names.size()))
            return std::nullopt;
    }
    std::ranges::sort(names);
    return names;
}

/// NATURAL JOIN compares the columns that both sides have. A side whose columns are known bounds them.
void Walk::natural(std::span<Item> left, std::span<Item> right)
{
    const auto one = columns_of(left);
    const auto other = columns_of(right);
    const auto read = [this](std::span<Item> side, std::string_view name) {
        for (Item& item : side)
            if (!item.table.empty() && (!item.described() || surely_has(item, name)))
                read_column(item, item.renamed ? "*" : name);
    };
    const auto& bound = one ? one : other;
    if (!bound) {
        for (const std::span<Item> side : {left, right})
            for (Item& item : side)
                if (!item.table.empty())
                    read_column(item, "*");
        return;
    }
    for (const std::string_view name : *bound) {
        if (one && other && !std::ranges::binary_search(*other, name))
            continue;
        read(left, name);
        read(right, name);
    }
}

void Walk::from_join(const ::JoinExpr& join, Scope& scope)
{
    const std::size_t left = scope.items.size();
    from_item(join.larg, scope);
    const std::size_t right = scope.items.size();
    from_item(join.rarg, scope);
    const std::span<Item> both{scope.items.begin() + static_cast<std::ptrdiff_t>(left), scope.items.end()};
    const auto read_all = [this, &both](std::string_view name) {
        for (Item& item : both)
            if (!item.table.empty() && (!item.described() || surely_has(item, name)))
                read_column(item, item.renamed ? "*" : name);
    };
    Item merged;
    merged.outputs.complete = true;
    for (const ::ListCell& cell : cells(join.usingClause)) {
        read_all(text_of(node_of(cell)));
        merged.outputs.columns.push_back({text_of(node_of(cell))});
    }
    if (join.isNatural)
        natural(both.first(right - left), both.subspan(right - left));
    expression(join.quals, scope);
    if (join.join_using_alias != nullptr) {
        merged.alias = alias_of(join.join_using_alias);
        scope.items.push_back(merged);
    }
    if (join.alias == nullptr)
        return;
    for (std::size_t i = left; i < scope.items.size(); ++i) { // "(a join b …) as j" hides a and b
        scope.items[i].alias = alias_of(join.alias);
        scope.items[i].renamed = scope.items[i].renamed || join.alias->colnames != nullptr;
        scope.items[i].outputs.complete = false;
        scope.items[i].function = false;
        if (join.alias->colnames != nullptr)
            scope.items[i].outputs.columns.clear();
    }
}

void Walk::from_subquery(const ::RangeSubselect& sub, Scope& scope)
{
    Item item;
    item.outputs = query(sub.subquery, sub.lateral ? &scope : scope.outer, scope.ctes);
    item.alias = alias_of(sub.alias);
    if (sub.alias != nullptr)
        rename_columns(item.outputs, sub.alias->colnames);
    scope.items.push_back(std::move(item));
}

void Walk::from_function(const ::RangeFunction& range, Scope& scope)
{
    Item item;
    item.function = true;
    item.outputs.complete = false;
    item.alias = alias_of(range.alias);
    bool rows = false;
    const auto columns = [&item](const ::List* definitions) {
        for (const ::ListCell& cell : cells(definitions))
            item.outputs.columns.push_back({view_of(as<::ColumnDef>(node_of(cell)).colname)});
    };
    for (const ::ListCell& cell : cells(range.functions)) {
        const auto pair = cells(reinterpret_cast<const ::List*>(node_of(cell)));
        const ::Node* called = node_of(pair[0]);
        expression(called, scope);
        rows = rows || is_row(called, scope);
        if (pair.size() > 1)
            columns(reinterpret_cast<const ::List*>(node_of(pair[1])));
        const auto* call_node = if_tag<::FuncCall>(called, T_FuncCall);
        if (call_node != nullptr && item.alias.empty())
            item.alias = text_of(node_of(cells(call_node->funcname).back()));
    }
    columns(range.coldeflist);
    if (range.alias != nullptr)
        for (const ::ListCell& cell : cells(range.alias->colnames))
            item.outputs.columns.push_back({text_of(node_of(cell))});
    item.function = !rows; // of one that returns rows any name may be a column
    scope.items.push_back(std::move(item));
}

void Walk::from_table_function(const ::RangeTableFunc& range, Scope& scope)
{
    Item item;
    item.alias = alias_of(range.alias);
    expression(range.docexpr, scope);
    expression(range.rowexpr, scope);
    expressions(range.namespaces, scope);
    for (const ::ListCell& cell : cells(range.columns)) {
        const auto& definition = as<::RangeTableFuncCol>(node_of(cell));
        expression(definition.colexpr, scope);
        expression(definition.coldefexpr, scope);
        item.outputs.columns.push_back({view_of(definition.colname)});
    }
    if (range.alias != nullptr)
        rename_columns(item.outputs, range.alias->colnames);
    scope.items.push_back(std::move(item));
}

void Walk::weaken_where(Where where)
{
    facts().where = statement::weaker(facts().where, where);
    if (where == Where::missing || where == Where::always_true)
        facts().destructive = true;
}

/// WHERE of an UPDATE or DELETE whose target is the first item of the scope.
void Walk::where(const ::Node* predicate, Scope& scope)
{
    if (predicate == nullptr)
        return weaken_where(Where::missing);
    const Item& target = scope.items.front();
    const std::string_view table = target.table;
    const PredicateTarget named{target.alias, table.substr(table.find('.') + 1),
                                target.renamed ? nullptr : target.relation};
    const bool always = holds_for_every_row(predicate, named, out_.literals_consulted);
    weaken_where(always ? Where::always_true : Where::present);
    expression(predicate, scope);
}

void Walk::assign(const ::List* targets, TableAccess& write, Scope& scope)
{
    std::vector<std::string> columns;
    for (const ::ListCell& cell : cells(targets)) {
        const auto& target = as<::ResTarget>(node_of(cell));
        columns.emplace_back(view_of(target.name));
        for (const ::ListCell& step : cells(target.indirection))
            if (tag_of(node_of(step)) == T_A_Indices)
                expression(node_of(step), scope);
    }
    write.columns.insert(write.columns.end(), columns.begin(), columns.end());
    for (const ::ListCell& cell : cells(targets))
        expression(as<::ResTarget>(node_of(cell)).val, scope);
}

void Walk::insert(const ::InsertStmt& insert, Scope& scope)
{
    constexpr catalog::Events inserts{.insert = true, .update = false, .delete_rows = false, .truncate = false};
    TableAccess write = write_table(*insert.relation, inserts);
    for (const ::ListCell& cell : cells(insert.cols))
        write.columns.emplace_back(view_of(as<::ResTarget>(node_of(cell)).name));
    if (insert.cols == nullptr)
        write.columns.emplace_back("*");
    query(insert.selectStmt, scope.outer, scope.ctes);
    add_target(*insert.relation, scope);
    if (insert.onConflictClause != nullptr)
        on_conflict(*insert.relation, insert.onConflictClause, write, scope);
    write_table(*insert.relation).columns = std::move(write.columns);
}

/// ON CONFLICT asks whether values exist, which is a read of the columns it names; "excluded" is the row proposed.
void Walk::on_conflict(const ::RangeVar& target, const ::OnConflictClause* clause, TableAccess& write, Scope& outer)
{
    Scope scope{outer.outer, outer.ctes, {}};
    add_target(target, scope);
    if (clause->infer != nullptr) {
        if (clause->infer->conname != nullptr && catalog_ != nullptr)
            everything(scope); // the constraint's columns, whichever those are
        index_elements(clause->infer->indexElems, scope);
        expression(clause->infer->whereClause, scope);
    }
    if (clause->action == ONCONFLICT_UPDATE) {
        constexpr catalog::Events updates{.insert = false, .update = true, .delete_rows = false, .truncate = false};
        write_table(target, updates);
    }
    Item excluded = scope.items.front(); // the server checks the right to read the table's own column
    excluded.alias = "excluded";
    excluded.qualified_only = true;
    if (catalog_ == nullptr) {
        excluded.table.clear();
        excluded.outputs.complete = false;
    }
    scope.items.push_back(std::move(excluded));
    assign(clause->targetList, write, scope);
    expression(clause->whereClause, scope);
}

void Walk::update(const ::UpdateStmt& update, Scope& scope)
{
    constexpr catalog::Events updates{.insert = false, .update = true, .delete_rows = false, .truncate = false};
    TableAccess write = write_table(*update.relation, updates);
    add_target(*update.relation, scope);
    from(update.fromClause, scope);
    assign(update.targetList, write, scope);
    where(update.whereClause, scope);
    write_table(*update.relation).columns = std::move(write.columns);
}

void Walk::delete_rows(const ::DeleteStmt& rows, Scope& scope)
{
    constexpr catalog::Events deletes{.insert = false, .update = false, .delete_rows = true, .truncate = false};
    write_table(*rows.relation, deletes);
    add_target(*rows.relation, scope);
    from(rows.usingClause, scope);
    where(rows.whereClause, scope);
}

/// A MERGE that updates or deletes is judged by its join condition: constant, or on the table itself, means every row.
void Walk::merge(const ::MergeStmt& merge, Scope& scope)
{
    TableAccess write = write_table(*merge.relation);
    catalog::Events events;
    add_target(*merge.relation, scope);
    const std::size_t targets = scope.items.size();
    if (catalog_ != nullptr)
        for (Item& item : scope.items)
            item.read = read_index(item); // joined, whatever is done then
    from_item(merge.sourceRelation, scope);
    expression(merge.joinCondition, scope);
    bool changes_rows = false;
    for (const ::ListCell& cell : cells(merge.mergeWhenClauses)) {
        const auto& when = as<::MergeWhenClause>(node_of(cell));
        Scope source{scope.outer, scope.ctes, {}}; // without a row of the target only the source has columns
        source.items.assign(scope.items.begin() + static_cast<std::ptrdiff_t>(targets), scope.items.end());
        Scope& seen = when.matched ? scope : source;
        expression(when.condition, seen);
        expressions(when.values, seen);
        assign(when.targetList, write, seen);
        if (when.commandType == CMD_INSERT) {
            facts().inner.push_back(Kind::insert);
            events.insert = true;
            if (when.targetList == nullptr)
                write.columns.emplace_back("*");
        } else if (when.commandType == CMD_UPDATE || when.commandType == CMD_DELETE) {
            facts().inner.push_back(when.commandType == CMD_UPDATE ? Kind::update : Kind::delete_rows);
            (when.commandType == CMD_UPDATE ? events.update : events.delete_rows) = true;
            changes_rows = true;
        }
    }
    write_table(*merge.relation, events).columns = std::move(write.columns);
    if (!changes_rows)
        return;
    const std::string_view table = scope.items.front().table;
    const PredicateTarget target{scope.items.front().alias, table.substr(table.find('.') + 1), nullptr};
    const auto* source = if_tag<::RangeVar>(merge.sourceRelation, T_RangeVar);
    const bool itself = source != nullptr && view_of(source->relname) == view_of(merge.relation->relname);
    const bool always = itself || holds_for_every_row(merge.joinCondition, target, out_.literals_consulted);
    weaken_where(always ? Where::always_true : Where::present);
}

} // namespace stepgate::policies::postgres
