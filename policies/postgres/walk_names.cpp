#include "policies/postgres/builtins.h"
#include "policies/postgres/walk.h"

#include <algorithm>

namespace stepgate::policies::postgres
{
namespace
{

using statement::Effect;
using statement::SetParameter;
using statement::TableAccess;

constexpr std::string_view catalog = "pg_catalog";

void sort_unique(auto& values)
{
    std::ranges::sort(values);
    values.erase(std::unique(values.begin(), values.end()), values.end());
}

void tidy(std::vector<TableAccess>& accesses)
{
    for (TableAccess& access : accesses) {
        if (std::ranges::find(access.columns, "*") != access.columns.end())
            access.columns.assign(1, "*");
        else
            sort_unique(access.columns);
    }
    std::ranges::sort(accesses, {}, &TableAccess::table);
}

bool decides_meaning(std::string_view setting)
{
    return setting == "search_path" || setting == "client_encoding" || setting == "standard_conforming_strings" ||
           setting == "role" || setting == "session_authorization";
}

std::string lower(std::string_view text)
{
    std::string out{text};
    for (char& c : out)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    return out;
}

/// How bad a kind is to those who write rules: a WITH that deletes is a DELETE. MERGE keeps its name.
int weight(statement::Kind kind)
{
    switch (kind) {
    case statement::Kind::delete_rows:
        return 4;
    case statement::Kind::update:
        return 3;
    case statement::Kind::insert:
        return 2;
    case statement::Kind::select:
        return 1;
    default:
        return 0;
    }
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

int Walk::read_index(const std::string& table, bool known)
{
    auto& reads = facts().reads;
    if (!spend(reads.size()) && !reads.empty())
        return 0; // opaque by now
    const auto found = std::ranges::find(reads, table, &TableAccess::table);
    if (found != reads.end()) {
        found->schema_known = found->schema_known && known;
        return static_cast<int>(found - reads.begin());
    }
    reads.push_back({table, known, {}});
    return static_cast<int>(reads.size()) - 1;
}

void Walk::read_column(Item& item, std::string_view name)
{
    if (item.read < 0)
        item.read = read_index(item.table, item.known);
    auto& columns = facts().reads[static_cast<std::size_t>(item.read)].columns;
    if (columns.empty() || columns.back() != name)
        columns.emplace_back(name);
}

void Walk::read_table(const ::RangeVar& relation, std::string_view name)
{
    Item item = target_item(relation);
    item.read = read_index(item.table, item.known);
    if (!name.empty())
        read_column(item, name);
}

TableAccess& Walk::write_table(const ::RangeVar& relation)
{
    auto [name, known, built_in, described, others] = find(relation);
    auto& writes = facts().writes;
    if (!spend(writes.size()) && !writes.empty())
        return writes.front();
    const auto found = std::ranges::find(writes, name, &TableAccess::table);
    if (found != writes.end()) {
        found->schema_known = found->schema_known && known;
        return *found;
    }
    return writes.emplace_back(TableAccess{name, known, {}});
}

/// A relation named by a list of identifiers, as DROP and COMMENT do.
void Walk::write_name(const ::List* names)
{
    const auto parts = cells(names);
    if (parts.empty())
        return;
    ::RangeVar relation{};
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
    if (star || item.renamed || takes_whole_row(name))
        read_column(item, "*");
    else
        read_column(item, name);
    if (!star && builtin_function(name).trust == Builtin::Trust::dangerous)
        call_builtin(name, false);
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
            if (!item.table.empty())
                column_of(item, name, star);
}

/// A bare name: a column of any table in reach (no catalog says which), unless a FROM item surely has it; or the name
/// of a FROM item, which is its whole row.
void Walk::plain_column(std::string_view name, Scope& scope)
{
    for (Scope* level = &scope; level != nullptr; level = level->outer) {
        if (!spend(level->items.size()))
            return;
        const bool certain = std::ranges::any_of(level->items, [this, name](const Item& item) {
            return item.table.empty() && spend(item.outputs.columns.size()) &&
                   std::ranges::find(item.outputs.columns, name, &Output::name) != item.outputs.columns.end();
        });
        for (Item& item : level->items) {
            if (item.table.empty())
                continue;
            if (item.alias == name || (item.renamed && !certain))
                read_column(item, "*");
            else if (!certain)
                read_column(item, name);
        }
        if (certain)
            return;
    }
}

void Walk::everything(Scope& scope)
{
    for (Item& item : scope.items)
        if (!item.table.empty())
            read_column(item, "*");
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

void Walk::call_builtin(std::string_view name, bool qualified)
{
    const Builtin builtin = builtin_function(name);
    std::string full = joined(catalog, name);
    if (builtin.trust == Builtin::Trust::unknown)
        opaque("calls " + full + ", which is not on the list of harmless functions");
    else if (builtin.trust == Builtin::Trust::dangerous)
        opaque("calls " + full + ", which " + std::string{builtin.danger});
    else if (!qualified && built_ins_may_be_shadowed())
        opaque("calls " + std::string{name} + ", which the search path may define anew");
    if (builtin.destructive)
        facts().destructive = true;
    if (!builtin.reads.empty()) {
        Item item;
        item.table = joined(catalog, builtin.reads);
        item.known = true;
        read_column(item, "*");
    }
    facts().calls.push_back(std::move(full));
}

void Walk::call(const ::List* name)
{
    const auto parts = cells(name);
    if (parts.empty())
        return opaque("calls a function without a name");
    const std::string_view last = text_of(node_of(parts.back()));
    const bool qualified = parts.size() > 1;
    const std::string_view schema = qualified ? text_of(node_of(parts[parts.size() - 2])) : std::string_view{};
    if (schema == catalog || (!qualified && builtin_function(last).trust != Builtin::Trust::unknown))
        return call_builtin(last, qualified);
    std::string full = qualified ? joined(schema, last) : joined(names_->first_schema(), last);
    if (schema != "information_schema" || !is_information_schema_function(last))
        opaque("calls " + full + ", whose body is not known");
    facts().calls.push_back(std::move(full));
}

/// "(value).name" and "alias.name" call the function `name` when there is no such field.
void Walk::call_by_field(std::string_view name)
{
    if (builtin_function(name).trust != Builtin::Trust::unknown)
        return call_builtin(name, false);
    std::string full = joined(names_->first_schema(), name);
    opaque("selects the field " + std::string{name} + " of a value, which may be a call of " + full);
    facts().calls.push_back(std::move(full));
}

void Walk::function(const ::FuncCall& call_node, Scope& scope)
{
    const auto parts = cells(call_node.funcname);
    const std::string_view name = parts.empty() ? std::string_view{} : text_of(node_of(parts.back()));
    const bool builtin = parts.size() == 1 || (parts.size() == 2 && text_of(node_of(parts.front())) == catalog);
    if (builtin && name == "set_config") {
        set_config(call_node);
        facts().calls.push_back("pg_catalog.set_config");
    } else {
        call(call_node.funcname);
    }
    certain_ = false;
    expressions(call_node.args, scope);
    expressions(call_node.agg_order, scope);
    expression(call_node.agg_filter, scope);
    window(call_node.over, scope);
}

/// set_config(name, value, is_local) changes the session like SET. The values are used only where the call surely runs,
/// once; elsewhere the setting becomes unknown, if it decides what texts mean.
void Walk::set_config(const ::FuncCall& call_node)
{
    out_.literals_consulted = true;
    const auto arguments = cells(call_node.args);
    const ::A_Const* values[3] = {};
    for (std::size_t i = 0; i < 3 && arguments.size() == 3; ++i)
        values[i] = constant_of(node_of(arguments[i]));
    const auto string_of = [](const ::A_Const* value) -> const char* {
        return value != nullptr && !value->isnull && value->val.node.type == T_String ? value->val.sval.sval : nullptr;
    };
    const char* const name = string_of(values[0]);
    if (name == nullptr) {
        opaque("calls pg_catalog.set_config with a name that only the server knows");
        for (const char* setting : {"search_path", "client_encoding", "standard_conforming_strings"})
            effect(SetParameter{.name = setting, .value = {}, .unknown = true});
        return;
    }
    SetParameter parameter{.name = lower(name), .value = {}};
    const char* const value = string_of(values[1]);
    const bool local_known = values[2] != nullptr && !values[2]->isnull;
    const char* const local_text = string_of(values[2]);
    const bool boolean = local_known && values[2]->val.node.type == T_Boolean;
    parameter.local = boolean ? values[2]->val.boolval.boolval : local_text != nullptr && *local_text == 't';
    parameter.unknown = value == nullptr || !local_known || !certain_;
    if (!parameter.unknown)
        parameter.value = parameter.name == "search_path" ? split_search_path(value) : std::vector<std::string>{value};
    if (value == nullptr && decides_meaning(parameter.name))
        opaque("sets " + parameter.name + " to a value that only the server knows");
    effect(std::move(parameter));
}

void Walk::finish()
{
    statement::StatementFacts& done = facts();
    tidy(done.reads);
    tidy(done.writes);
    sort_unique(done.calls);
    if (weight(done.kind) > 0) {
        done.inner.push_back(done.kind);
        done.kind = std::ranges::max(done.inner, {}, weight);
        std::erase(done.inner, Kind::select);
    }
    sort_unique(done.inner);
    std::erase(done.inner, done.kind);
}

} // namespace stepgate::policies::postgres
