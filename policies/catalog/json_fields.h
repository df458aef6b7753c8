#pragma once

#include "policies/catalog/catalog.h"

#include <array>
#include <string_view>
#include <type_traits>

/// The fields of every object as the JSON format names them, once for writer and reader: `visit(visitor, object)` calls
/// `visitor.needed(name, field)` for what must be there and `visitor.maybe(name, field)` for what has a default.
namespace stepgate::policies::catalog::json_fields
{

inline constexpr std::array<std::string_view, 8> names_of(RelationKind)
{
    return {"table",         "partitioned_table", "view",  "materialized_view",
            "foreign_table", "sequence",          "index", "composite"};
}
inline constexpr std::array<std::string_view, 5> names_of(ReferenceAction)
{
    return {"none", "restrict", "cascade", "set_null", "set_default"};
}
inline constexpr std::array<std::string_view, 5> names_of(FunctionKind)
{
    return {"function", "procedure", "aggregate", "window", "event"};
}
inline constexpr std::array<std::string_view, 3> names_of(Volatility)
{
    return {"immutable", "stable", "volatile"};
}
inline constexpr std::array<std::string_view, 7> names_of(TypeKind)
{
    return {"base", "composite", "domain", "enumeration", "range", "multirange", "pseudo"};
}

/// The same function for an object that is written (const) and one that is read.
template <class Object, class Plain>
concept Is = std::is_same_v<std::remove_const_t<Object>, Plain>;

template <class Visitor, Is<Column> Object>
void visit(Visitor& visitor, Object& column)
{
    visitor.needed("name", column.name);
    visitor.needed("number", column.number);
    visitor.needed("type", column.type);
    visitor.maybe("generated", column.generated);
    visitor.maybe("expression", column.expression);
    visitor.maybe("not_null", column.not_null);
    visitor.maybe("length", column.length);
    visitor.maybe("sql_type", column.sql_type);
    visitor.maybe("charset", column.charset);
    visitor.maybe("counts", column.counts);
    visitor.maybe("invisible", column.invisible);
}

template <class Visitor, Is<Events> Object>
void visit(Visitor& visitor, Object& events)
{
    visitor.maybe("insert", events.insert);
    visitor.maybe("update", events.update);
    visitor.maybe("delete", events.delete_rows);
    visitor.maybe("truncate", events.truncate);
}

template <class Visitor, Is<Trigger> Object>
void visit(Visitor& visitor, Object& trigger)
{
    visitor.needed("name", trigger.name);
    visitor.needed("events", trigger.events);
    visitor.needed("function", trigger.function);
    visitor.maybe("when", trigger.when);
    visitor.maybe("deferrable", trigger.deferrable);
    visitor.maybe("body", trigger.body);
    visitor.maybe("sql_mode", trigger.sql_mode);
    visitor.maybe("definition", trigger.definition);
}

template <class Visitor, Is<RewriteRule> Object>
void visit(Visitor& visitor, Object& rule)
{
    visitor.needed("name", rule.name);
    visitor.needed("definition", rule.definition);
}

template <class Visitor, Is<ReferencedBy> Object>
void visit(Visitor& visitor, Object& key)
{
    visitor.needed("relation", key.relation);
    visitor.needed("columns", key.columns);
    visitor.needed("our_columns", key.our_columns);
    visitor.maybe("on_delete", key.on_delete);
    visitor.maybe("on_update", key.on_update);
}

template <class Visitor, Is<IndexKey> Object>
void visit(Visitor& visitor, Object& key)
{
    visitor.needed("name", key.name);
    visitor.needed("columns", key.columns);
    visitor.maybe("clustered", key.clustered);
}

template <class Visitor, Is<RowPolicy> Object>
void visit(Visitor& visitor, Object& policy)
{
    visitor.needed("name", policy.name);
    visitor.maybe("using", policy.using_expression);
    visitor.maybe("check", policy.check_expression);
}

template <class Visitor, Is<Relation> Object>
void visit(Visitor& visitor, Object& relation)
{
    visitor.needed("oid", relation.oid);
    visitor.needed("schema", relation.schema);
    visitor.needed("name", relation.name);
    visitor.needed("kind", relation.kind);
    visitor.maybe("temporary", relation.temporary);
    visitor.maybe("columns", relation.columns);
    visitor.maybe("definition", relation.definition);
    visitor.maybe("parents", relation.parents);
    visitor.maybe("children", relation.children);
    visitor.maybe("triggers", relation.triggers);
    visitor.maybe("rules", relation.rules);
    visitor.maybe("referenced_by", relation.referenced_by);
    visitor.maybe("primary_key", relation.primary_key);
    visitor.maybe("charset", relation.charset);
    visitor.maybe("owner", relation.owner);
    visitor.maybe("handler", relation.handler);
    visitor.maybe("of_type", relation.of_type);
    visitor.maybe("row_security", relation.row_security);
    visitor.maybe("policies", relation.policies);
    visitor.maybe("checks", relation.checks);
    visitor.maybe("index_expressions", relation.index_expressions);
    visitor.maybe("default_partition_key", relation.default_partition_key);
    visitor.maybe("index_keys", relation.index_keys);
    visitor.maybe("indexes", relation.indexes);
    visitor.maybe("hides_columns", relation.hides_columns);
    visitor.maybe("index_functions", relation.index_functions);
}

template <class Visitor, Is<Function> Object>
void visit(Visitor& visitor, Object& function)
{
    visitor.needed("oid", function.oid);
    visitor.needed("schema", function.schema);
    visitor.needed("name", function.name);
    visitor.needed("kind", function.kind);
    visitor.needed("language", function.language);
    visitor.needed("volatility", function.volatility);
    visitor.maybe("security_definer", function.security_definer);
    visitor.maybe("argument_names", function.argument_names);
    visitor.maybe("argument_types", function.argument_types);
    visitor.maybe("output_types", function.output_types);
    visitor.maybe("defaults", function.defaults);
    visitor.maybe("variadic", function.variadic);
    visitor.maybe("default_expressions", function.default_expressions);
    visitor.maybe("returns", function.returns);
    visitor.maybe("body", function.body);
    visitor.maybe("definition", function.definition);
    visitor.maybe("settings", function.settings);
    visitor.maybe("uses", function.uses);
    visitor.maybe("uses_system", function.uses_system);
}

template <class Visitor, Is<Operator> Object>
void visit(Visitor& visitor, Object& one)
{
    visitor.needed("oid", one.oid);
    visitor.needed("schema", one.schema);
    visitor.needed("name", one.name);
    visitor.maybe("left", one.left);
    visitor.maybe("right", one.right);
    visitor.needed("function", one.function);
    visitor.needed("function_name", one.function_name);
}

template <class Visitor, Is<Cast> Object>
void visit(Visitor& visitor, Object& cast)
{
    visitor.needed("source", cast.source);
    visitor.needed("target", cast.target);
    visitor.maybe("function", cast.function);
    visitor.maybe("function_name", cast.function_name);
}

template <class Visitor, Is<Type> Object>
void visit(Visitor& visitor, Object& type)
{
    visitor.needed("oid", type.oid);
    visitor.needed("schema", type.schema);
    visitor.needed("name", type.name);
    visitor.needed("kind", type.kind);
    visitor.maybe("relation", type.relation);
    visitor.maybe("element", type.element);
    visitor.maybe("base", type.base);
    visitor.maybe("checks", type.checks);
    visitor.maybe("default", type.default_expression);
    visitor.maybe("functions", type.functions);
}

template <class Visitor, Is<MySqlServer> Object>
void visit(Visitor& visitor, Object& server)
{
    visitor.needed("vendor", server.vendor);
    visitor.maybe("folds_names", server.folds_names);
    visitor.maybe("loadable", server.loadable);
    visitor.maybe("triggers_seen", server.triggers_seen);
    visitor.maybe("routines_seen", server.routines_seen);
    visitor.maybe("charsets", server.charsets);
}

/// What stands before the lists of objects.
template <class Visitor, Is<Contents> Object>
void visit_head(Visitor& visitor, Object& contents)
{
    visitor.needed("database", contents.database);
    visitor.needed("server_version", contents.server_version);
    visitor.needed("taken", contents.taken);
    visitor.needed("schemas", contents.schemas);
    visitor.maybe("extensions", contents.extensions);
    visitor.needed("event_triggers", contents.event_triggers);
    visitor.maybe("event_trigger_functions", contents.event_trigger_functions);
    visitor.maybe("mysql", contents.mysql);
}

template <class Visitor, Is<Contents> Object>
void visit_lists(Visitor& visitor, Object& contents)
{
    visitor.needed("relations", contents.relations);
    visitor.needed("functions", contents.functions);
    visitor.needed("operators", contents.operators);
    visitor.needed("casts", contents.casts);
    visitor.needed("types", contents.types);
}

} // namespace stepgate::policies::catalog::json_fields
