#include "policies/postgres/names.h"

#include "policies/postgres/builtins.h"

#include <algorithm>

namespace stepgate::policies::postgres
{
namespace
{

constexpr std::string_view system_schema = "pg_catalog";

bool is_temporary_schema(std::string_view schema)
{
    return schema.starts_with("pg_temp");
}

bool is_system(std::string_view schema)
{
    return schema == system_schema || schema == "information_schema";
}

} // namespace

void add_value(std::string& query, std::string_view schema, std::string_view type)
{
    const auto quote = [&query](std::string_view name) {
        query += '"';
        for (const char c : name)
            query.append(c == '"' ? 2 : 1, c);
        query += '"';
    };
    query += query.empty() ? "SELECT NULL::" : ", NULL::";
    quote(schema);
    query += '.';
    quote(type);
}

std::string joined(std::string_view schema, std::string_view name)
{
    std::string out;
    out.reserve(schema.size() + 1 + name.size());
    out.append(schema).append(1, '.').append(name);
    return out;
}

std::string_view bare(std::string_view table)
{
    return table.substr(table.find('.') + 1);
}

Names::Names(const SessionState& state, const catalog::Catalog* catalog)
    : state_(&state), catalog_(catalog), path_known_(state.search_path_known())
{
    const auto& written = state.search_path();
    const auto place = std::ranges::find(written, system_schema);
    built_ins_first_ = path_known_ && (place == written.end() || place == written.begin());
    for (const std::string& schema : written) {
        if (schema == "$user" || schema.empty() || schema == system_schema || schema == "pg_temp")
            continue;
        first_schema_ = schema;
        break;
    }
    if (catalog_ == nullptr)
        return;
    if (place == written.end())
        path_.push_back(system_schema);
    for (const std::string& schema : written) {
        if (schema != "$user")
            take(schema);
        else if (state.user_known())
            take(state.current_user());
        else
            path_known_ = false; // any schema may be the user's
    }
    if (!path_known_)
        for (const std::string& schema : catalog_->contents().schemas)
            if (std::ranges::find(path_, schema) == path_.end())
                path_.push_back(schema);
    const auto first = std::ranges::find_if(path_, [](std::string_view schema) { return schema != system_schema; });
    if (path_known_ && first != path_.end())
        first_schema_ = *first;
}

void Names::take(std::string_view schema)
{
    if (schema == system_schema || catalog_->has_schema(schema))
        path_.push_back(schema);
}

Found Names::relation(std::string_view schema, std::string_view name) const
{
    Found found = look_up(schema, name);
    const auto* const change = state_->redefined_relation(name);
    const bool elsewhere = !schema.empty() && !is_temporary_schema(schema);
    if (change == nullptr || (elsewhere && change->temporary && !change->permanent && change->family.empty()))
        return found;
    found.redefined = change;
    found.known = found.built_in = false;
    take_renamed(found, schema, name);
    found.own = is_own(found, schema);
    found.sure = found.own && is_sure(found, schema, name);
    return found;
}

/// The session gave the name to a relation that the catalog knows by another.
void Names::take_renamed(Found& found, std::string_view schema, std::string_view name) const
{
    const std::string_view was = found.redefined->was;
    if (was.empty() || catalog_ == nullptr || found.relation != nullptr)
        return;
    const std::string_view of = was.substr(0, was.find('.'));
    if (!schema.empty() && schema != of)
        return;
    found.relation = catalog_->relation(of, bare(was));
    found.table = joined(of, name);
}

/// Nothing that the catalog knows has the name, and the server looks for temporary relations first.
bool Names::is_own(const Found& found, std::string_view schema) const
{
    const auto& change = *found.redefined;
    if (!change.temporary || change.permanent || change.dropped || found.relation != nullptr || !found.others.empty())
        return false;
    return schema.empty() ? state_->temporary_first() : is_temporary_schema(schema);
}

/// Of other sessions' temporary tables, which a superuser may name as pg_temp_3.t, nothing is known.
bool Names::is_sure(const Found& found, std::string_view schema, std::string_view name) const
{
    const auto& change = *found.redefined;
    return catalog_ != nullptr && (schema.empty() || schema == "pg_temp") && !change.unknown() && !change.does_more() &&
           change.family.empty() && !state_->redefined_all() && state_->own_tables().has(joined("pg_temp", name));
}

Found Names::look_up(std::string_view schema, std::string_view name) const
{
    if (schema.empty())
        return unqualified(name);
    Found found{joined(schema, name), true, is_system(schema), nullptr, nullptr, {}};
    if (catalog_ == nullptr || found.built_in)
        return found;
    found.relation = catalog_->relation(schema, name);
    found.known = found.relation != nullptr;
    return found;
}

Found Names::unqualified(std::string_view name) const
{
    const bool built_in = is_catalog_relation(name);
    if (built_in && built_ins_first_)
        return {joined(system_schema, name), true, true, nullptr, nullptr, {}};
    Found found;
    for (const std::string_view schema : path_) {
        if (schema == system_schema) {
            if (built_in && found.relation == nullptr)
                return {joined(system_schema, name), path_known_, true, nullptr, nullptr, {}};
            continue;
        }
        const catalog::Relation* const relation = catalog_->relation(schema, name);
        if (relation != nullptr && found.relation == nullptr) {
            found.relation = relation;
            found.table = joined(schema, name);
            found.known = path_known_;
        } else if (relation != nullptr) {
            found.others.push_back(relation);
        }
    }
    if (found.relation == nullptr) {
        found.table = joined(built_in ? system_schema : first_schema_, name);
        found.known = false;
    }
    return found;
}

} // namespace stepgate::policies::postgres
