#include "policies/postgres/one_sided.h"
#include "policies/postgres/reads_column.h"
#include "policies/postgres/walk.h"
#include "policies/statement/weaker.h"

#include <algorithm>

namespace stepgate::policies::postgres
{

using statement::TableAccess;
using statement::Where;

void Walk::weaken_where(Where where)
{
    facts().where = statement::weaker(facts().where, where);
    if (where == Where::missing || where == Where::always_true)
        facts().destructive = true;
}

/// What a predicate is asked of: the first item of the scope, joined with others.
PredicateTarget Walk::predicate_target(const Scope& scope, std::span<const ::ListCell> joined)
{
    const Item& target = scope.items.front();
    const std::string_view table = target.table;
    PredicateTarget named{target.alias, bare(table), target.renamed ? nullptr : target.relation};
    named.same_table = [this, table](const ::RangeVar& other) { return find(other).table == table; };
    named.find = [this](const ::RangeVar& other) { return find(other).relation; };
    named.joined = joined;
    named.hiding = hiding_;
    named.again = again_;
    if (base_ != nullptr) {
        std::vector<std::string_view> nearer{target.alias};
        for (const ::ListCell& cell : joined)
            add_names(node_of(cell), nearer);
        for (const Item& item : base_->items)
            if (std::ranges::find(nearer, item.alias) == nearer.end())
                named.around.push_back(item.alias);
    }
    named.ctes = {scope.ctes};
    named.spend = [this](std::size_t steps) { return spend(steps); };
    return named;
}

/// WHERE of an UPDATE or DELETE whose target is the first item of the scope; `from`: what the target is joined with.
void Walk::where(const ::Node* predicate, const ::List* from, Scope& scope)
{
    if (predicate == nullptr)
        return weaken_where(Where::missing);
    const bool always = holds_for_every_row(predicate, predicate_target(scope, cells(from)), out_.literals_consulted);
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
    const bool from_itself = std::ranges::find(facts().reads, write.table, &TableAccess::table) != facts().reads.end();
    add_target(*insert.relation, scope);
    if (insert.onConflictClause != nullptr) {
        on_conflict(*insert.relation, insert.onConflictClause, write, scope);
        if (updates_every_row(insert, from_itself, scope))
            weaken_where(Where::always_true);
    }
    write_table(*insert.relation).columns = std::move(write.columns);
}

/// ON CONFLICT DO UPDATE where all rows of the table are proposed to it again, or all keys that there may be.
bool Walk::updates_every_row(const ::InsertStmt& insert, bool from_itself, const Scope& scope)
{
    const auto* source = if_tag<::SelectStmt>(insert.selectStmt, T_SelectStmt);
    const ::OnConflictClause& conflict = *insert.onConflictClause;
    if (source == nullptr || conflict.action != ONCONFLICT_UPDATE)
        return false;
    const auto holds = [&](const ::Node* condition) {
        return condition == nullptr ||
               holds_for_every_row(condition, predicate_target(scope, {}), out_.literals_consulted);
    };
    return holds(conflict.whereClause) && (counts_up(*source) || (from_itself && holds(source->whereClause)));
}

/// ON CONFLICT asks whether values exist, which is a read of the columns it names. "excluded" is the row proposed, with
/// what the statement itself has for it (and defaults and triggers make of that), no value of the table's: every upsert
/// of a labelled column names it. The columns of a view may be any expression.
void Walk::on_conflict(const ::RangeVar& target, const ::OnConflictClause* clause, TableAccess& write, Scope& outer)
{
    Scope scope{outer.outer, outer.ctes, {}};
    add_target(target, scope);
    if (clause->infer != nullptr) {
        if (clause->infer->conname != nullptr)
            read_index_key(scope, clause->infer->conname);
        index_elements(clause->infer->indexElems, scope);
        expression(clause->infer->whereClause, scope);
    }
    if (clause->action == ONCONFLICT_UPDATE) {
        constexpr catalog::Events updates{.insert = false, .update = true, .delete_rows = false, .truncate = false};
        write_table(target, updates);
    }
    Item excluded = scope.items.front();
    excluded.alias = "excluded";
    excluded.qualified_only = true;
    excluded.proposed = scope.items.size() == 1 && excluded.relation != nullptr && !excluded.stale &&
                        excluded.relation->kind != catalog::RelationKind::view;
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
    where(update.whereClause, update.fromClause, scope);
    write_table(*update.relation).columns = std::move(write.columns);
}

void Walk::delete_rows(const ::DeleteStmt& rows, Scope& scope)
{
    constexpr catalog::Events deletes{.insert = false, .update = false, .delete_rows = true, .truncate = false};
    write_table(*rows.relation, deletes);
    add_target(*rows.relation, scope);
    from(rows.usingClause, scope);
    where(rows.whereClause, rows.usingClause, scope);
}

/// A MERGE that updates or deletes is judged by its join condition: constant, or on the table itself, means every row.
/// Rows are merged with those of the same key: one that only bounds them on one side takes as many as its source says.
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
    ::ListCell joined{};
    joined.ptr_value = merge.sourceRelation;
    const PredicateTarget target = predicate_target(scope, {&joined, 1});
    RowNames rows{target.alias,  target.relation, target.described, target.around,
                  target.hiding, target.find,     target.spend};
    add_names(merge.sourceRelation, rows.others);
    const auto* source = if_tag<::RangeVar>(merge.sourceRelation, T_RangeVar);
    const bool itself = source != nullptr && view_of(source->relname) == view_of(merge.relation->relname);
    const bool always = itself || bounds_one_side(merge.joinCondition, rows) ||
                        holds_for_every_row(merge.joinCondition, target, out_.literals_consulted);
    weaken_where(always ? Where::always_true : Where::present);
}

} // namespace stepgate::policies::postgres
