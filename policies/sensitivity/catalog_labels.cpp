#include "policies/sensitivity/catalog_labels.h"

#include "policies/statement/ascii.h"

#include <algorithm>

namespace stepgate::policies::sensitivity
{

using catalog::Column;
using catalog::Relation;
using statement::TableAccess;

namespace
{

bool wants(const std::string& column, std::string_view name)
{
    return column == "*" || same_word(column, name);
}

bool wants(const std::vector<std::string>& columns, std::string_view name)
{
    return std::ranges::any_of(columns, [name](const auto& column) { return wants(column, name); });
}

bool part_of_word(char c)
{
    return c == '_' || c == '$' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           static_cast<unsigned char>(c) >= 0x80;
}

/// The name stands in the expression as a word. A literal that holds it counts too: that only adds labels.
bool mentions(std::string_view expression, std::string_view name)
{
    for (std::size_t at = 0; at + name.size() <= expression.size(); ++at) {
        const auto end = at + name.size();
        const bool begins = at == 0 || !part_of_word(expression[at - 1]);
        const bool ends = end == expression.size() || !part_of_word(expression[end]);
        if (begins && ends && same_word(expression.substr(at, name.size()), name))
            return true;
    }
    return false;
}

/// The columns asked for, those that a generated one among them is made of, and so on. Defaults of MySQL and MariaDB
/// may name columns too: what was not written is a copy of those.
std::vector<std::string> with_sources(const Relation& relation, const std::vector<std::string>& columns,
                                      bool defaults_name_columns)
{
    std::vector<std::string> all = columns;
    std::vector<bool> known(relation.columns.size());
    const auto is_made = [&](const Column& one) {
        return !one.expression.empty() && (one.generated || defaults_name_columns);
    };
    for (std::size_t next = 0; next < all.size(); ++next)
        for (const Column& made : relation.columns) {
            if (!is_made(made) || !wants(all[next], made.name))
                continue;
            for (std::size_t i = 0; i < known.size(); ++i) {
                if (known[i] || !mentions(made.expression, relation.columns[i].name))
                    continue;
                known[i] = true;
                all.push_back(relation.columns[i].name);
            }
        }
    return all;
}

constexpr int deepest_row_type = 8; // rows in rows, and domains and arrays around one

} // namespace

LabelSet CatalogLabels::of(const TableAccess& access) const
{
    LabelSet labels;
    if (view_.lineage)
        add_copies(view_.lineage->copies_into(std::string{bare_name(access.table)}), labels);
    if (!view_.catalog)
        return labels;
    for (const Relation* relation : meant(access))
        for (const Relation* member : family(*relation))
            add(*member, access.columns, labels);
    return labels;
}

/// Names may hold dots, so every way to cut "schema.table" is tried. A name whose schema is not certain may mean any
/// relation of that name.
std::vector<const Relation*> CatalogLabels::meant(const TableAccess& access) const
{
    std::vector<const Relation*> found;
    const std::string_view table = access.table;
    for (auto dot = table.find('.'); dot != std::string_view::npos; dot = table.find('.', dot + 1))
        if (const auto* relation = view_.catalog->relation(table.substr(0, dot), table.substr(dot + 1)))
            found.push_back(relation);
    if (access.schema_known)
        return found;
    for (const Relation& relation : view_.catalog->contents().relations)
        if (relation.name == bare_name(table) || relation.name == table)
            found.push_back(&relation);
    return found;
}

/// A child has its parents' columns, and reading a parent reads its children.
std::vector<const Relation*> CatalogLabels::family(const Relation& relation) const
{
    std::vector<const Relation*> all{&relation};
    const auto follow = [&](std::vector<catalog::Oid> Relation::*direction) {
        for (std::size_t next = 0; next < all.size(); ++next) {
            for (const auto oid : all[next]->*direction) {
                const auto* other = view_.catalog->relation(oid);
                if (other != nullptr && std::ranges::find(all, other) == all.end())
                    all.push_back(other);
            }
        }
    };
    follow(&Relation::children);
    follow(&Relation::parents);
    return all;
}

void CatalogLabels::add(const Relation& relation, const std::vector<std::string>& columns, LabelSet& labels) const
{
    labels |= named(relation.schema, relation.name, "");
    const bool mysql = !view_.catalog->contents().mysql.vendor.empty();
    const auto wanted = with_sources(relation, columns, mysql);
    for (const Column& column : relation.columns) {
        if (!wants(wanted, column.name))
            continue;
        labels |= named(relation.schema, relation.name, column.name);
        add_row_type(column.type, deepest_row_type, labels);
    }
    if (!view_.lineage)
        return;
    add_former(relation, wanted, labels);
    add_copies(view_.lineage->copies_into(relation.oid), labels);
}

/// A column that holds rows, or arrays of them, holds all that their fields may: which one is asked for is not told.
void CatalogLabels::add_row_type(catalog::Oid oid, int levels, LabelSet& labels) const
{
    const catalog::Type* type = view_.catalog->type(oid);
    for (int step = 0; type != nullptr && type->relation == 0 && step < deepest_row_type; ++step)
        type = view_.catalog->type(type->element != 0 ? type->element : type->base);
    const Relation* row = type == nullptr ? nullptr : view_.catalog->relation(type->relation);
    if (row == nullptr || levels == 0)
        return;
    labels |= named(row->schema, row->name, "");
    for (const Column& field : row->columns) {
        labels |= named(row->schema, row->name, field.name);
        add_row_type(field.type, levels - 1, labels);
    }
    if (view_.lineage)
        add_former(*row, {"*"}, labels);
}

void CatalogLabels::add_former(const Relation& relation, const std::vector<std::string>& columns,
                               LabelSet& labels) const
{
    for (const LabelledName* former : view_.lineage->names_of(relation.oid)) {
        const auto now = std::ranges::find(relation.columns, former->number, &Column::number);
        if (former->number == 0 || (now != relation.columns.end() && wants(columns, now->name)))
            labels |= named(former->schema, former->table, former->column);
    }
}

void CatalogLabels::add_copies(const std::vector<const Copy*>& copies, LabelSet& labels) const
{
    for (const Copy* copy : copies)
        if (const auto label = names_.find(copy->label))
            labels.add(*label);
}

LabelSet CatalogLabels::named(std::string_view schema, std::string_view table, std::string_view column) const
{
    TableAccess access;
    access.table.append(schema).append(1, '.').append(table);
    access.schema_known = true;
    if (!column.empty())
        access.columns.emplace_back(column);
    return index_.of(access, database_);
}

} // namespace stepgate::policies::sensitivity
