#include "policies/postgres/builtins.h"
#include "policies/postgres/columns.h"
#include "policies/postgres/walk.h"

#include <algorithm>

namespace stepgate::policies::postgres
{
namespace
{

using statement::Effect;
using statement::TableAccess;

bool can_be_asked(const catalog::Relation& relation, std::string_view column)
{
    return has_column(relation, column) || is_system_column(column);
}

} // namespace

void Walk::opaque(std::string reason)
{
    out_.facts.opaque = true;
    constexpr std::size_t most_reasons = 20; // for people
    auto& reasons = out_.facts.opaque_reasons;
    if (reasons.size() < most_reasons && std::ranges::find(reasons, reason) == reasons.end())
        reasons.push_back(std::move(reason));
}

bool Walk::spend(std::size_t steps)
{
    if (work_ > limits_.max_work)
        return false;
    work_ += steps + 1;
    if (work_ > limits_.max_work)
        opaque("names too many things to look all of them up");
    return work_ <= limits_.max_work;
}

void Walk::effect(Effect effect)
{
    facts().effects.push_back(std::move(effect));
}

Found Walk::find(const ::RangeVar& relation) const
{
    return names_->relation(view_of(relation.schemaname), view_of(relation.relname));
}

int Walk::read_index(const Item& item)
{
    auto& reads = facts().reads;
    if (!spend(reads.size()) && !reads.empty())
        return 0; // opaque by now
    const auto found = std::ranges::find(reads, item.table, &TableAccess::table);
    if (found != reads.end()) {
        const auto index = found - reads.begin();
        found->schema_known = found->schema_known && item.known;
        readings_[static_cast<std::size_t>(index)].only &= item.only;
        return static_cast<int>(index);
    }
    reads.push_back({item.table, item.known, {}});
    readings_.push_back({item.relation, item.only});
    return static_cast<int>(reads.size()) - 1;
}

void Walk::read_column(Item& item, std::string_view name)
{
    if (item.proposed)
        return;
    if (item.read < 0)
        item.read = read_index(item);
    auto& columns = facts().reads[static_cast<std::size_t>(item.read)].columns;
    if (columns.empty() || columns.back() != name)
        columns.emplace_back(name);
}

void Walk::read_table(const ::RangeVar& relation, std::string_view name)
{
    Scope scope;
    add_target(relation, scope);
    for (Item& item : scope.items) {
        item.read = read_index(item);
        if (!name.empty())
            read_column(item, name);
    }
}

std::size_t Walk::write_index(const std::string& table, bool known, const catalog::Relation* relation,
                              const ::RangeVar& written, catalog::Events events)
{
    auto& writes = facts().writes;
    if (!spend(writes.size()) && !writes.empty())
        return 0;
    const auto found = std::ranges::find(writes, table, &TableAccess::table);
    const auto index = static_cast<std::size_t>(found - writes.begin());
    if (found == writes.end()) {
        writes.push_back({table, known, {}});
        writings_.push_back({relation, {}, true, false, false, false, index});
    }
    writes[index].schema_known = writes[index].schema_known && known;
    Writing& writing = writings_[index];
    writing.only = writing.only && !written.inh;
    writing.events.insert |= events.insert;
    writing.events.update |= events.update;
    writing.events.delete_rows |= events.delete_rows;
    writing.events.truncate |= events.truncate;
    return index;
}

TableAccess& Walk::write_table(const ::RangeVar& relation, catalog::Events events)
{
    const Found found = find(relation);
    redefined(found);
    const bool rows = events.insert || events.update || events.delete_rows || events.truncate;
    const auto* const change = catalog_ == nullptr ? nullptr : found.redefined;
    const bool of_others = events.update || events.delete_rows || events.truncate; // that refer to the rows
    const bool more = change != nullptr && ((rows && change->writes) || (of_others && change->referenced) ||
                                            (events.truncate && !change->referencing.empty())); // theirs, with CASCADE
    if (more)
        opaque("changes rows of " + found.table + ", which the session changed since the catalog was read");
    if (change != nullptr && (events.insert || events.update))
        read_too(change->keys);
    if (change != nullptr && (events.update || events.delete_rows))
        read_too(change->referencing);
    if (rows && found.table.starts_with("pg_catalog."))
        opaque("changes rows of " + found.table + ", a catalog of the server");
    if (rows && found.table == "pg_catalog.pg_settings") // its rule calls set_config
        sets_anything();
    relatives(found, true, events);
    const std::size_t before = facts().writes.size();
    const std::size_t index = write_index(found.table, found.known, found.relation, relation, events);
    writings_[index].own = found.own && (index >= before || writings_[index].own);
    writings_[index].sure = found.sure && (index >= before || writings_[index].sure);
    for (const catalog::Relation* other : found.others) {
        const std::size_t twin = write_index(joined(other->schema, other->name), true, other, relation, events);
        if (twin != index)
            writings_[twin].columns_of = index;
    }
    return facts().writes[index];
}

/// A relation named by a list of identifiers, as DROP and COMMENT do.
void Walk::write_name(const ::List* names)
{
    const auto parts = cells(names);
    if (parts.empty())
        return;
    ::RangeVar relation{};
    relation.inh = true;
    relation.relname = as<::String>(node_of(parts.back())).sval;
    if (parts.size() > 1)
        relation.schemaname = as<::String>(node_of(parts[parts.size() - 2])).sval;
    write_table(relation);
}

void Walk::column_of_derived(const Item& item, std::string_view name, bool star)
{
    if (star || std::ranges::find(item.outputs.columns, name, &Output::name) != item.outputs.columns.end())
        return;
    if (item.function && (name == item.alias || name == "ordinality"))
        return;
    // Not a column of it: "alias.name" then calls name(alias).
    if (item.function || item.outputs.complete)
        call_by_field(name);
}

void Walk::column_of(Item& item, std::string_view name, bool star)
{
    if (item.table.empty())
        return column_of_derived(item, name, star);
    const bool field = item.described() && can_be_asked(*item.relation, name);
    if (star || item.renamed || (!field && takes_whole_row(name)))
        read_column(item, "*");
    else
        read_column(item, name);
    if (star || field)
        return;
    if (builtin_function(name).trust == Builtin::Trust::dangerous)
        call_builtin(name, false);
    if (catalog_ != nullptr && !item.renamed &&
        call_user({}, name, {.count = 1, .uncounted = false, .list = nullptr, .scope = nullptr}))
        read_column(item, "*"); // the row is its argument
}

/// "alias.column". Should no FROM item have that alias the server refuses the statement; until then it may be any
/// table.
void Walk::qualified_column(std::string_view qualifier, std::string_view name, bool star, Scope& scope)
{
    for (Scope* level = &scope; level != nullptr; level = level->outer) {
        if (!spend(level->items.size()))
            return;
        bool found = false;
        for (Item& item : level->items) {
            if (item.alias != qualifier)
                continue;
            column_of(item, name, star);
            found = true;
        }
        if (found)
            return;
    }
    for (Scope* level = &scope; level != nullptr; level = level->outer)
        for (Item& item : level->items)
            if (!item.table.empty() && !item.qualified_only)
                column_of(item, name, star);
}

/// Surely a column of it.
bool Walk::surely_has(const Item& item, std::string_view name)
{
    if (item.qualified_only || item.renamed)
        return false;
    if (item.described())
        return can_be_asked(*item.relation, name);
    return item.table.empty() && spend(item.outputs.columns.size()) &&
           std::ranges::find(item.outputs.columns, name, &Output::name) != item.outputs.columns.end();
}

/// A bare name: a column of the nearest FROM items that have it, and of those whose columns are not known; or the name
/// of a FROM item, which is its whole row.
void Walk::plain_column(std::string_view name, Scope& scope)
{
    for (Scope* level = &scope; level != nullptr; level = level->outer) {
        if (!spend(level->items.size()))
            return;
        const bool certain =
            std::ranges::any_of(level->items, [&](const Item& item) { return surely_has(item, name); });
        for (Item& item : level->items) {
            if (item.table.empty() || item.qualified_only)
                continue;
            if (item.described()) {
                if (surely_has(item, name))
                    read_column(item, name);
            } else if (item.alias == name || (item.renamed && !certain)) {
                read_column(item, "*");
            } else if (!certain) {
                read_column(item, name);
            }
        }
        if (certain)
            return;
    }
    for (Scope* level = &scope; level != nullptr; level = level->outer)
        for (Item& item : level->items)
            if (item.alias == name && !item.table.empty())
                read_column(item, "*");
}

void Walk::everything(Scope& scope)
{
    for (Item& item : scope.items)
        if (!item.table.empty())
            read_column(item, "*");
}

/// The columns by which an index, or the one of a constraint, compares rows; "": the index of the last CLUSTER.
void Walk::read_index_key(Scope& scope, std::string_view name)
{
    if (catalog_ == nullptr)
        return;
    static const std::vector<catalog::IndexKey> none;
    static const std::vector<std::string> every_column{"*"};
    const auto is_it = [&](const catalog::IndexKey& key) { return name.empty() ? key.clustered : key.name == name; };
    for (Item& item : scope.items) {
        const std::span<const catalog::IndexKey> keys{item.described() ? item.relation->index_keys : none};
        const auto key = std::ranges::find_if(keys, is_it);
        for (const std::string& column : key != keys.end() ? key->columns : every_column)
            read_column(item, column);
    }
}

void Walk::column(const ::ColumnRef& reference, Scope& scope)
{
    const auto fields = cells(reference.fields);
    if (fields.empty())
        return opaque("holds a column without a name");
    const ::Node* last = node_of(fields.back());
    const bool star = tag_of(last) == T_A_Star;
    if (fields.size() == 1)
        return star ? everything(scope) : plain_column(text_of(last), scope);
    qualified_column(text_of(node_of(fields[fields.size() - 2])), text_of(last), star, scope);
}

} // namespace stepgate::policies::postgres
