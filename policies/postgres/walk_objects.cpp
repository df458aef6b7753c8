#include "policies/postgres/walk.h"
#include "policies/statement/secrets.h"

#include <algorithm>

namespace stepgate::policies::postgres
{
namespace
{

bool contains_word(std::string_view text, std::string_view word)
{
    const auto same = [](char one, char other) { return (one >= 'A' && one <= 'Z' ? one - 'A' + 'a' : one) == other; };
    return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
}

/// What rules say of schemas, and of what holds code or leads out of the database, counts for more than its owner.
std::string_view owned_name(::ObjectType type)
{
    switch (type) {
    case OBJECT_COLLATION:
    case OBJECT_DATABASE:
    case OBJECT_DOMAIN:
    case OBJECT_LARGEOBJECT:
    case OBJECT_STATISTIC_EXT:
    case OBJECT_TABLESPACE:
    case OBJECT_TYPE:
        return "owner";
    default:
        return object_name(type);
    }
}

} // namespace

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

void Walk::setting_of(const ::VariableSetStmt* set)
{
    out_.facts.carries_secret = out_.facts.carries_secret || statement::names_secret(view_of(set->name));
}

/// IF NOT EXISTS of one that is there. The server only says so.
bool Walk::creates_nothing(const ::CreateExtensionStmt& create) const
{
    return create.if_not_exists && catalog_ != nullptr && base_ == nullptr && !state_->redefined_all() &&
           catalog_->has_extension(view_of(create.extname));
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
        secrets(as<::CreateForeignTableStmt>(node).options);
        return true;
    case T_ViewStmt:
        query(as<::ViewStmt>(node).query, nullptr, nullptr);
        is(Kind::create, "view");
        makes(*as<::ViewStmt>(node).view);
        // One over a temporary relation is temporary itself, asked or not (docs, CREATE VIEW).
        makes_lasting_ = makes_lasting_ || std::ranges::any_of(facts().reads, [this](const auto& read) {
                             const auto* change = state_->redefined_relation(bare(read.table));
                             return change != nullptr && change->temporary;
                         });
        write_table(*as<::ViewStmt>(node).view);
        return true;
    case T_IndexStmt:
        create_index(as<::IndexStmt>(node));
        return true;
    case T_CreateSeqStmt:
        is(Kind::create, "sequence");
        makes(*as<::CreateSeqStmt>(node).sequence);
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
        if (as<::DefineStmt>(node).kind == OBJECT_TYPE)
            makes_type(as<::DefineStmt>(node).defnames, false);
        return true;
    case T_CreateDomainStmt:
        is(Kind::create, "domain");
        for (const ::ListCell& cell : cells(as<::CreateDomainStmt>(node).constraints)) {
            constraint(as<::Constraint>(node_of(cell)), scope);
            if (as<::Constraint>(node_of(cell)).contype == CONSTR_DEFAULT) // a value of the type
                type_name(as<::CreateDomainStmt>(node).typeName, scope);
        }
        makes_type(as<::CreateDomainStmt>(node).domainname,
                   is_plain_type(as<::CreateDomainStmt>(node).typeName) && !calls_code(0));
        return true;
    case T_CompositeTypeStmt: {
        is(Kind::create, "type");
        const auto& made = as<::CompositeTypeStmt>(node);
        const bool plain = std::ranges::all_of(cells(made.coldeflist), [this](const ::ListCell& cell) {
            return is_plain_type(as<::ColumnDef>(node_of(cell)).typeName);
        });
        makes_type(view_of(made.typevar->schemaname), view_of(made.typevar->relname), plain);
        return true;
    }
    case T_CreateEnumStmt:
        is(Kind::create, "type");
        makes_type(as<::CreateEnumStmt>(node).typeName, true);
        return true;
    case T_CreateRangeStmt:
        is(Kind::create, "type");
        makes_type(as<::CreateRangeStmt>(node).typeName, false);
        return true;
    case T_CreatedbStmt:
        create_database(as<::CreatedbStmt>(node));
        return true;
    case T_CreateExtensionStmt:
        is(Kind::create, creates_nothing(as<::CreateExtensionStmt>(node)) ? "nothing" : "extension");
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
        secrets(as<::ImportForeignSchemaStmt>(node).options);
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
            rename_relation(*rename.relation, rename.newname);
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
        is(Kind::alter, owned_name(as<::AlterOwnerStmt>(node).objectType));
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
        setting_of(as<::AlterRoleSetStmt>(node).setstmt);
        return true;
    case T_AlterSystemStmt:
        is(Kind::alter, "system");
        facts().destructive = true;
        setting_of(as<::AlterSystemStmt>(node).setstmt);
        return true;
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
        const char what = as<::AlterDomainStmt>(node).subtype; // 'V': validates; 'T': a default, which is a value of it
        const auto names = cells(as<::AlterDomainStmt>(node).typeName);
        const std::string_view schema =
            names.size() > 1 ? text_of(node_of(names[names.size() - 2])) : std::string_view{};
        if (what == 'V' || what == 'T')
            is_type(schema, text_of(node_of(names.back())));
        if (what == 'V' || (what == 'C' && !as<::Constraint>(definition).skip_validation))
            read_domain(schema, text_of(node_of(names.back())));
        return true;
    }
    case T_AlterDatabaseStmt:
    case T_AlterDatabaseRefreshCollStmt:
        is(Kind::alter, "database");
        return true;
    case T_AlterDatabaseSetStmt:
        is(Kind::alter, "database settings");
        setting_of(as<::AlterDatabaseSetStmt>(node).setstmt);
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
        reindex(as<::ReindexStmt>(node));
        return true;
    case T_ClusterStmt:
        is(Kind::cluster);
        if (const ::RangeVar* relation = as<::ClusterStmt>(node).relation) {
            read_table(*relation, {});
            index_again(*relation);
            Scope scope;
            add_target(*relation, scope); // which of its rows comes before which is seen afterwards
            read_index_key(scope, view_of(as<::ClusterStmt>(node).indexname));
        } else {
            index_all({});
            read_clustered();
        }
        return true;
    case T_RefreshMatViewStmt:
        refresh(as<::RefreshMatViewStmt>(node));
        return true;
    default:
        return false;
    }
}

