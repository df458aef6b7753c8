#include "proxy/session/catalog_change.h"

#include "policies/sensitivity/lineage.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <variant>
#include <vector>

namespace stepgate::proxy::session
{

using policies::catalog::Catalog;
using policies::catalog::Relation;
using policies::sensitivity::bare_name;
using policies::statement::Facts;
using policies::statement::Kind;
using policies::statement::Redefine;
using policies::statement::StatementFacts;
using policies::statement::TableAccess;
using upstream::Touched;

namespace
{

enum class Effect : std::uint8_t {
    none,
    defines, // CREATE, ALTER, DROP, RENAME
    unknown, // runs what the facts do not show, or brings back what was seen long ago
};

Effect effect_of(Kind kind)
{
    switch (kind) {
    case Kind::create:
    case Kind::alter:
    case Kind::drop:
    case Kind::rename:
        return Effect::defines;
    case Kind::prepare_transaction: // and COMMIT PREPARED
    case Kind::load:
    case Kind::other:
    case Kind::unknown:
        return Effect::unknown;
    case Kind::select:
    case Kind::insert:
    case Kind::update:
    case Kind::delete_rows:
    case Kind::merge:
    case Kind::truncate:
    case Kind::copy_to:
    case Kind::copy_from:
    case Kind::comment:
    case Kind::grant:
    case Kind::revoke:
    case Kind::role:
    case Kind::call:     // what it runs stands beside it, or it is opaque
    case Kind::do_block: // likewise
    case Kind::explain:
    case Kind::prepare:
    case Kind::execute:
    case Kind::deallocate:
    case Kind::declare_cursor:
    case Kind::fetch:
    case Kind::close_cursor:
    case Kind::begin:
    case Kind::commit:
    case Kind::rollback:
    case Kind::savepoint:
    case Kind::set_transaction:
    case Kind::set:
    case Kind::show:
    case Kind::discard:
    case Kind::lock:
    case Kind::listen:
    case Kind::notify:
    case Kind::analyze:
    case Kind::vacuum:
    case Kind::reindex:
    case Kind::cluster:
    case Kind::refresh:
    case Kind::checkpoint:
    case Kind::handler:
    case Kind::kill:
    case Kind::use:
    case Kind::empty:
        return Effect::none;
    }
    return Effect::unknown;
}

bool calls_users_code(const StatementFacts& statement)
{
    return std::ranges::any_of(statement.calls, [](const auto& call) { return !call.starts_with("pg_catalog."); });
}

bool in_catalog(const Catalog* catalog, std::string_view name)
{
    return catalog != nullptr && std::ranges::any_of(catalog->contents().relations, [name](const Relation& relation) {
               return relation.name == name;
           });
}

/// Surely of this session only: named like something temporary that it made, and like nothing else.
bool is_temporary(const TableAccess& access, const Catalog* catalog, const std::set<std::string>& temporary)
{
    const std::string name{bare_name(access.table)};
    return temporary.contains(name) && !in_catalog(catalog, name);
}

/// The relations named, their parents and their children.
void add_family(const TableAccess& access, const Catalog* catalog, std::set<std::string>& names)
{
    std::vector<std::string> open{std::string{bare_name(access.table)}};
    while (!open.empty()) {
        const std::string name = std::move(open.back());
        open.pop_back();
        if (!names.insert(name).second || catalog == nullptr)
            continue;
        for (const Relation& relation : catalog->contents().relations) {
            if (relation.name != name)
                continue;
            for (const auto* others : {&relation.parents, &relation.children})
                for (const auto oid : *others)
                    if (const auto* other = catalog->relation(oid))
                        open.push_back(other->name);
        }
    }
}

/// Nothing that a statement can name, or that changes what its names lead to.
bool makes_no_name(const StatementFacts& statement)
{
    static constexpr std::string_view objects[] = {"database",   "database settings", "owner",  "publication", "role",
                                                   "statistics", "tablespace",        "system", "subscription"};
    return std::ranges::find(objects, statement.object) != std::end(objects);
}

/// A new table has no triggers and rules yet: nothing has to be looked up to know what touching it does. Only what its
/// columns are, for those who read all of them without a name.
bool makes_plain_object(const StatementFacts& statement, const Catalog* catalog)
{
    if (catalog != nullptr && !catalog->contents().mysql.vendor.empty())
        return false; // a name that no snapshot shows is not understood there: it is waited for
    const bool plain = statement.object == "table" || statement.object == "index" || statement.object == "sequence" ||
                       statement.object == "materialized view";
    return plain && statement.kind == Kind::create && statement.inner.empty() && !calls_users_code(statement) &&
           std::ranges::none_of(statement.effects, [](const auto& effect) {
               const auto* made = std::get_if<Redefine>(&effect);
               return made != nullptr && (made->code || made->writes ||
                                          !made->family.empty()); // a child or a foreign key: others lead to it
           });
}

bool is_operator(std::string_view name)
{
    return name.find_first_of("+-*/<>=~!@#%^&|`?") != std::string_view::npos;
}

/// PostgreSQL's facts say what is surely of this session alone; on MySQL names tell, of what is not made just now.
bool is_own(const StatementFacts& statement, const Redefine& made, const Catalog* catalog,
            const std::set<std::string>& temporary)
{
    if (made.temporary || made.relation.empty())
        return made.temporary;
    const bool mysql = catalog != nullptr && !catalog->contents().mysql.vendor.empty();
    if (!mysql)
        return made.gone;
    const bool makes = statement.kind == Kind::create && (statement.object == "table" || statement.object == "view");
    return !makes && temporary.contains(made.relation) && !in_catalog(catalog, made.relation);
}

/// The names that the facts say are changed. False: they say nothing.
bool add_named(const StatementFacts& statement, const Catalog* catalog, const std::set<std::string>& temporary,
               CatalogChange& change)
{
    bool any = false;
    for (const auto& effect : statement.effects) {
        const auto* made = std::get_if<Redefine>(&effect);
        if (made == nullptr)
            continue;
        any = true;
        if (is_own(statement, *made, catalog, temporary))
            continue;
        change.any = true;
        const auto& name = made->relation.empty() ? made->function : made->relation;
        // Facts show the function behind an operator, not its name.
        if (name.empty() || (made->relation.empty() && is_operator(name)))
            change.touched.all = true;
        else
            change.touched.names.insert(name);
    }
    return any;
}

bool touches(const Touched& touched, const std::vector<TableAccess>& accesses)
{
    return std::ranges::any_of(accesses, [&](const TableAccess& access) {
        return touched.all || touched.names.contains(std::string{bare_name(access.table)});
    });
}

bool reads_whole_rows(const Touched& touched, const std::vector<TableAccess>& reads)
{
    return !touched.made.empty() && std::ranges::any_of(reads, [&](const TableAccess& read) {
        return std::ranges::find(read.columns, "*") != read.columns.end() &&
               touched.made.contains(std::string{bare_name(read.table)});
    });
}

/// Reads nothing but what it defines, and runs no code of users.
bool only_defines(const StatementFacts& statement)
{
    return effect_of(statement.kind) == Effect::defines && statement.inner.empty() && !calls_users_code(statement) &&
           std::ranges::all_of(statement.reads, [&](const TableAccess& read) {
               return std::ranges::find(statement.writes, read.table, &TableAccess::table) != statement.writes.end();
           });
}

bool depends_on(const StatementFacts& statement, const Touched& touched)
{
    const bool renames = statement.kind == Kind::rename || statement.kind == Kind::alter;
    const bool does_nothing = statement.object == "nothing"; // by what the snapshot has, or has not
    if (does_nothing && (touched.all || touched.names.contains(std::string{upstream::no_relation})))
        return true;
    if (only_defines(statement) && !renames && !does_nothing)
        return false;
    if (touches(touched, statement.reads) || touches(touched, statement.writes) ||
        reads_whole_rows(touched, statement.reads))
        return true;
    return std::ranges::any_of(statement.calls, [&](const std::string& call) {
        return !call.starts_with("pg_catalog.") &&
               (touched.all || touched.names.contains(std::string{bare_name(call)}));
    });
}

} // namespace

CatalogChange change_of(const StatementFacts& statement, const Catalog* catalog, const std::set<std::string>& temporary)
{
    Effect effect = effect_of(statement.kind);
    for (const auto& inner : statement.inner)
        effect = std::max(effect, effect_of(inner.kind));
    if (effect == Effect::unknown)
        return {true, {true, {}}};
    CatalogChange change;
    const bool named = add_named(statement, catalog, temporary, change);
    if (effect == Effect::none || (named && !change.any))
        return change;
    change.any = true;
    if (makes_plain_object(statement, catalog)) {
        change.touched = {false, {}, std::move(change.touched.names)};
        return change;
    }
    for (const TableAccess& write : statement.writes)
        if (!is_temporary(write, catalog, temporary))
            add_family(write, catalog, change.touched.names);
    if (statement.kind == Kind::create && statement.object == "table") // its parents
        for (const TableAccess& read : statement.reads)
            add_family(read, catalog, change.touched.names);
    const bool all_temporary =
        !statement.writes.empty() && std::ranges::all_of(statement.writes, [&](const auto& write) {
            return is_temporary(write, catalog, temporary);
        });
    if (!named && !makes_no_name(statement) && !all_temporary)
        change.touched.all = true;
    return change;
}

CatalogChange change_of(const Facts& facts, const Catalog* catalog, const std::set<std::string>& temporary,
                        bool suspicious)
{
    if ((facts.opaque && suspicious) || !facts.parsed)
        return {true, {true, {}}};
    CatalogChange all;
    for (const StatementFacts& statement : facts.statements) {
        const auto one = change_of(statement, catalog, temporary);
        all.any |= one.any;
        all.touched.add(one.touched);
    }
    return all;
}

bool depends_on(const Facts& facts, const Touched& touched)
{
    return (touched.all && (facts.uses_types || !facts.parsed)) || (facts.searches_catalog && !touched.empty()) ||
           std::ranges::any_of(facts.statements, [&](const auto& one) { return depends_on(one, touched); });
}

bool may_end_transaction(const Facts& facts)
{
    return facts.opaque || !facts.parsed || std::ranges::any_of(facts.statements, [](const StatementFacts& statement) {
               return statement.kind == Kind::commit || statement.kind == Kind::rollback ||
                      statement.kind == Kind::prepare_transaction || statement.kind == Kind::unknown;
           });
}

} // namespace stepgate::proxy::session
