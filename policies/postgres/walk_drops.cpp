#include "policies/postgres/builtins.h"
#include "policies/postgres/columns.h"
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

/// Surely neither the catalog nor the session has a relation of that name.
bool Walk::lacks_relation(std::string_view schema, std::string_view name) const
{
    const Found found = names_->relation(schema, name);
    const bool spelt_alike = is_ascii(schema) && is_ascii(name); // here and there, whatever the encodings
    return names_->path_known() && spelt_alike && found.relation == nullptr && found.redefined == nullptr &&
           !found.built_in && !schema.starts_with("pg_");
}

/// Surely the relation is one of the catalog, and whichever it is lacks that.
bool Walk::each_lacks(std::string_view schema, std::string_view name,
                      const std::function<bool(const catalog::Relation&)>& lacks) const
{
    const Found found = names_->relation(schema, name);
    return names_->path_known() && found.relation != nullptr && found.redefined == nullptr && lacks(*found.relation) &&
           std::ranges::all_of(found.others, [&](const auto* one) { return lacks(*one); });
}

/// A trigger, rule or policy: the table is not there, or it has no such policy. Of triggers and rules the snapshot has
/// enabled ones only.
bool Walk::lacks_part(::ObjectType what, const ::List* names) const
{
    const auto parts = cells(names);
    if (parts.size() < 2 || parts.size() > 3)
        return false;
    const std::string_view schema = parts.size() == 3 ? text_of(node_of(parts.front())) : std::string_view{};
    const std::string_view table = text_of(node_of(parts[parts.size() - 2]));
    const std::string_view part = text_of(node_of(parts.back()));
    return lacks_relation(schema, table) ||
           (what == OBJECT_POLICY && is_ascii(part) && each_lacks(schema, table, [part](const auto& relation) {
                return std::ranges::find(relation.policies, part, &catalog::RowPolicy::name) == relation.policies.end();
            }));
}

/// ALTER TABLE IF EXISTS of what is not there, or one that only drops columns IF EXISTS that are not.
bool Walk::alters_nothing(const ::AlterTableStmt& alter) const
{
    if (catalog_ == nullptr || base_ != nullptr || state_->redefined_all())
        return false;
    const std::string_view schema = view_of(alter.relation->schemaname);
    const std::string_view table = view_of(alter.relation->relname);
    if (alter.missing_ok && lacks_relation(schema, table))
        return true;
    return std::ranges::all_of(cells(alter.cmds), [&](const ::ListCell& cell) {
        const auto* command = if_tag<::AlterTableCmd>(node_of(cell), T_AlterTableCmd);
        const std::string_view column = command == nullptr ? std::string_view{} : view_of(command->name);
        return command != nullptr && command->subtype == AT_DropColumn && command->missing_ok && is_ascii(column) &&
               each_lacks(schema, table, [column](const auto& relation) { return !has_column(relation, column); });
    });
}

/// Likewise one of what is no relation: of that name in whatever schema.
bool Walk::lacks(::ObjectType what, const ::Node* node) const
{
    const auto* qualified = if_tag<::List>(node, T_List);
    if (is_part_of_relation(what))
        return lacks_part(what, qualified);
    if (is_relation(what)) {
        const auto names = cells(qualified);
        return (names.size() == 1 || names.size() == 2) &&
               lacks_relation(names.size() == 2 ? text_of(node_of(names.front())) : std::string_view{},
                              text_of(node_of(names.back())));
    }
    const ::List* parts = nullptr;
    if (const auto* type = if_tag<::TypeName>(node, T_TypeName))
        parts = type->names;
    else if (const auto* called = if_tag<::ObjectWithArgs>(node, T_ObjectWithArgs))
        parts = called->objname;
    const std::string_view name = parts == nullptr ? text_of(node) : text_of(node_of(cells(parts).back()));
    if (!is_ascii(name) || name.starts_with("pg_"))
        return false;
    const auto& known = catalog_->contents();
    switch (what) {
    case OBJECT_SCHEMA:
        return !catalog_->has_schema(name) &&
               !state_->redefined_relations(); // these may be in one that the session made
    case OBJECT_EXTENSION:
        return !catalog_->has_extension(name);
    case OBJECT_TYPE:
    case OBJECT_DOMAIN:
        return std::ranges::find(known.types, name, &catalog::Type::name) == known.types.end() &&
               !state_->made_plain_type(name) && !state_->made_code_type(name);
    case OBJECT_FUNCTION:
    case OBJECT_PROCEDURE:
    case OBJECT_ROUTINE:
        return builtin_function(name).trust == Builtin::Trust::unknown && !catalog_->names_function(name) &&
               !state_->redefined_function(name);
    default:
        return false;
    }
}

/// IF EXISTS of what is not there. The server only says so.
bool Walk::drops_nothing(const ::DropStmt& drop) const
{
    return drop.missing_ok && catalog_ != nullptr && base_ == nullptr && !state_->redefined_all() &&
           std::ranges::all_of(cells(drop.objects),
                               [&](const ::ListCell& cell) { return lacks(drop.removeType, node_of(cell)); });
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
