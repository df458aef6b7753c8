#include "policies/postgres/own_rows.h"

#include "policies/postgres/depth.h"
#include "policies/postgres/same_value.h"

#include <algorithm>
#include <cstdlib>

namespace stepgate::policies::postgres
{

namespace
{

/// The number that is written there; nothing: something else.
std::optional<long double> number_of(const ::Node* node)
{
    const ::A_Const* const literal = constant_of(node);
    if (literal == nullptr || literal->isnull)
        return std::nullopt;
    switch (literal->val.node.type) {
    case T_Integer:
        return literal->val.ival.ival;
    case T_Float:
        return std::strtold(literal->val.fval.fval, nullptr);
    default:
        return std::nullopt;
    }
}

constexpr long double whole_tables = 1e7L; // nobody deletes ten million rows a batch

/// LIMIT ALL is LIMIT NULL.
bool cuts_off(const ::Node* limit, bool any_limit)
{
    const ::A_Const* const literal = constant_of(limit);
    if (any_limit)
        return number_of(limit) == 0;
    return limit != nullptr && (literal == nullptr || !literal->isnull) && number_of(limit).value_or(0) < whole_tables;
}

bool skips(const ::Node* offset)
{
    const ::A_Const* const literal = constant_of(offset);
    return offset != nullptr && (literal == nullptr || !literal->isnull) && number_of(offset) != 0;
}

/// TABLESAMPLE of 100 per cent, of as many rows as whole tables have, or of what can be read in some time.
bool takes_all(const ::RangeTableSample& sample, bool& literals_consulted)
{
    literals_consulted = true;
    const auto arguments = cells(sample.args);
    const std::string_view method = text_of(node_of(cells(sample.method).back()));
    return arguments.size() == 1 && (method == "system_time" || number_of(node_of(arguments.front())).value_or(0) >=
                                                                    (method == "system_rows" ? whole_tables : 100));
}

/// No DISTINCT ON but of all that the query gives.
bool keeps_values(const ::SelectStmt& select, bool& literals_consulted)
{
    const auto distinct = cells(select.distinctClause);
    if (distinct.empty() || node_of(distinct.front()) == nullptr) // DISTINCT alone is a list of nothing
        return true;
    const PredicateTarget any;
    SameValue values{any, literals_consulted};
    const auto targets = cells(select.targetList);
    for (std::size_t i = 0; i < targets.size(); ++i)
        if (std::ranges::none_of(distinct, [&](const ::ListCell& one) {
                const auto place = number_of(node_of(one));
                literals_consulted = literals_consulted || place;
                return place == static_cast<long double>(i + 1) ||
                       values.same(node_of(one), as<::ResTarget>(node_of(targets[i])).val);
            }))
            return false;
    return true;
}

/// The one argument of a call of that function; null: it is something else.
const ::Node* argument_of(const ::Node* node, std::string_view function)
{
    const auto* call = if_tag<::FuncCall>(node, T_FuncCall);
    return call != nullptr && text_of(node_of(cells(call->funcname).back())) == function &&
                   cells(call->args).size() == 1 && call->agg_filter == nullptr
               ? node_of(cells(call->args).front())
               : nullptr;
}

} // namespace

bool gives_all(const ::SelectStmt& select, bool& literals_consulted, bool any_limit)
{
    if (select.op != SETOP_NONE || select.withClause != nullptr || select.havingClause != nullptr ||
        !keeps_values(select, literals_consulted))
        return false;
    literals_consulted = literals_consulted || select.limitCount != nullptr || select.limitOffset != nullptr;
    return !cuts_off(select.limitCount, any_limit) && !skips(select.limitOffset);
}

bool OwnRows::is_same_table(const ::RangeVar& table) const
{
    if (find_cte(table, look_.place, target_.spend).cte != nullptr)
        return false;
    return target_.same_table ? target_.same_table(table) : view_of(table.relname) == target_.relation;
}

PredicateTarget OwnRows::joined_with(Twin twin) const
{
    PredicateTarget joined = target_;
    joined.twins.push_back(std::move(twin));
    return joined;
}

OwnRows::Derived OwnRows::derived(const ::Node* item) const
{
    const auto* sub = if_tag<::RangeSubselect>(item, T_RangeSubselect);
    if (sub != nullptr && sub->alias != nullptr)
        return {if_tag<::SelectStmt>(sub->subquery, T_SelectStmt),
                view_of(sub->alias->aliasname),
                {sub->alias->colnames},
                look_.place};
    const auto* named = if_tag<::RangeVar>(item, T_RangeVar);
    const FoundCte found = named == nullptr ? FoundCte{} : find_cte(*named, look_.place, target_.spend);
    if (found.cte == nullptr)
        return {};
    return {if_tag<::SelectStmt>(found.cte->definition->ctequery, T_SelectStmt),
            named_in_query(*named),
            {found.cte->definition->aliascolnames, named->alias == nullptr ? nullptr : named->alias->colnames},
            found.inside};
}

/// Where there are too many, any may give every row.
bool OwnRows::enter(const Derived& derived, const std::function<bool()>& look)
{
    if (look_.queries_left == 0)
        return true;
    --look_.queries_left;
    const CtePlace before = std::exchange(look_.place, derived.place);
    const bool held = look();
    look_.place = before;
    return held;
}

/// The query as a name for every row of the target; nothing: it leaves some out, or which columns it has is not known.
std::optional<Twin> OwnRows::all_rows(const Derived& derived)
{
    const auto inner = gives_all(*derived.query, literals_, target_.again) ? own_row(*derived.query) : std::nullopt;
    if (!inner)
        return std::nullopt;
    const PredicateTarget joined = joined_with(*inner);
    const SameValue values{joined, literals_};
    Twin made{derived.name};
    bool star = false;
    for (const ::ListCell& cell : cells(derived.query->targetList)) {
        const auto& target = as<::ResTarget>(node_of(cell));
        const auto* column = if_tag<::ColumnRef>(target.val, T_ColumnRef);
        const std::string_view own = column == nullptr ? "" : text_of(node_of(cells(column->fields).back()));
        star = star || (column != nullptr && own.empty());
        made.columns.emplace_back(target.name != nullptr ? view_of(target.name) : own,
                                  column == nullptr ? std::string_view{} : values.column_of_target(*column));
    }
    for (const ::List* names : derived.columns)
        for (std::size_t i = 0; i < std::min(cells(names).size(), made.columns.size()); ++i)
            made.columns[i].first = text_of(node_of(cells(names)[i]));
    made.renames = std::ranges::any_of(made.columns, [](const auto& one) { return one.first != one.second; });
    std::erase_if(made.columns, [](const auto& one) { return one.second.empty(); });
    return star && (made.renames || inner->renames) ? std::nullopt : std::optional{std::move(made)};
}

std::optional<Twin> OwnRows::twin(const ::Node* item)
{
    const auto* table = if_tag<::RangeVar>(item, T_RangeVar);
    if (table != nullptr && is_same_table(*table))
        return Twin{named_in_query(*table)};
    if (look_.depth >= deepest_predicate)
        return std::nullopt;
    const Depth depth{look_.depth};
    if (const auto* sample = if_tag<::RangeTableSample>(item, T_RangeTableSample))
        return takes_all(*sample, literals_) ? twin(sample->relation) : std::nullopt;
    if (const auto* join = if_tag<::JoinExpr>(item, T_JoinExpr); join != nullptr && join->alias == nullptr)
        return twin_in(*join);
    const Derived sub = derived(item);
    if (sub.query == nullptr)
        return std::nullopt;
    std::optional<Twin> made = Twin{sub.name};
    const bool whole = enter(sub, [&] {
        made = all_rows(sub);
        return made.has_value();
    });
    return whole ? made : std::nullopt;
}

/// A join that keeps all rows of a side: it is outer on the other, or without a condition.
std::optional<Twin> OwnRows::twin_in(const ::JoinExpr& join)
{
    const bool unconditional = join.quals == nullptr && join.usingClause == nullptr && !join.isNatural;
    auto made =
        unconditional || join.jointype == JOIN_LEFT || join.jointype == JOIN_FULL ? twin(join.larg) : std::nullopt;
    if (!made && (unconditional || join.jointype == JOIN_RIGHT || join.jointype == JOIN_FULL))
        made = twin(join.rarg);
    return made;
}

std::optional<Twin> OwnRows::referenced(const ::Node* item) const
{
    const auto* table = if_tag<::RangeVar>(item, T_RangeVar);
    if (table == nullptr || !target_.find || target_.described == nullptr || is_same_table(*table) ||
        find_cte(*table, look_.place, target_.spend).cte != nullptr)
        return std::nullopt;
    const catalog::Relation* const relation = target_.find(*table);
    if (relation == nullptr)
        return std::nullopt;
    const auto key =
        std::ranges::find(relation->referenced_by, target_.described->oid, &catalog::ReferencedBy::relation);
    if (key == relation->referenced_by.end() || key->columns.size() != key->our_columns.size())
        return std::nullopt;
    Twin made{named_in_query(*table), true};
    for (std::size_t i = 0; i < key->columns.size(); ++i)
        made.columns.emplace_back(key->our_columns[i], key->columns[i]);
    made.referenced = relation;
    return made;
}

std::optional<Twin> OwnRows::own_row(const ::SelectStmt& select)
{
    const auto items = cells(select.fromClause);
    std::optional<Twin> made;
    const bool alone = items.size() == 1 && tag_of(node_of(items.front())) != T_JoinExpr;
    if (alone)
        made = referenced(node_of(items.front()));
    if (alone || select.whereClause == nullptr) // what is asked of other tables' rows may select
        for (std::size_t i = 0; i < items.size() && !made; ++i)
            made = twin(node_of(items[i]));
    if (!made || select.whereClause == nullptr)
        return made;
    return holds_(select.whereClause, joined_with(*made)) ? made : std::nullopt;
}

bool OwnRows::gives_from(const ::SelectStmt& select, const ::Node* given, const ::Node* value)
{
    const auto items = cells(select.fromClause);
    if (items.empty() && select.whereClause == nullptr)
        return SameValue{target_, literals_}.alike(value, given); // id in (select t.id)
    const Derived sub = items.size() == 1 ? derived(node_of(items.front())) : Derived{};
    if (sub.query != nullptr && select.whereClause == nullptr && tag_of(given) == T_ColumnRef &&
        enter(sub, [&] { return gives(reinterpret_cast<const ::Node*>(sub.query), value); }))
        return true; // select id from (select id from …) x
    auto twin = own_row(select);
    if (!twin)
        return false;
    const bool other = twin->referenced != nullptr;
    const PredicateTarget joined = joined_with(std::move(*twin));
    SameValue inside{joined, literals_};
    if (!other)
        return inside.alike(value, given);
    const auto* ours = if_tag<::ColumnRef>(value, T_ColumnRef); // as it is named outside
    const auto* theirs = if_tag<::ColumnRef>(given, T_ColumnRef);
    const std::string_view column =
        ours == nullptr ? std::string_view{} : SameValue{target_, literals_}.column_of_target(*ours);
    return theirs != nullptr && !column.empty() && inside.column_of_target(*theirs) == column;
}

bool OwnRows::in_array(const ::Node* array, const ::Node* value)
{
    array = without_casts(array);
    if (const auto* link = if_tag<::SubLink>(array, T_SubLink))
        return (link->subLinkType == ARRAY_SUBLINK && gives(link->subselect, value)) ||
               (link->subLinkType == EXPR_SUBLINK && gives(link->subselect, value, "array_agg"));
    SameValue values{target_, literals_};
    if (tag_of(array) == T_ColumnRef)
        return values.same(value, array);
    return std::ranges::any_of(elements_of(array),
                               [&](const ::ListCell& item) { return values.same(value, node_of(item)); });
}

bool OwnRows::gives(const ::Node* subquery, const ::Node* value, std::string_view aggregate)
{
    const auto* select = if_tag<::SelectStmt>(subquery, T_SelectStmt);
    if (select == nullptr || look_.depth >= deepest_predicate)
        return false;
    const Depth depth{look_.depth};
    if (aggregate.empty() && (select->op == SETOP_UNION || select->op == SETOP_INTERSECT)) {
        const bool left = gives(reinterpret_cast<const ::Node*>(select->larg), value);
        const bool right = gives(reinterpret_cast<const ::Node*>(select->rarg), value);
        return select->op == SETOP_UNION ? left || right : left && right;
    }
    if (select->valuesLists != nullptr) // id in (values (1), (id))
        return gives_all(*select, literals_, target_.again) &&
               std::ranges::any_of(cells(select->valuesLists), [&](const ::ListCell& cell) {
                   const auto written = cells(if_tag<::List>(node_of(cell), T_List));
                   return aggregate.empty() && written.size() == 1 &&
                          SameValue{target_, literals_}.alike(value, node_of(written.front()));
               });
    const auto targets = cells(select->targetList);
    const auto* row = if_tag<::RowExpr>(value, T_RowExpr);
    const auto values = row == nullptr ? std::span<const ::ListCell>{} : cells(row->args);
    if (!gives_all(*select, literals_, target_.again) || targets.size() != (row == nullptr ? 1 : values.size()))
        return false;
    for (std::size_t i = 0; i < targets.size(); ++i) {
        const ::Node* given = as<::ResTarget>(node_of(targets[i])).val;
        if (!aggregate.empty()) {
            given = select->groupClause == nullptr ? argument_of(given, aggregate) : nullptr;
            if (given == nullptr)
                return false;
        } else if (const ::Node* rows = argument_of(argument_of(given, "unnest"), "array_agg")) {
            given = rows; // all of them again
        }
        const auto* array =
            select->fromClause == nullptr && select->whereClause == nullptr ? argument_of(given, "unnest") : nullptr;
        if (array != nullptr && row == nullptr)
            return in_array(array, value);
        if (!gives_from(*select, given, row == nullptr ? value : node_of(values[i])))
            return false;
    }
    return true;
}

} // namespace stepgate::policies::postgres
