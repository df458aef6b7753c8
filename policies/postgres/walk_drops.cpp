#include "policies/postgres/walk.h"
#include "policies/statement/ascii.h"

#include <algorithm>

namespace stepgate::policies::postgres
{
namespace
{

/// Objects of a table: the table is named by all but the last identifier.
bool is_part_of_relation(::ObjectType type)
{
    return type == OBJECT_TRIGGER || type == OBJECT_RULE || type == OBJECT_POLICY;
}

} // namespace

/// All relations of a schema, when they are dropped with it or get another name.
void Walk::write_schema(std::string_view schema)
{
    if (catalog_ == nullptr)
        return;
    for (const catalog::Relation& relation : catalog_->contents().relations) {
        if (!spend(1))
            return;
        if (relation.schema == schema && relation.kind != catalog::RelationKind::index)
            write_index(joined(relation.schema, relation.name), true, &relation, ::RangeVar{}, {});
    }
}

/// All relations of the roles; of everybody where it is not known who is meant.
void Walk::drop_owned(const ::DropOwnedStmt& drop)
{
    is(Kind::drop, "owned");
    facts().destructive = true;
    if (catalog_ == nullptr)
        return;
    for (const ::ListCell& cell : cells(drop.roles)) {
        const auto& role = as<::RoleSpec>(node_of(cell));
        const bool named = role.roletype == ROLESPEC_CSTRING;
        const std::string_view owner = named ? view_of(role.rolename) : std::string_view{};
        for (const catalog::Relation& relation : catalog_->contents().relations) {
            if (!spend(1))
                return;
            const bool meant = !named || relation.owner.empty() || relation.owner == owner;
            if (meant && relation.kind != catalog::RelationKind::index)
                write_index(joined(relation.schema, relation.name), true, &relation, ::RangeVar{}, {});
        }
    }
    if (drop.behavior == DROP_CASCADE)
        write_dependents();
}

void Walk::drop_schema(const ::DropStmt& drop)
{
    if (drop.behavior == DROP_CASCADE)
        for (const ::ListCell& cell : cells(drop.objects))
            write_schema(text_of(node_of(cell)));
}

/// CASCADE drops the views that are over what is dropped.
void Walk::write_dependents()
{
    if (bodies_ == nullptr)
        return;
    auto& writes = facts().writes;
    for (std::size_t i = 0; i < writes.size(); ++i) {
        const std::string table = writes[i].table;
        for (const catalog::Relation* view : bodies_->views_over(table)) {
            if (!spend(1))
                return;
            write_index(joined(view->schema, view->name), true, view, ::RangeVar{}, {});
        }
    }
}

void Walk::truncate(const ::TruncateStmt& truncate)
{
    constexpr catalog::Events truncates{.insert = false, .update = false, .delete_rows = false, .truncate = true};
    for (const ::ListCell& cell : cells(truncate.relations))
        write_table(as<::RangeVar>(node_of(cell)), truncates);
    if (truncate.behavior == DROP_CASCADE)
        for (Writing& writing : writings_)
            writing.cascade = true;
}

/// IF EXISTS of what the catalog, and the session, surely do not have. The server only says so.
bool Walk::drops_nothing(const ::DropStmt& drop) const
{
    if (!drop.missing_ok || !is_relation(drop.removeType) || catalog_ == nullptr || base_ != nullptr ||
        state_->redefined_all() || !names_->path_known())
        return false;
    return std::ranges::all_of(cells(drop.objects), [this](const ::ListCell& cell) {
        const auto parts = cells(if_tag<::List>(node_of(cell), T_List));
        if (parts.empty() || parts.size() > 2)
            return false;
        const std::string_view schema = parts.size() == 2 ? text_of(node_of(parts.front())) : std::string_view{};
        const std::string_view name = text_of(node_of(parts.back()));
        const Found found = names_->relation(schema, name);
        const bool spelt_alike = is_ascii(schema) && is_ascii(name); // here and there, whatever the encodings
        return spelt_alike && found.relation == nullptr && found.redefined == nullptr && !found.built_in &&
               !schema.starts_with("pg_");
    });
}

void Walk::drop(const ::DropStmt& drop)
{
    const bool nothing = drops_nothing(drop);
    is(Kind::drop, nothing ? "nothing" : object_name(drop.removeType));
    facts().destructive = !nothing;
    facts().cascade = !nothing && drop.behavior == DROP_CASCADE;
    if (drop.removeType == OBJECT_SCHEMA)
        drop_schema(drop);
    for (const ::ListCell& cell : cells(drop.objects)) {
        if (const auto* called = if_tag<::ObjectWithArgs>(node_of(cell), T_ObjectWithArgs))
            redefine_function(called->objname);
        const auto* names = if_tag<::List>(node_of(cell), T_List);
        if (names == nullptr)
            continue;
        if (is_relation(drop.removeType)) {
            write_name(names);
            const auto parts = cells(names);
            drops_temporary(parts.size() > 1 ? text_of(node_of(parts[parts.size() - 2])) : std::string_view{},
                            text_of(node_of(parts.back())));
        } else if (is_part_of_relation(drop.removeType) && names->length > 1) {
            ::List table = *names;
            table.length -= 1;
            write_name(&table);
        }
    }
    if (drop.behavior == DROP_CASCADE)
        write_dependents();
}

} // namespace stepgate::policies::postgres
