#include "policies/catalog/catalog.h"

#include <algorithm>
#include <atomic>

namespace stepgate::policies::catalog
{
namespace
{

std::atomic<std::uint64_t> next_revision{1};

/// Names may hold any character but NUL, so NUL keeps the parts apart.
std::string key(std::string_view schema, std::string_view name)
{
    std::string text;
    text.reserve(schema.size() + 1 + name.size());
    return text.append(schema).append(1, '\0').append(name);
}

template <class Value, class Map>
const Value* find_one(const Map& map, const auto& name, const std::vector<Value>& all)
{
    const auto found = map.find(name);
    if (found == map.end())
        return nullptr;
    if constexpr (std::is_same_v<typename Map::mapped_type, std::size_t>)
        return &all[found->second];
    else
        return &all[found->second.front()];
}

} // namespace

Catalog::Catalog(Contents contents) : contents_(std::move(contents)), revision_(next_revision.fetch_add(1))
{
    std::ranges::sort(contents_.schemas);
    for (std::size_t i = 0; i < contents_.relations.size(); ++i) {
        const Relation& relation = contents_.relations[i];
        relations_by_name_[key(relation.schema, relation.name)].push_back(i);
        relations_by_oid_.emplace(relation.oid, i);
    }
    for (std::size_t i = 0; i < contents_.functions.size(); ++i) {
        const Function& function = contents_.functions[i];
        functions_by_name_[key(function.schema, function.name)].push_back(i);
        bare_functions_[function.name].push_back(i);
        functions_by_oid_.emplace(function.oid, i);
    }
    for (std::size_t i = 0; i < contents_.types.size(); ++i) {
        const Type& type = contents_.types[i];
        types_by_name_[key(type.schema, type.name)].push_back(i);
        types_by_oid_.emplace(type.oid, i);
        checks_values_ =
            checks_values_ || !type.checks.empty() || (type.kind == TypeKind::range && !type.functions.empty());
    }
    for (std::size_t i = 0; i < contents_.casts.size(); ++i) {
        casts_by_type_[contents_.casts[i].source].push_back(i);
        if (contents_.casts[i].target != contents_.casts[i].source)
            casts_by_type_[contents_.casts[i].target].push_back(i);
    }
    for (const Operator& one : contents_.operators)
        operators_by_name_[one.name].push_back(&one);
}

bool Catalog::has_schema(std::string_view schema) const
{
    return std::ranges::binary_search(contents_.schemas, schema);
}

bool Catalog::has_extension(std::string_view name) const
{
    return std::ranges::find(contents_.extensions, name) != contents_.extensions.end();
}

const Relation* Catalog::relation(std::string_view schema, std::string_view name) const
{
    return find_one(relations_by_name_, key(schema, name), contents_.relations);
}

const Relation* Catalog::relation(Oid oid) const
{
    return find_one(relations_by_oid_, oid, contents_.relations);
}

std::vector<const Function*> Catalog::functions(std::string_view schema, std::string_view name) const
{
    std::vector<const Function*> all;
    if (const auto found = functions_by_name_.find(key(schema, name)); found != functions_by_name_.end())
        for (const std::size_t index : found->second)
            all.push_back(&contents_.functions[index]);
    return all;
}

const Function* Catalog::function(Oid oid) const
{
    return find_one(functions_by_oid_, oid, contents_.functions);
}

const std::vector<const Operator*>& Catalog::operators(std::string_view name) const
{
    static const std::vector<const Operator*> none;
    const auto found = operators_by_name_.find(std::string{name});
    return found == operators_by_name_.end() ? none : found->second;
}

const Type* Catalog::type(Oid oid) const
{
    return find_one(types_by_oid_, oid, contents_.types);
}

const Type* Catalog::type(std::string_view schema, std::string_view name) const
{
    return find_one(types_by_name_, key(schema, name), contents_.types);
}

std::vector<const Cast*> Catalog::casts(Oid type) const
{
    std::vector<const Cast*> all;
    if (const auto found = casts_by_type_.find(type); found != casts_by_type_.end())
        for (const std::size_t index : found->second)
            all.push_back(&contents_.casts[index]);
    return all;
}

bool Catalog::names_function(std::string_view bare_name) const
{
    return bare_functions_.contains(std::string{bare_name});
}

} // namespace stepgate::policies::catalog
