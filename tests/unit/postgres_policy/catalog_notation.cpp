#include "catalog_notation.h"

#include <algorithm>
#include <map>
#include <vector>

namespace stepgate::tests
{
namespace
{

using namespace policies::catalog;

std::string trimmed(std::string_view text)
{
    const std::size_t begin = text.find_first_not_of(" \t");
    const std::size_t end = text.find_last_not_of(" \t");
    return begin == std::string_view::npos ? std::string{} : std::string{text.substr(begin, end - begin + 1)};
}

/// Takes the next word; "schema.name(" ends before the bracket.
std::string word(std::string_view& text)
{
    text = text.substr(std::min(text.size(), text.find_first_not_of(' ')));
    const std::size_t end = std::min(text.size(), text.find_first_of(" ("));
    std::string out{text.substr(0, end)};
    text.remove_prefix(end);
    return out;
}

/// Takes "(a, b, …)" if it stands there.
std::vector<std::string> list(std::string_view& text)
{
    std::vector<std::string> out;
    text = text.substr(std::min(text.size(), text.find_first_not_of(' ')));
    if (!text.starts_with('('))
        return out;
    const std::size_t end = text.find(')');
    std::string_view inside = text.substr(1, end - 1);
    text.remove_prefix(std::min(text.size(), end + 1));
    while (!inside.empty()) {
        const std::size_t comma = std::min(inside.find(','), inside.size());
        if (std::string item = trimmed(inside.substr(0, comma)); !item.empty())
            out.push_back(std::move(item));
        inside.remove_prefix(std::min(inside.size(), comma + 1));
    }
    return out;
}

std::pair<std::string, std::string> split(const std::string& name)
{
    const std::size_t dot = name.find('.');
    return dot == std::string::npos ? std::pair{std::string{"public"}, name}
                                    : std::pair{name.substr(0, dot), name.substr(dot + 1)};
}

/// "name type" or "type" alone.
std::pair<std::string, std::string> name_and_type(const std::string& item)
{
    const std::size_t space = item.find(' ');
    return space == std::string::npos ? std::pair{std::string{}, item}
                                      : std::pair{item.substr(0, space), trimmed(item.substr(space))};
}

ReferenceAction action(std::string_view text)
{
    if (text == "cascade")
        return ReferenceAction::cascade;
    if (text == "set_null")
        return ReferenceAction::set_null;
    return text == "restrict" ? ReferenceAction::restrict_it : ReferenceAction::none;
}

} // namespace

CatalogNotation::CatalogNotation()
{
    contents_.database = "shop";
    contents_.server_version = 150000;
    contents_.schemas = {"pg_catalog", "information_schema", "public"};
    const std::pair<const char*, Oid> built_in[] = {
        {"bool", 16},      {"bytea", 17},         {"int8", 20},         {"int2", 21},     {"float4", 700},
        {"int4", 23},      {"text", 25},          {"json", 114},        {"float8", 701},  {"date", 1082},
        {"varchar", 1043}, {"timestamptz", 1184}, {"numeric", 1700},    {"record", 2249}, {"refcursor", 1790},
        {"trigger", 2279}, {"void", 2278},        {"anyelement", 2283}, {"jsonb", 3802},  {"_int4", 1007}};
    for (const auto& [name, oid] : built_in) {
        Type& type = contents_.types.emplace_back();
        type.oid = oid;
        type.schema = "pg_catalog";
        type.name = name;
        type.kind = oid >= 2249 ? TypeKind::pseudo : TypeKind::base;
    }
}

Oid CatalogNotation::type(const std::string& written)
{
    static const std::map<std::string, std::string> aliases{{"int", "int4"},    {"int[]", "_int4"},
                                                            {"bigint", "int8"}, {"smallint", "int2"},
                                                            {"real", "float4"}, {"boolean", "bool"}};
    const auto alias = aliases.find(written);
    const std::string name = alias == aliases.end() ? written : alias->second;
    for (const Type& one : contents_.types)
        if (one.schema + '.' + one.name == name || (name.find('.') == std::string::npos && one.name == name))
            return one.oid;
    problem_ = "unknown type " + written;
    return 0;
}

Relation& CatalogNotation::relation(const std::string& name)
{
    const auto [schema, bare] = split(name);
    for (Relation& one : contents_.relations)
        if (one.schema == schema && one.name == bare)
            return one;
    problem_ = "unknown relation " + name;
    return contents_.relations.emplace_back();
}

/// name(column type, …) [as query]
void CatalogNotation::relation_line(RelationKind kind, std::string_view rest)
{
    const auto [schema, name] = split(word(rest));
    Relation made;
    made.oid = ++next_;
    made.schema = schema;
    made.name = name;
    made.kind = kind;
    std::int16_t number = 0;
    for (const std::string& item : list(rest)) {
        const auto [column, of_type] = name_and_type(item);
        Column& added = made.columns.emplace_back();
        added.name = column.empty() ? of_type : column;
        added.type = column.empty() ? 25 : type(of_type);
        added.number = ++number;
    }
    if (word(rest) == "as")
        made.definition = trimmed(rest);
    Type& row = contents_.types.emplace_back();
    row.oid = ++next_;
    row.schema = schema;
    row.name = name;
    row.kind = TypeKind::composite;
    row.relation = made.oid;
    contents_.relations.push_back(std::move(made));
}

/// name of parent [(more columns)]
void CatalogNotation::child_line(std::string_view rest)
{
    const std::string name = word(rest);
    word(rest);
    const std::string parent = word(rest);
    relation_line(RelationKind::table, name);
    const Relation above = relation(parent);
    Relation& child = contents_.relations.back();
    child.columns = above.columns;
    for (const std::string& item : list(rest)) {
        Column& added = child.columns.emplace_back();
        added.name = name_and_type(item).first;
        added.type = type(name_and_type(item).second);
    }
    child.parents.push_back(above.oid);
    relation(parent).children.push_back(child.oid);
}

/// name(arguments) [returns type] [language x] [definer] [immutable] [set name=value] [uses function] [library l] as
/// body
void CatalogNotation::function_line(FunctionKind kind, std::string_view rest)
{
    Function made;
    std::tie(made.schema, made.name) = split(word(rest));
    made.oid = ++next_;
    made.kind = kind;
    made.language = "sql";
    for (const std::string& item : list(rest)) {
        auto [name, of_type] = name_and_type(item);
        if (name == "out") {
            made.argument_names.push_back(name_and_type(of_type).first);
            made.output_types.push_back(type(name_and_type(of_type).second));
            continue;
        }
        if (name == "variadic" || name == "inout") {
            made.variadic = name == "variadic";
            std::tie(name, of_type) = name_and_type(of_type);
        }
        if (const std::size_t equals = of_type.find('='); equals != std::string::npos) {
            made.default_expressions.push_back(of_type.substr(equals + 1));
            ++made.defaults;
            of_type.resize(equals);
        }
        made.argument_names.push_back(name);
        made.argument_types.push_back(type(trimmed(of_type)));
    }
    for (std::string next = word(rest); !next.empty(); next = word(rest)) {
        if (next == "as") {
            made.body = trimmed(rest);
            break;
        }
        if (next == "returns") {
            made.returns = type(word(rest));
        } else if (next == "language") {
            made.language = word(rest);
        } else if (next == "definer") {
            made.security_definer = true;
        } else if (next == "immutable") {
            made.volatility = Volatility::immutable;
        } else if (next == "library") {
            made.definition = "LANGUAGE c\nAS '$libdir/" + word(rest) + "', $function$x$function$\n";
        } else if (next == "uses") {
            const auto [schema, name] = split(word(rest));
            for (const Function& one : contents_.functions)
                if (one.schema == schema && one.name == name)
                    made.uses.push_back(one.oid);
        } else if (next == "set") {
            const std::string setting = word(rest);
            const std::size_t equals = setting.find('=');
            made.settings.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
        } else {
            problem_ = "unknown word " + next;
        }
    }
    contents_.functions.push_back(std::move(made));
}

/// name table event,event function [deferrable] [when condition]
void CatalogNotation::trigger_line(std::string_view rest)
{
    Trigger made;
    made.name = word(rest);
    Relation& on = relation(word(rest));
    const std::string events = word(rest);
    made.events.insert = events.find("insert") != std::string::npos;
    made.events.update = events.find("update") != std::string::npos;
    made.events.delete_rows = events.find("delete") != std::string::npos;
    made.events.truncate = events.find("truncate") != std::string::npos;
    const auto [schema, name] = split(word(rest));
    for (const Function& one : contents_.functions)
        if (one.schema == schema && one.name == name)
            made.function = one.oid;
    if (made.function == 0)
        problem_ = "unknown function " + name;
    std::string next = word(rest);
    made.deferrable = next == "deferrable";
    if (made.deferrable)
        next = word(rest);
    if (next == "when")
        made.when = trimmed(rest);
    on.triggers.push_back(std::move(made));
}

/// child(columns) parent(columns) [delete=action] [update=action]
void CatalogNotation::references_line(std::string_view rest)
{
    ReferencedBy key;
    key.relation = relation(word(rest)).oid;
    key.columns = list(rest);
    Relation& parent = relation(word(rest));
    key.our_columns = list(rest);
    for (std::string option = word(rest); !option.empty(); option = word(rest)) {
        const std::size_t equals = option.find('=');
        (option.starts_with("delete=") ? key.on_delete : key.on_update) = action(option.substr(equals + 1));
    }
    parent.referenced_by.push_back(std::move(key));
}

/// @policy, @check, @index, @rule table text; @index_function table function; @default, @generated table.column text;
/// @not_null and @counts table.column; @length table.column number
void CatalogNotation::expression_line(const std::string& what, std::string_view rest)
{
    std::string name = word(rest);
    const std::string text = trimmed(rest);
    if (what == "default" || what == "generated" || what == "not_null" || what == "length" || what == "counts") {
        const std::size_t dot = name.rfind('.');
        for (Column& column : relation(name.substr(0, dot)).columns) {
            if (column.name != name.substr(dot + 1))
                continue;
            if (what == "not_null") {
                column.not_null = true;
                continue;
            }
            if (what == "counts") {
                column.counts = true;
                continue;
            }
            if (what == "length") {
                column.length = std::stoi(text);
                continue;
            }
            column.expression = text;
            column.generated = what == "generated";
        }
        return;
    }
    Relation& on = relation(name);
    if (what == "policy") {
        on.row_security = true;
        on.policies.push_back({"p", text, {}});
    } else if (what == "check") {
        on.checks.push_back(text);
    } else if (what == "index") {
        on.index_expressions.push_back(text);
    } else if (what == "default_key") {
        on.default_partition_key.push_back(text);
    } else if (what == "index_function") {
        for (const Function& one : contents_.functions)
            if (one.schema + '.' + one.name == text)
                on.index_functions.push_back(one.oid);
    } else {
        on.rules.push_back({"r", text});
    }
}

/// @domain name type check; @type name function,…
void CatalogNotation::type_line(const std::string& what, std::string_view rest)
{
    Type made;
    std::tie(made.schema, made.name) = split(word(rest));
    made.oid = ++next_;
    if (what == "domain") {
        made.kind = TypeKind::domain;
        made.base = type(word(rest));
        if (!trimmed(rest).empty())
            made.checks.push_back(trimmed(rest));
    } else {
        const std::string functions = ',' + trimmed(rest) + ',';
        for (const Function& one : contents_.functions)
            if (functions.find(',' + one.schema + '.' + one.name + ',') != std::string::npos)
                made.functions.push_back(one.oid);
    }
    contents_.types.push_back(std::move(made));
}

/// name (left, right) function
void CatalogNotation::operator_line(std::string_view rest)
{
    Operator made;
    std::tie(made.schema, made.name) = split(word(rest));
    made.oid = ++next_;
    const auto types = list(rest);
    if (types.size() == 2) {
        made.left = type(types[0]);
        made.right = type(types[1]);
    }
    made.function_name = word(rest);
    for (const Function& one : contents_.functions)
        if (one.schema + '.' + one.name == made.function_name)
            made.function = one.oid;
    contents_.operators.push_back(std::move(made));
}

/// (from, to) function
void CatalogNotation::cast_line(std::string_view rest)
{
    const auto types = list(rest);
    Cast made;
    if (types.size() == 2) {
        made.source = type(types[0]);
        made.target = type(types[1]);
    }
    const std::string name = word(rest);
    for (const Function& one : contents_.functions)
        if (one.schema + '.' + one.name == name)
            made.function = one.oid;
    contents_.casts.push_back(made);
}

/// function; "unknown": one that the snapshot does not name
void CatalogNotation::event_trigger_line(std::string_view rest)
{
    contents_.event_triggers = true;
    const auto [schema, name] = split(word(rest));
    for (const Function& one : contents_.functions)
        if (one.schema == schema && one.name == name)
            contents_.event_trigger_functions.push_back(one.oid);
}

/// table role
void CatalogNotation::owner_line(std::string_view rest)
{
    Relation& owned = relation(word(rest));
    owned.owner = trimmed(rest);
}

bool CatalogNotation::take(const std::string& line, std::string& problem)
{
    std::string_view rest{line};
    const std::string what = word(rest);
    problem_.clear();
    if (what == "schema")
        contents_.schemas.push_back(word(rest));
    else if (what == "extension")
        contents_.extensions.push_back(word(rest));
    else if (what == "table")
        relation_line(RelationKind::table, rest);
    else if (what == "partitioned")
        relation_line(RelationKind::partitioned_table, rest);
    else if (what == "view")
        relation_line(RelationKind::view, rest);
    else if (what == "matview")
        relation_line(RelationKind::materialized_view, rest);
    else if (what == "child")
        child_line(rest);
    else if (what == "function")
        function_line(FunctionKind::function, rest);
    else if (what == "procedure")
        function_line(FunctionKind::procedure, rest);
    else if (what == "aggregate")
        function_line(FunctionKind::aggregate, rest);
    else if (what == "trigger")
        trigger_line(rest);
    else if (what == "primary_key") {
        Relation& table = relation(word(rest));
        table.primary_key = list(rest);
    } else if (what == "index_key") {
        Relation& table = relation(word(rest));
        std::string name = word(rest);
        auto columns = list(rest);
        table.index_keys.push_back({std::move(name), std::move(columns), trimmed(rest) == "clustered"});
    } else if (what == "references")
        references_line(rest);
    else if (what == "policy" || what == "check" || what == "index" || what == "index_function" ||
             what == "default_key" || what == "rule" || what == "default" || what == "generated" ||
             what == "not_null" || what == "length" || what == "counts")
        expression_line(what, rest);
    else if (what == "domain" || what == "type")
        type_line(what, rest);
    else if (what == "operator")
        operator_line(rest);
    else if (what == "cast")
        cast_line(rest);
    else if (what == "event_trigger")
        event_trigger_line(rest);
    else if (what == "owner")
        owner_line(rest);
    else
        return false;
    made_.reset();
    problem = problem_;
    return true;
}

std::shared_ptr<const Catalog> CatalogNotation::made()
{
    if (!made_)
        made_ = std::make_shared<const Catalog>(contents_);
    return made_;
}

} // namespace stepgate::tests
