#include "policies/postgres/walk.h"

#include <algorithm>

namespace stepgate::policies::postgres
{
namespace
{

using statement::TableAccess;

bool is_relation(::ObjectType type)
{
    switch (type) {
    case OBJECT_TABLE:
    case OBJECT_VIEW:
    case OBJECT_MATVIEW:
    case OBJECT_FOREIGN_TABLE:
    case OBJECT_SEQUENCE:
    case OBJECT_INDEX:
        return true;
    default:
        return false;
    }
}

/// Objects of a table: the table is named by all but the last identifier.
bool is_part_of_relation(::ObjectType type)
{
    return type == OBJECT_TRIGGER || type == OBJECT_RULE || type == OBJECT_POLICY;
}

bool contains_word(std::string_view text, std::string_view word)
{
    const auto same = [](char one, char other) { return (one >= 'A' && one <= 'Z' ? one - 'A' + 'a' : one) == other; };
    return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
}

} // namespace

std::string_view object_name(::ObjectType type)
{
    switch (type) {
    case OBJECT_ACCESS_METHOD:
        return "access method";
    case OBJECT_AGGREGATE:
        return "aggregate";
    case OBJECT_AMOP:
    case OBJECT_AMPROC:
    case OBJECT_OPFAMILY:
        return "operator family";
    case OBJECT_ATTRIBUTE:
        return "attribute";
    case OBJECT_CAST:
        return "cast";
    case OBJECT_COLUMN:
        return "column";
    case OBJECT_COLLATION:
        return "collation";
    case OBJECT_CONVERSION:
        return "conversion";
    case OBJECT_DATABASE:
        return "database";
    case OBJECT_DEFAULT:
        return "default";
    case OBJECT_DEFACL:
        return "default privileges";
    case OBJECT_DOMAIN:
        return "domain";
    case OBJECT_DOMCONSTRAINT:
    case OBJECT_TABCONSTRAINT:
        return "constraint";
    case OBJECT_EVENT_TRIGGER:
        return "event trigger";
    case OBJECT_EXTENSION:
        return "extension";
    case OBJECT_FDW:
        return "foreign data wrapper";
    case OBJECT_FOREIGN_SERVER:
        return "server";
    case OBJECT_FOREIGN_TABLE:
        return "foreign table";
    case OBJECT_FUNCTION:
        return "function";
    case OBJECT_INDEX:
        return "index";
    case OBJECT_LANGUAGE:
        return "language";
    case OBJECT_LARGEOBJECT:
        return "large object";
    case OBJECT_MATVIEW:
        return "materialized view";
    case OBJECT_OPCLASS:
        return "operator class";
    case OBJECT_OPERATOR:
        return "operator";
    case OBJECT_PARAMETER_ACL:
        return "parameter";
    case OBJECT_POLICY:
        return "policy";
    case OBJECT_PROCEDURE:
        return "procedure";
    case OBJECT_PUBLICATION:
    case OBJECT_PUBLICATION_NAMESPACE:
    case OBJECT_PUBLICATION_REL:
        return "publication";
    case OBJECT_ROLE:
        return "role";
    case OBJECT_ROUTINE:
        return "routine";
    case OBJECT_RULE:
        return "rule";
    case OBJECT_SCHEMA:
        return "schema";
    case OBJECT_SEQUENCE:
        return "sequence";
    case OBJECT_SUBSCRIPTION:
        return "subscription";
    case OBJECT_STATISTIC_EXT:
        return "statistics";
    case OBJECT_TABLE:
        return "table";
    case OBJECT_TABLESPACE:
        return "tablespace";
    case OBJECT_TRANSFORM:
        return "transform";
    case OBJECT_TRIGGER:
        return "trigger";
    case OBJECT_TSCONFIGURATION:
        return "text search configuration";
    case OBJECT_TSDICTIONARY:
        return "text search dictionary";
    case OBJECT_TSPARSER:
        return "text search parser";
    case OBJECT_TSTEMPLATE:
        return "text search template";
    case OBJECT_TYPE:
        return "type";
    case OBJECT_USER_MAPPING:
        return "user mapping";
    case OBJECT_VIEW:
        return "view";
    }
    return "object";
}

void Walk::is(Kind kind, std::string_view object)
{
    facts().kind = kind;
    facts().object = object;
}

bool Walk::object(const ::Node* node)
{
    return create_object(node) || alter_object(node) || other_object(node);
}

/// Options may hold passwords: those that say so, and whole connection strings.
void Walk::secrets(const ::List* options)
{
    for (const ::ListCell& cell : cells(options)) {
        const auto& option = as<::DefElem>(node_of(cell));
        const std::string_view name = view_of(option.defname);
        for (const std::string_view word : {"pass", "secret", "token", "key", "conn"})
            if (option.arg != nullptr && contains_word(name, word))
                out_.facts.carries_secret = true;
    }
}

bool Walk::create_object(const ::Node* node)
{
    Scope scope = fresh_scope();
    switch (tag_of(node)) {
    case T_CreateStmt:
        create_table(as<::CreateStmt>(node));
        return true;
    case T_CreateForeignTableStmt:
        create_table(as<::CreateForeignTableStmt>(node).base);
        is(Kind::create, "foreign table");
        return true;
    case T_ViewStmt:
        query(as<::ViewStmt>(node).query, nullptr, nullptr);
        is(Kind::create, "view");
        write_table(*as<::ViewStmt>(node).view);
        makes_temporary_ = as<::ViewStmt>(node).view->relpersistence == RELPERSISTENCE_TEMP;
        return true;
    case T_IndexStmt:
        create_index(as<::IndexStmt>(node));
        return true;
    case T_CreateSeqStmt:
        is(Kind::create, "sequence");
        write_table(*as<::CreateSeqStmt>(node).sequence);
        return true;
    case T_CreateSchemaStmt:
        create_schema(as<::CreateSchemaStmt>(node));
        return true;
    case T_CreateFunctionStmt:
        is(Kind::create, as<::CreateFunctionStmt>(node).is_procedure ? "procedure" : "function");
        redefine_function(as<::CreateFunctionStmt>(node).funcname);
        return true;
    case T_CreateTrigStmt:
        is(Kind::create, "trigger");
        write_table(*as<::CreateTrigStmt>(node).relation);
        return true;
    case T_RuleStmt:
        is(Kind::create, "rule");
        write_table(*as<::RuleStmt>(node).relation);
        redefines_code_ = as<::RuleStmt>(node).event == CMD_SELECT; // makes a view of the table
        return true;
    case T_CreatePolicyStmt:
        is(Kind::create, "policy");
        write_table(*as<::CreatePolicyStmt>(node).table);
        return true;
    case T_CreateStatsStmt: {
        is(Kind::create, "statistics");
        from(as<::CreateStatsStmt>(node).relations, scope);
        for (const ::ListCell& cell : cells(as<::CreateStatsStmt>(node).exprs)) {
            const auto& element = as<::StatsElem>(node_of(cell));
            expression(element.expr, scope);
            if (element.name != nullptr)
                plain_column(element.name, scope);
        }
        return true;
    }
    case T_CreatePublicationStmt:
        is(Kind::create, "publication");
        publication(as<::CreatePublicationStmt>(node).pubobjects);
        return true;
    case T_CreateSubscriptionStmt:
        is(Kind::create, "subscription");
        out_.facts.carries_secret = true;
        return true;
    case T_CreateRoleStmt:
        is(Kind::create, "role");
        secrets(as<::CreateRoleStmt>(node).options);
        return true;
    case T_CreateUserMappingStmt:
        is(Kind::create, "user mapping");
        secrets(as<::CreateUserMappingStmt>(node).options);
        return true;
    case T_CreateForeignServerStmt:
        is(Kind::create, "server");
        secrets(as<::CreateForeignServerStmt>(node).options);
        return true;
    case T_DefineStmt:
        is(Kind::create, object_name(as<::DefineStmt>(node).kind));
        redefine_function(as<::DefineStmt>(node).defnames); // of an aggregate or an operator
        return true;
    case T_CreateDomainStmt:
        is(Kind::create, "domain");
        for (const ::ListCell& cell : cells(as<::CreateDomainStmt>(node).constraints))
            constraint(as<::Constraint>(node_of(cell)), scope);
        return true;
    case T_CompositeTypeStmt:
    case T_CreateEnumStmt:
    case T_CreateRangeStmt:
        is(Kind::create, "type");
        return true;
    case T_CreatedbStmt:
        is(Kind::create, "database");
        return true;
    case T_CreateExtensionStmt:
        is(Kind::create, "extension");
        return true;
    case T_CreateEventTrigStmt:
        is(Kind::create, "event trigger");
        return true;
    case T_CreatePLangStmt:
        is(Kind::create, "language");
        return true;
    case T_CreateCastStmt:
        is(Kind::create, "cast");
        return true;
    case T_CreateConversionStmt:
        is(Kind::create, "conversion");
        return true;
    case T_CreateOpClassStmt:
        is(Kind::create, "operator class");
        return true;
    case T_CreateOpFamilyStmt:
        is(Kind::create, "operator family");
        return true;
    case T_CreateTableSpaceStmt:
        is(Kind::create, "tablespace");
        return true;
    case T_CreateFdwStmt:
        is(Kind::create, "foreign data wrapper");
        return true;
    case T_CreateTransformStmt:
        is(Kind::create, "transform");
        return true;
    case T_CreateAmStmt:
        is(Kind::create, "access method");
        return true;
    case T_ImportForeignSchemaStmt:
        is(Kind::create, "foreign schema");
        return true;
    default:
        return false;
    }
}

bool Walk::alter_object(const ::Node* node)
{
    switch (tag_of(node)) {
    case T_AlterTableStmt:
        alter_table(as<::AlterTableStmt>(node));
        return true;
    case T_RenameStmt: {
        const auto& rename = as<::RenameStmt>(node);
        is(Kind::rename, object_name(rename.renameType));
        if (const auto* called = if_tag<::ObjectWithArgs>(rename.object, T_ObjectWithArgs)) {
            redefine_function(called->objname);
            effect(statement::Redefine{.relation = {}, .function = rename.newname, .copies = {}});
        }
        if (rename.relation != nullptr && rename.renameType != OBJECT_COLUMN && rename.newname != nullptr)
            effect(statement::Redefine{
                .relation = rename.newname, .function = {}, .code = true, .copies = renamed_from(*rename.relation)});
        if (rename.renameType == OBJECT_SCHEMA)
            write_schema(view_of(rename.subname));
        if (rename.relation != nullptr)
            write_table(*rename.relation)
                .columns.assign(rename.renameType == OBJECT_COLUMN ? std::size_t{1} : std::size_t{0},
                                std::string{view_of(rename.subname)});
        return true;
    }
    case T_AlterObjectSchemaStmt:
        is(Kind::alter, object_name(as<::AlterObjectSchemaStmt>(node).objectType));
        redefines_code_ = true;
        if (const auto* called = if_tag<::ObjectWithArgs>(as<::AlterObjectSchemaStmt>(node).object, T_ObjectWithArgs))
            redefine_function(called->objname);
        if (const ::RangeVar* relation = as<::AlterObjectSchemaStmt>(node).relation) {
            write_table(*relation);
            facts().object = "table schema";
        }
        return true;
    case T_AlterOwnerStmt:
        is(Kind::alter, object_name(as<::AlterOwnerStmt>(node).objectType));
        if (const ::RangeVar* relation = as<::AlterOwnerStmt>(node).relation)
            write_table(*relation);
        return true;
    case T_AlterObjectDependsStmt:
        is(Kind::alter, object_name(as<::AlterObjectDependsStmt>(node).objectType));
        return true;
    case T_AlterFunctionStmt:
        is(Kind::alter, object_name(as<::AlterFunctionStmt>(node).objtype));
        redefine_function(as<::AlterFunctionStmt>(node).func->objname);
        return true;
    case T_AlterSeqStmt:
        is(Kind::alter, "sequence");
        write_table(*as<::AlterSeqStmt>(node).sequence);
        return true;
    case T_AlterPolicyStmt:
        is(Kind::alter, "policy");
        write_table(*as<::AlterPolicyStmt>(node).table);
        return true;
    case T_AlterRoleStmt:
        is(Kind::alter, "role");
        secrets(as<::AlterRoleStmt>(node).options);
        return true;
    case T_AlterRoleSetStmt:
        is(Kind::alter, "role");
        return true;
    case T_AlterSystemStmt: {
        is(Kind::alter, "system");
        facts().destructive = true;
        const std::string_view name = view_of(as<::AlterSystemStmt>(node).setstmt->name);
        if (contains_word(name, "conninfo") || contains_word(name, "password") || contains_word(name, "passphrase"))
            out_.facts.carries_secret = true;
        return true;
    }
    case T_AlterUserMappingStmt:
        is(Kind::alter, "user mapping");
        secrets(as<::AlterUserMappingStmt>(node).options);
        return true;
    case T_AlterForeignServerStmt:
        is(Kind::alter, "server");
        secrets(as<::AlterForeignServerStmt>(node).options);
        return true;
    case T_AlterSubscriptionStmt:
        is(Kind::alter, "subscription");
        if (as<::AlterSubscriptionStmt>(node).conninfo != nullptr)
            out_.facts.carries_secret = true;
        return true;
    case T_AlterPublicationStmt:
        is(Kind::alter, "publication");
        publication(as<::AlterPublicationStmt>(node).pubobjects);
        return true;
    case T_AlterDomainStmt: {
        is(Kind::alter, "domain");
        Scope value = fresh_scope(); // a default, or a check that looks at the rows that are there
        const ::Node* const definition = as<::AlterDomainStmt>(node).def;
        if (const auto* check = if_tag<::Constraint>(definition, T_Constraint))
            constraint(*check, value);
        else
            expression(definition, value);
        return true;
    }
    case T_AlterDatabaseStmt:
    case T_AlterDatabaseRefreshCollStmt:
        is(Kind::alter, "database");
        return true;
    case T_AlterDatabaseSetStmt:
        is(Kind::alter, "database settings");
        return true;
    case T_AlterOpFamilyStmt:
        is(Kind::alter, "operator family");
        return true;
    case T_AlterOperatorStmt:
        is(Kind::alter, "operator");
        return true;
    case T_AlterTypeStmt:
    case T_AlterEnumStmt:
        is(Kind::alter, "type");
        return true;
    case T_AlterTSDictionaryStmt:
        is(Kind::alter, "text search dictionary");
        return true;
    case T_AlterTSConfigurationStmt:
        is(Kind::alter, "text search configuration");
        return true;
    case T_AlterFdwStmt:
        is(Kind::alter, "foreign data wrapper");
        return true;
    case T_AlterTableSpaceOptionsStmt:
    case T_AlterTableMoveAllStmt:
        is(Kind::alter, "tablespace");
        return true;
    case T_AlterExtensionStmt:
    case T_AlterExtensionContentsStmt:
        is(Kind::alter, "extension");
        return true;
    case T_AlterEventTrigStmt:
        is(Kind::alter, "event trigger");
        return true;
    case T_AlterCollationStmt:
        is(Kind::alter, "collation");
        return true;
    case T_AlterStatsStmt:
        is(Kind::alter, "statistics");
        return true;
    case T_AlterDefaultPrivilegesStmt:
        is(Kind::alter, "default privileges");
        return true;
    default:
        return false;
    }
}

/// DROP, TRUNCATE, GRANT, COMMENT and upkeep.
bool Walk::other_object(const ::Node* node)
{
    const auto dropped = [this](std::string_view object) {
        is(Kind::drop, object);
        facts().destructive = true;
        return true;
    };
    switch (tag_of(node)) {
    case T_DropStmt:
        drop(as<::DropStmt>(node));
        return true;
    case T_DropdbStmt:
        return dropped("database");
    case T_DropRoleStmt:
        return dropped("role");
    case T_DropTableSpaceStmt:
        return dropped("tablespace");
    case T_DropUserMappingStmt:
        return dropped("user mapping");
    case T_DropSubscriptionStmt:
        return dropped("subscription");
    case T_DropOwnedStmt:
        drop_owned(as<::DropOwnedStmt>(node));
        return true;
    case T_ReassignOwnedStmt:
        is(Kind::alter, "owned");
        facts().destructive = true;
        return true;
    case T_TruncateStmt:
        is(Kind::truncate, "table");
        facts().destructive = true;
        truncate(as<::TruncateStmt>(node));
        return true;
    case T_GrantStmt:
        grant(as<::GrantStmt>(node));
        return true;
    case T_GrantRoleStmt:
        is(as<::GrantRoleStmt>(node).is_grant ? Kind::grant : Kind::revoke, "role");
        return true;
    case T_CommentStmt:
        is(Kind::comment, object_name(as<::CommentStmt>(node).objtype));
        return true;
    case T_SecLabelStmt:
        is(Kind::alter, "security label");
        return true;
    case T_ReindexStmt:
        is(Kind::reindex);
        return true;
    case T_ClusterStmt:
        is(Kind::cluster);
        if (const ::RangeVar* relation = as<::ClusterStmt>(node).relation)
            read_table(*relation, {});
        return true;
    case T_RefreshMatViewStmt:
        refresh(as<::RefreshMatViewStmt>(node));
        return true;
    default:
        return false;
    }
}

/// Runs the view's query again. CONCURRENTLY compares with what is there.
void Walk::refresh(const ::RefreshMatViewStmt& refresh)
{
    is(Kind::refresh, "materialized view");
    write_table(*refresh.relation);
    if (refresh.concurrent)
        read_table(*refresh.relation, "*");
    Touch definition;
    definition.relation = find(*refresh.relation).relation;
    definition.columns.emplace_back("*");
    if (definition.relation != nullptr)
        touches_.push_back(std::move(definition));
    else if (catalog_ != nullptr)
        opaque("refreshes a materialized view that is not known");
}

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

void Walk::drop(const ::DropStmt& drop)
{
    is(Kind::drop, object_name(drop.removeType));
    facts().destructive = true;
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

void Walk::grant(const ::GrantStmt& grant)
{
    is(grant.is_grant ? Kind::grant : Kind::revoke, object_name(grant.objtype));
    if (grant.targtype != ACL_TARGET_OBJECT || !is_relation(grant.objtype))
        return;
    for (const ::ListCell& cell : cells(grant.objects)) {
        auto& write = write_table(as<::RangeVar>(node_of(cell)));
        for (const ::ListCell& privilege : cells(grant.privileges))
            for (const ::ListCell& column_name : cells(as<::AccessPriv>(node_of(privilege)).cols))
                write.columns.emplace_back(text_of(node_of(column_name)));
    }
}

/// A publication sends rows away: its tables are read whole, or the columns listed.
void Walk::publication(const ::List* objects)
{
    for (const ::ListCell& cell : cells(objects)) {
        const ::PublicationTable* table = as<::PublicationObjSpec>(node_of(cell)).pubtable;
        if (table == nullptr || table->relation == nullptr)
            continue;
        Scope scope = fresh_scope();
        add_target(*table->relation, scope);
        if (table->columns == nullptr)
            read_column(scope.items.front(), "*");
        for (const ::ListCell& column_name : cells(table->columns))
            read_column(scope.items.front(), text_of(node_of(column_name)));
        expression(table->whereClause, scope);
    }
}

void Walk::create_schema(const ::CreateSchemaStmt& create)
{
    for (const ::ListCell& cell : cells(create.schemaElts))
        top(node_of(cell));
    is(Kind::create, "schema");
}

std::vector<TableAccess> Walk::renamed_from(const ::RangeVar& relation) const
{
    Found found = find(relation);
    std::vector<TableAccess> out;
    out.push_back({std::move(found.table), found.known, {"*"}});
    return out;
}

void Walk::create_table(const ::CreateStmt& create)
{
    makes_temporary_ = create.relation->relpersistence == RELPERSISTENCE_TEMP;
    is(Kind::create, "table");
    Scope scope = fresh_scope();
    add_target(*create.relation, scope);
    scope.items.front().table.clear(); // its own columns are new: naming them reads nothing
    scope.items.front().outputs.complete = false;
    for (const ::ListCell& cell : cells(create.tableElts))
        table_element(node_of(cell), scope);
    for (const ::ListCell& cell : cells(create.constraints))
        table_element(node_of(cell), scope);
    if (create.partspec != nullptr)
        for (const ::ListCell& cell : cells(create.partspec->partParams))
            expression(as<::PartitionElem>(node_of(cell)).expr, scope);
    if (create.partbound != nullptr) {
        expressions(create.partbound->listdatums, scope);
        Scope none; // MINVALUE and MAXVALUE come as column names
        expressions(create.partbound->lowerdatums, none);
        expressions(create.partbound->upperdatums, none);
    }
    for (const ::ListCell& cell : cells(create.inhRelations)) {
        ::RangeVar parent = as<::RangeVar>(node_of(cell));
        parent.inh = false; // its other children stay as they are
        write_table(parent);
        relate(*create.relation, parent);
    }
    write_table(*create.relation);
}

/// What stands between the parentheses of CREATE TABLE, and behind ADD in ALTER TABLE.
void Walk::table_element(const ::Node* element, Scope& scope)
{
    switch (tag_of(element)) {
    case T_ColumnDef: {
        const auto& definition = as<::ColumnDef>(element);
        defines_column_ = true;
        type_name(definition.typeName, scope);
        defines_column_ = false;
        expression(definition.raw_default, scope);
        for (const ::ListCell& cell : cells(definition.constraints))
            constraint(as<::Constraint>(node_of(cell)), scope);
        return;
    }
    case T_Constraint:
        return constraint(as<::Constraint>(element), scope);
    case T_TableLikeClause:
        return read_table(*as<::TableLikeClause>(element).relation, {});
    default:
        opaque("defines something that stepgate does not know (node " + std::to_string(tag_of(element)) + ")");
    }
}

/// A new foreign key, check or exclusion looks at the rows that are there.
void Walk::constraint(const ::Constraint& constraint, Scope& scope)
{
    expression(constraint.raw_expr, scope);
    expression(constraint.where_clause, scope);
    for (const ::ListCell& cell : cells(constraint.keys))
        plain_column(text_of(node_of(cell)), scope);
    for (const ::ListCell& cell : cells(constraint.fk_attrs))
        plain_column(text_of(node_of(cell)), scope);
    for (const ::ListCell& cell : cells(constraint.exclusions)) {
        const auto pair = cells(reinterpret_cast<const ::List*>(node_of(cell)));
        const ::ListCell* const first = pair.data();
        if (const auto* element = if_tag<::IndexElem>(node_of(*first), T_IndexElem)) {
            expression(element->expr, scope);
            if (element->name != nullptr)
                plain_column(element->name, scope);
        }
    }
    if (constraint.pktable == nullptr)
        return;
    redefines_writes_ = true; // rows of the one are looked up in the other
    effect(statement::Redefine{.relation = constraint.pktable->relname,
                               .function = {},
                               .temporary = makes_temporary_,
                               .writes = true,
                               .copies = {}});
    const bool key_named = constraint.pk_attrs != nullptr || catalog_ == nullptr;
    read_table(*constraint.pktable, key_named ? std::string_view{} : "*"); // which columns are its key, is not known
    for (const ::ListCell& cell : cells(constraint.pk_attrs))
        read_table(*constraint.pktable, text_of(node_of(cell)));
}

void Walk::index_elements(const ::List* elements, Scope& scope)
{
    for (const ::ListCell& cell : cells(elements)) {
        const auto& element = as<::IndexElem>(node_of(cell));
        expression(element.expr, scope);
        if (element.name != nullptr)
            plain_column(element.name, scope);
    }
}

void Walk::create_index(const ::IndexStmt& index)
{
    is(Kind::create, "index");
    Scope scope = fresh_scope();
    add_target(*index.relation, scope);
    index_elements(index.indexParams, scope);
    index_elements(index.indexIncludingParams, scope);
    expression(index.whereClause, scope);
    write_table(*index.relation);
}

void Walk::alter_table(const ::AlterTableStmt& alter)
{
    is(Kind::alter, object_name(alter.objtype));
    Scope scope = fresh_scope();
    add_target(*alter.relation, scope);
    for (const ::ListCell& cell : cells(alter.cmds)) {
        if (const auto* command = if_tag<::AlterTableCmd>(node_of(cell), T_AlterTableCmd)) {
            TableAccess write = write_table(*alter.relation);
            alter_command(*alter.relation, *command, scope, write);
            alters_besides(command->subtype);
            write_table(*alter.relation).columns = std::move(write.columns);
        } else {
            opaque("alters a table in a way that stepgate does not know");
        }
    }
    write_table(*alter.relation);
    if (alter.objtype == OBJECT_TYPE)
        write_typed_tables(*alter.relation);
}

/// What changes in a type changes in the tables OF it: the server refuses the statement without CASCADE if there are
/// any.
void Walk::write_typed_tables(const ::RangeVar& type)
{
    const catalog::Relation* const row = find(type).relation;
    if (row == nullptr)
        return;
    for (const catalog::Relation& relation : catalog_->contents().relations) {
        if (!spend(1))
            return;
        const catalog::Type* const of = relation.of_type == 0 ? nullptr : catalog_->type(relation.of_type);
        if (of != nullptr && of->relation == row->oid)
            write_index(joined(relation.schema, relation.name), true, &relation, ::RangeVar{}, {});
    }
}

/// What ALTER TABLE changes besides the table itself, as rules name it; of several the one that others hide behind
/// most.
void Walk::alters_besides(::AlterTableType what)
{
    static constexpr std::string_view by_weight[] = {"inheritance", "rule", "trigger", "policy"};
    std::string_view object;
    switch (what) {
    case AT_EnableRowSecurity:
    case AT_DisableRowSecurity:
    case AT_ForceRowSecurity:
    case AT_NoForceRowSecurity:
        object = "policy";
        break;
    case AT_EnableTrig:
    case AT_EnableAlwaysTrig:
    case AT_EnableReplicaTrig:
    case AT_DisableTrig:
    case AT_EnableTrigAll:
    case AT_DisableTrigAll:
    case AT_EnableTrigUser:
    case AT_DisableTrigUser:
        object = "trigger";
        break;
    case AT_EnableRule:
    case AT_EnableAlwaysRule:
    case AT_EnableReplicaRule:
    case AT_DisableRule:
        object = "rule";
        break;
    case AT_AddInherit:
    case AT_DropInherit:
    case AT_AttachPartition:
    case AT_DetachPartition:
        object = "inheritance";
        break;
    default:
        return;
    }
    const auto weight = [](std::string_view name) {
        return std::ranges::find(by_weight, name) - std::begin(by_weight);
    };
    const bool first = std::ranges::find(by_weight, facts().object) == std::end(by_weight);
    if (first || weight(facts().object) < weight(object))
        facts().object = object;
}

/// The columns of the relation's foreign keys, in both directions: they are compared again.
void Walk::read_keys(const ::RangeVar& target)
{
    const catalog::Relation* const relation = find(target).relation;
    if (bodies_ == nullptr || relation == nullptr)
        return;
    const auto read = [this](const catalog::Relation& of, const std::vector<std::string>& columns) {
        facts().reads.push_back({joined(of.schema, of.name), true, columns});
        readings_.push_back({&of, false});
    };
    for (const Reference& key : bodies_->references(*relation)) {
        read(*key.parent, *key.parent_columns);
        read(*relation, *key.child_columns);
    }
    for (const catalog::ReferencedBy& key : relation->referenced_by) {
        read(*relation, key.our_columns);
        if (const catalog::Relation* child = catalog_->relation(key.relation))
            read(*child, key.columns);
    }
}

/// Dropping a column and changing its type lose data; the rest of what is not listed changes definitions only.
void Walk::alter_command(const ::RangeVar& target, const ::AlterTableCmd& command, Scope& scope, TableAccess& write)
{
    switch (command.subtype) {
    case AT_DropColumn:
        facts().destructive = true;
        write.columns.emplace_back(view_of(command.name));
        return;
    case AT_AlterColumnType:
        facts().destructive = true;
        write.columns.emplace_back(view_of(command.name));
        read_column(scope.items.front(), view_of(command.name));
        read_keys(target);
        expression(as<::ColumnDef>(command.def).raw_default, scope);
        return type_name(as<::ColumnDef>(command.def).typeName, scope);
    case AT_AddColumn:
        write.columns.emplace_back(view_of(as<::ColumnDef>(command.def).colname));
        return table_element(command.def, scope);
    case AT_AddConstraint:
        return table_element(command.def, scope);
    case AT_ColumnDefault:
        write.columns.emplace_back(view_of(command.name));
        return expression(command.def, scope);
    case AT_AttachPartition:
    case AT_DetachPartition: {
        relate(*as<::PartitionCmd>(command.def).name, target);
        if (catalog_ != nullptr)
            read_table(*as<::PartitionCmd>(command.def).name, "*"); // its rows must fit
        read_keys(*as<::PartitionCmd>(command.def).name);
        read_keys(target);
        const auto& partition = as<::PartitionCmd>(command.def);
        write_table(*partition.name);
        if (partition.bound != nullptr)
            expressions(partition.bound->listdatums, scope);
        return;
    }
    case AT_AddInherit:
    case AT_DropInherit:
        relate(target, as<::RangeVar>(command.def));
        return read_table(as<::RangeVar>(command.def), {});
    case AT_SetNotNull:
    case AT_DropNotNull:
    case AT_SetStatistics:
    case AT_SetStorage:
    case AT_SetRelOptions:
    case AT_ResetRelOptions:
    case AT_SetOptions:
    case AT_ResetOptions:
    case AT_SetCompression:
    case AT_ClusterOn:
    case AT_DropCluster:
    case AT_SetTableSpace:
    case AT_ReplicaIdentity:
    case AT_ChangeOwner:
    case AT_DropConstraint:
        return;
    case AT_ValidateConstraint:
        return read_keys(target);
    default:
        redefines_code_ = true; // triggers, row security, generated values, …
        return;
    }
}

} // namespace stepgate::policies::postgres