void Walk::makes_type(const ::List* name, bool plain)
{
    const auto parts = cells(name);
    makes_type(parts.size() > 1 ? text_of(node_of(parts[parts.size() - 2])) : std::string_view{},
               text_of(node_of(parts.back())), plain);
}

void Walk::makes_type(std::string_view schema, std::string_view name, bool plain)
{
    const bool temporary = (schema.empty() ? names_->first_schema() : schema).starts_with("pg_temp");
    effect(statement::MakeType{std::string{name}, plain, temporary});
}

/// Its values run no code of users, as far as the catalog knows it or the session has made it.
bool Walk::is_plain_type(const ::TypeName* type)
{
    const auto parts = cells(type == nullptr ? nullptr : type->names);
    if (bodies_ == nullptr || parts.empty() || !names_->path_known())
        return false;
    const std::string_view schema = parts.size() > 1 ? text_of(node_of(parts[parts.size() - 2])) : std::string_view{};
    const std::string_view name = text_of(node_of(parts.back()));
    if (schema == "pg_catalog" || state_->made_plain_type(name))
        return true;
    if (state_->made_code_type(name))
        return false;
    const catalog::Type* known = nullptr;
    const auto look = [&](std::string_view in) { return (known = catalog_->type(in, name)) != nullptr; };
    if (!(schema.empty() ? std::ranges::any_of(names_->path(), look) : look(schema)))
        return false;
    Footprint behind;
    bodies_->add_type(known->oid, behind);
    return behind.touches.empty() && behind.opaque_reasons.empty();
}

/// Of an index, which is in the schema of its table, the snapshot does not say which table that is.
void Walk::reindex(const ::ReindexStmt& again)
{
    out_.facts.searches_catalog = out_.facts.searches_catalog || bodies_ == nullptr;
    if (bodies_ == nullptr)
        return;
    if (again.kind == REINDEX_OBJECT_TABLE)
        return index_again(*again.relation);
    const auto* const index = again.kind == REINDEX_OBJECT_INDEX ? find(*again.relation).relation : nullptr;
    if (index != nullptr)
        index_all(index->schema);
    else if (again.kind != REINDEX_OBJECT_SYSTEM)
        index_all(again.kind == REINDEX_OBJECT_SCHEMA ? view_of(again.name) : std::string_view{});
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
    bool triggers = false;
    for (const ::ListCell& cell : cells(create.schemaElts)) {
        top(node_of(cell));
        triggers = triggers || facts().object == "trigger";
        if (facts().kind != Kind::create)
            facts().inner.push_back(facts().itself()); // GRANT, on anything
    }
    is(Kind::create, triggers ? "trigger" : "schema");
}

/// A template is copied with all its tables.
void Walk::create_database(const ::CreatedbStmt& create)
{
    is(Kind::create, "database");
    for (const ::ListCell& cell : cells(create.options)) {
        const auto& option = as<::DefElem>(node_of(cell));
        const std::string_view text = option.arg == nullptr ? std::string_view{} : text_of(option.arg);
        if (view_of(option.defname) == "template" && option.arg != nullptr && text != "template0" &&
            text != "template1")
            opaque("copies the whole database " + std::string{text});
    }
}

} // namespace stepgate::policies::postgres
