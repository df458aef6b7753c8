#include "policies/mysql/follow.h"

#include "policies/mysql/servers_own.h"
#include "policies/statement/ascii.h"
#include "policies/statement/weaker.h"

#include <algorithm>
#include <array>
#include <utility>

namespace stepgate::policies::mysql
{

using catalog::Events;
using catalog::ReferenceAction;
using catalog::Relation;
using catalog::RelationKind;
using statement::Kind;
using statement::TableAccess;

namespace
{

constexpr std::size_t most_steps = 200'000;

/// MariaDB: seq_1_to_10_step_2 is a table of numbers that nobody has to make.
bool is_numbers(std::string_view table)
{
    table.remove_prefix(std::min(table.find('.') + 1, table.size()));
    const auto take = [&table](std::string_view word) {
        if (!same_word(table.substr(0, word.size()), word))
            return false;
        table.remove_prefix(word.size());
        const auto digits = std::min(table.find_first_not_of("0123456789"), table.size());
        table.remove_prefix(digits);
        return digits > 0;
    };
    return take("seq_") && take("_to_") && (table.empty() || (take("_step_") && table.empty()));
}

/// Tables of who may do what, which the server itself made: tools try whether they may read them.
bool is_of_grants(std::string_view table)
{
    constexpr std::array<std::string_view, 11> names{"mysql.user",          "mysql.db",           "mysql.global_priv",
                                                     "mysql.global_grants", "mysql.tables_priv",  "mysql.columns_priv",
                                                     "mysql.procs_priv",    "mysql.proxies_priv", "mysql.roles_mapping",
                                                     "mysql.role_edges",    "mysql.default_roles"};
    return std::ranges::find(names, table) != names.end();
}

/// MariaDB's mysql.user, a view: rules name its own columns, of which only some are secret.
bool shows_accounts(const Relation& view, const Footprint& definition)
{
    return view.schema == "mysql" && view.name == "user" && definition.facts.reads.size() == 1 &&
           definition.facts.reads.front().table == "mysql.global_priv" && definition.facts.writes.empty() &&
           definition.facts.inner.empty() && definition.opaque_reasons.empty();
}

/// All columns, or one that is made of others.
bool may_hide(const Relation& relation, std::string_view column)
{
    return column == "*" || std::ranges::any_of(relation.columns, [column](const catalog::Column& one) {
               return !one.expression.empty() && same_word(one.name, column);
           });
}

std::string full(const Relation& relation)
{
    return relation.schema + "." + relation.name;
}

} // namespace

void Follower::reason(std::string text)
{
    if (std::ranges::find(reasons_, text) == reasons_.end())
        reasons_.push_back(std::move(text));
}

void Follower::add(Lead lead)
{
    if (seen_.emplace(lead.kind, lead.name, bits(lead.events) | (lead.made ? 16 : 0)).second)
        work_.push_back(std::move(lead));
}

void Follower::merge_accesses(std::vector<TableAccess>& to, const std::vector<TableAccess>& from)
{
    for (const TableAccess& access : from) {
        ++steps_;
        const auto found = std::ranges::find(to, access.table, &TableAccess::table);
        if (found == to.end())
            to.push_back(access);
        else
            found->columns.insert(found->columns.end(), access.columns.begin(), access.columns.end());
    }
}

void Follower::merge(const Footprint& footprint)
{
    const statement::StatementFacts& from = footprint.facts;
    merge_accesses(facts_.reads, from.reads);
    merge_accesses(facts_.writes, from.writes);
    facts_.calls.insert(facts_.calls.end(), from.calls.begin(), from.calls.end());
    facts_.inner.insert(facts_.inner.end(), from.inner.begin(), from.inner.end());
    facts_.effects.insert(facts_.effects.end(), from.effects.begin(), from.effects.end());
    facts_.where = statement::weaker(facts_.where, from.where);
    facts_.destructive = facts_.destructive || from.destructive;
    for (const std::string& text : footprint.opaque_reasons)
        reason(text);
    for (const Lead& lead : footprint.leads)
        add(lead);
    steps_ += 1 + from.calls.size() + from.inner.size() + footprint.leads.size();
}

/// The relation, or null if there is nothing behind the name, or it is not known what.
const Relation* Follower::look_up(const Lead& lead)
{
    if (is_servers_own(lead.name))
        return nullptr;
    if (!lead.known) {
        reason("names " + lead.name + ", in a database that only the server knows");
        return nullptr;
    }
    if (state_.temporary_merge(lead.name.substr(lead.name.find('.') + 1))) {
        reason("names " + lead.name + ", a temporary table of the session whose rows are those of others");
        return nullptr;
    }
    const Relation* const found = bodies_.relation(lead.name);
    if (found != nullptr && found->kind == RelationKind::foreign_table)
        reason("names " + lead.name + ", whose rows are not on this server");
    if (found != nullptr)
        return found;
    const auto dot = lead.name.find('.');
    const bool numbers = bodies_.catalog().contents().mysql.vendor == "mariadb" && is_numbers(lead.name);
    const bool servers =
        lead.kind == Lead::Kind::read && (is_of_grants(lead.name) || lead.name.starts_with("performance_schema."));
    if (!state_.temporary(lead.name.substr(dot + 1)) && !numbers && !servers && !lead.made)
        reason("names " + lead.name + ", which is not a table that stepgate can see");
    return nullptr;
}

void Follower::read(const Lead& lead)
{
    const Relation* const relation = look_up(lead);
    if (relation == nullptr || (relation->kind != RelationKind::view && relation->definition.empty()))
        return;
    const Footprint& definition = bodies_.definition(*relation);
    if (!shows_accounts(*relation, definition))
        merge(definition);
}

void Follower::name(const Lead& lead)
{
    const Relation* const relation = bodies_.relation(lead.name);
    if (relation == nullptr || relation->definition.empty())
        return;
    const Footprint& definition = bodies_.definition(*relation);
    for (const TableAccess& access : definition.facts.reads)
        merge_accesses(facts_.reads, {{access.table, access.schema_known, {}}});
    for (Lead below : definition.leads)
        if (std::exchange(below.kind, Lead::Kind::named) == Lead::Kind::read)
            add(std::move(below));
}

void Follower::write(const Lead& lead)
{
    const Relation* const relation = look_up(lead);
    if (relation == nullptr)
        return;
    if (relation->kind == RelationKind::view || !relation->definition.empty())
        write_below(*relation, lead.events);
    if (any(lead.events))
        write_rows(*relation, lead.events);
}

/// Of a view or a MERGE table: the rows are those of what it names. Which of its columns, only the definition says.
void Follower::write_below(const Relation& relation, const Events& events)
{
    const Footprint& definition = bodies_.definition(relation);
    merge(definition);
    for (const Lead& below : definition.leads) {
        if (below.kind != Lead::Kind::read)
            continue;
        merge_accesses(facts_.writes, {{below.name, below.known, {"*"}}});
        Lead next = below;
        next.kind = Lead::Kind::write;
        next.events = events;
        add(std::move(next));
    }
}

/// What the server does for each row, and what it changes elsewhere.
void Follower::write_rows(const Relation& table, const Events& events)
{
    if (events.insert || events.update)
        merge(bodies_.values(table));
    if (table.kind == RelationKind::table && !bodies_.sees_triggers(table.schema))
        reason("changes " + full(table) + ", whose triggers the catalog's account may not see");
    for (const catalog::Trigger& trigger : table.triggers)
        if (meet(trigger.events, events))
            merge(bodies_.trigger(table, trigger));
    referencing(table, events);
    referenced(table, events);
}

/// Rows of other tables that these point to: whether one is there, the answer tells.
void Follower::referenced(const Relation& table, const Events& events)
{
    const auto written = std::ranges::find(facts_.writes, full(table), &TableAccess::table);
    for (const auto& [to, key] : bodies_.points(table)) {
        const bool touched = written == facts_.writes.end() ||
                             std::ranges::any_of(written->columns, [&columns = key->columns](const std::string& one) {
                                 return one == "*" || std::ranges::find(columns, one) != columns.end();
                             });
        if (events.insert || (events.update && touched))
            merge_accesses(facts_.reads, {{full(*to), true, key->our_columns}});
    }
}

/// Rows of other tables that point here: looked for, or changed along.
void Follower::referencing(const Relation& table, const Events& events)
{
    for (const catalog::ReferencedBy& key : table.referenced_by) {
        const Relation* const child = bodies_.catalog().relation(key.relation);
        if (child == nullptr)
            continue;
        const auto change = [&](ReferenceAction action, bool deleting) {
            merge_accesses(facts_.reads, {{full(*child), true, key.columns}});
            if (action == ReferenceAction::none || action == ReferenceAction::restrict_it)
                return;
            const bool gone = deleting && action == ReferenceAction::cascade;
            facts_.inner.push_back(gone ? Kind::delete_rows : Kind::update);
            merge_accesses(facts_.writes, {{full(*child), true, gone ? std::vector<std::string>{} : key.columns}});
            Lead next{Lead::Kind::write, full(*child), true, {}};
            (gone ? next.events.delete_rows : next.events.update) = true;
            add(std::move(next));
        };
        if (events.delete_rows)
            change(key.on_delete, true);
        if (events.update)
            change(key.on_update, false);
    }
}

void Follower::run(const Lead& lead, catalog::FunctionKind kind)
{
    const catalog::Function* const routine = bodies_.routine(lead.name, kind);
    runs_early_ = runs_early_ || (kind == catalog::FunctionKind::function && bodies_.runs_early(routine));
    if (!lead.known || routine == nullptr)
        return reason("calls " + lead.name + ", whose body is not known");
    merge(bodies_.body(*routine));
}

/// A name without a table was counted for every table in reach: it is of those that have such a column. Where names may
/// stand for others, for letters outside ASCII, nothing is taken away.
void Follower::narrow(std::vector<TableAccess>& accesses)
{
    for (TableAccess& access : accesses) {
        const Relation* const relation = bodies_.relation(access.table);
        const bool hides = relation != nullptr && relation->hides_columns && !state_.temporary(relation->name);
        if (hides && std::ranges::any_of(access.columns,
                                         [relation](const std::string& name) { return may_hide(*relation, name); }))
            reason("reads columns of " + access.table + " that the catalog's account may not see");
        const bool plain = relation != nullptr && !hides && !relation->columns.empty() &&
                           std::ranges::all_of(relation->columns, [](const auto& one) { return is_ascii(one.name); });
        if (!plain || state_.temporary(relation->name))
            continue;
        std::erase_if(access.columns, [&](const std::string& name) {
            return name != "*" && name != "_rowid" && is_ascii(name) &&
                   std::ranges::none_of(relation->columns,
                                        [&](const auto& column) { return same_word(column.name, name); });
        });
    }
}

void Follower::follow(const std::vector<Lead>& leads)
{
    for (const Lead& lead : leads)
        add(lead);
    while (!work_.empty()) {
        if (steps_ > most_steps)
            return reason("leads to too many other things to follow all of them");
        const Lead lead = std::move(work_.front());
        work_.pop_front();
        switch (lead.kind) {
        case Lead::Kind::read:
            read(lead);
            break;
        case Lead::Kind::named:
            name(lead);
            break;
        case Lead::Kind::write:
            write(lead);
            break;
        case Lead::Kind::values:
            if (const Relation* const table = bodies_.relation(lead.name))
                merge(bodies_.values(*table));
            break;
        case Lead::Kind::function:
            run(lead, catalog::FunctionKind::function);
            break;
        case Lead::Kind::procedure:
            run(lead, catalog::FunctionKind::procedure);
            break;
        case Lead::Kind::event:
            run(lead, catalog::FunctionKind::event);
            break;
        }
    }
    narrow(facts_.reads);
}

} // namespace stepgate::policies::mysql
