#include "policies/postgres/walk.h"

#include <algorithm>

namespace stepgate::policies::postgres
{
namespace
{

std::string_view alias_of(const ::Alias* alias)
{
    return alias == nullptr ? std::string_view{} : view_of(alias->aliasname);
}

} // namespace

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
    const FoundCte found = find_cte(relation, {scope.ctes}, [this](std::size_t steps) { return spend(steps); });
    if (found.cte != nullptr) {
        const Outputs& outputs = found.cte->outputs;
        if (!spend(outputs.columns.size()))
            return;
        Item item;
        item.alias = relation.alias != nullptr ? alias_of(relation.alias) : found.cte->name;
        item.outputs = outputs;
        if (relation.alias != nullptr)
            rename_columns(item.outputs, relation.alias->colnames);
        scope.items.push_back(std::move(item));
        return;
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
    const auto columns = [&](const ::List* definitions) {
        for (const ::ListCell& cell : cells(definitions)) {
            const auto& definition = as<::ColumnDef>(node_of(cell));
            type_name(definition.typeName, scope);
            item.outputs.columns.push_back({view_of(definition.colname)});
        }
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
        type_name(definition.typeName, scope);
        expression(definition.colexpr, scope);
        expression(definition.coldefexpr, scope);
        item.outputs.columns.push_back({view_of(definition.colname)});
    }
    if (range.alias != nullptr)
        rename_columns(item.outputs, range.alias->colnames);
    scope.items.push_back(std::move(item));
}

} // namespace stepgate::policies::postgres
