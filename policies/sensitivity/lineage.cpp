#include "policies/sensitivity/lineage.h"

#include "policies/sensitivity/catalog_view.h"

#include <algorithm>
#include <atomic>
#include <optional>

namespace stepgate::policies::sensitivity
{

using catalog::Catalog;
using catalog::Oid;
using catalog::Relation;

namespace
{

constexpr std::int64_t unseen_copy_lives = 24 * 3600; // seconds

template <class Map>
const typename Map::mapped_type& found_in(const Map& map, const typename Map::key_type& key)
{
    static const typename Map::mapped_type none;
    const auto found = map.find(key);
    return found == map.end() ? none : found->second;
}

template <class Value>
void sort_unique(std::vector<Value>& values)
{
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
}

/// The relation that a copy went into. A name may hold dots itself.
const Relation* target_of(const Copy& copy, const Catalog& catalog)
{
    for (auto dot = copy.table.find('.'); dot != std::string::npos; dot = copy.table.find('.', dot + 1))
        if (const auto* found = catalog.relation(std::string_view{copy.table}.substr(0, dot),
                                                 std::string_view{copy.table}.substr(dot + 1)))
            return found;
    return nullptr;
}

bool holds_rows(const Relation& relation)
{
    using catalog::RelationKind;
    return relation.kind != RelationKind::index && relation.kind != RelationKind::sequence &&
           relation.kind != RelationKind::composite;
}

void add_names(const Relation& relation, const Lineage::Labels& labelled, std::vector<LabelledName>& names)
{
    if (labelled(relation.schema, relation.name, ""))
        names.push_back({relation.oid, 0, relation.schema, relation.name, ""});
    for (const auto& column : relation.columns)
        if (labelled(relation.schema, relation.name, column.name))
            names.push_back({relation.oid, column.number, relation.schema, relation.name, column.name});
}

bool has_column(const Relation& relation, std::int16_t number)
{
    return number == 0 ||
           std::ranges::find(relation.columns, number, &catalog::Column::number) != relation.columns.end();
}

std::vector<const Relation*> ancestors(const Relation& relation, const Catalog& catalog)
{
    std::vector<const Relation*> all{&relation};
    for (std::size_t next = 0; next < all.size(); ++next)
        for (const Oid oid : all[next]->parents)
            if (const auto* parent = catalog.relation(oid);
                parent != nullptr && std::ranges::find(all, parent) == all.end())
                all.push_back(parent);
    all.erase(all.begin());
    return all;
}

/// Calls `with(child, ancestor)` for everything that inherits.
template <class Function>
void for_each_child(const Catalog& catalog, Function with)
{
    for (const auto& child : catalog.contents().relations)
        for (const auto* ancestor : ancestors(child, catalog))
            with(child, *ancestor);
}

/// The number in a child of a column of its parent; 0, the relation itself, stays 0.
std::optional<std::int16_t> same_column(const Relation& parent, std::int16_t number, const Relation& child)
{
    if (number == 0)
        return number;
    const auto column = std::ranges::find(parent.columns, number, &catalog::Column::number);
    if (column == parent.columns.end())
        return std::nullopt;
    const auto same = std::ranges::find(child.columns, column->name, &catalog::Column::name);
    return same == child.columns.end() ? std::nullopt : std::optional{same->number};
}

/// A child may be detached, and then is a table of its own: it keeps the names under which its parents are labelled.
void inherit_names(const Catalog& catalog, std::vector<LabelledName>& names)
{
    std::unordered_multimap<Oid, LabelledName> of_parents;
    for (const auto& name : names)
        of_parents.emplace(name.relation, name);
    for_each_child(catalog, [&](const Relation& child, const Relation& parent) {
        const auto [begin, end] = of_parents.equal_range(parent.oid);
        for (auto at = begin; at != end; ++at) {
            if (const auto number = same_column(parent, at->second.number, child)) {
                auto name = at->second;
                name.relation = child.oid;
                name.number = *number;
                names.push_back(std::move(name));
            }
        }
    });
}

void inherit_copies(const Catalog& catalog, std::vector<Copy>& copies)
{
    std::unordered_multimap<Oid, Copy> of_parents;
    for (const auto& copy : copies)
        if (copy.relation != 0)
            of_parents.emplace(copy.relation, copy);
    if (of_parents.empty())
        return;
    for_each_child(catalog, [&](const Relation& child, const Relation& parent) {
        const auto [begin, end] = of_parents.equal_range(parent.oid);
        for (auto at = begin; at != end; ++at)
            copies.push_back({child.oid, child.schema + "." + child.name, at->second.label, at->second.recorded});
    });
}

} // namespace

std::uint64_t next_view_revision()
{
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1) + 1;
}

std::string_view bare_name(std::string_view table)
{
    return table.substr(table.rfind('.') + 1); // npos + 1 is 0
}

Lineage::Lineage(std::vector<LabelledName> names, std::vector<Copy> copies)
    : names_(std::move(names)), copies_(std::move(copies))
{
    sort_unique(names_);
    std::sort(copies_.begin(), copies_.end());
    const auto same = [](const Copy& a, const Copy& b) {
        return a.relation == b.relation && a.label == b.label && (a.relation != 0 || a.table == b.table);
    };
    // Sorted by table within a relation: bring equal labels together first.
    std::stable_sort(copies_.begin(), copies_.end(), [](const Copy& a, const Copy& b) {
        if (a.relation != b.relation)
            return a.relation < b.relation;
        if (a.relation == 0 && a.table != b.table)
            return a.table < b.table;
        return a.label < b.label;
    });
    copies_.erase(std::unique(copies_.begin(), copies_.end(), same), copies_.end());
    for (const auto& name : names_)
        names_by_relation_[name.relation].push_back(&name);
    for (const auto& copy : copies_) {
        if (copy.relation != 0)
            copies_by_relation_[copy.relation].push_back(&copy);
        else
            copies_by_name_[std::string{bare_name(copy.table)}].push_back(&copy);
    }
}

const std::vector<const LabelledName*>& Lineage::names_of(Oid relation) const
{
    return found_in(names_by_relation_, relation);
}

const std::vector<const Copy*>& Lineage::copies_into(Oid relation) const
{
    return found_in(copies_by_relation_, relation);
}

const std::vector<const Copy*>& Lineage::copies_into(const std::string& name) const
{
    return found_in(copies_by_name_, name);
}

Lineage Lineage::observed(const Catalog& catalog, const Labels& labelled,
                          std::chrono::system_clock::time_point now) const
{
    std::vector<LabelledName> names;
    for (const auto& name : names_) {
        const auto* relation = catalog.relation(name.relation);
        if (relation != nullptr && has_column(*relation, name.number))
            names.push_back(name);
    }
    for (const auto& relation : catalog.contents().relations)
        if (holds_rows(relation))
            add_names(relation, labelled, names);
    inherit_names(catalog, names);

    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
    std::vector<Copy> copies;
    for (auto copy : copies_) {
        if (copy.relation == 0)
            if (const auto* target = target_of(copy, catalog))
                copy.relation = target->oid;
        const bool known = copy.relation != 0 && catalog.relation(copy.relation) != nullptr;
        if (known || (copy.relation == 0 && seconds - copy.recorded < unseen_copy_lives))
            copies.push_back(std::move(copy));
    }
    inherit_copies(catalog, copies);
    return {std::move(names), std::move(copies)};
}

Lineage Lineage::with(const std::vector<Copy>& more) const
{
    std::vector<Copy> copies = copies_;
    copies.insert(copies.end(), more.begin(), more.end());
    return {names_, std::move(copies)};
}

} // namespace stepgate::policies::sensitivity
