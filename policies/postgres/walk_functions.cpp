#include "policies/postgres/builtins.h"

#include "policies/postgres/identifier_list.h"
#include "policies/postgres/same_value.h"
#include "policies/postgres/walk.h"
#include "policies/statement/ascii.h"
#include "policies/statement/secrets.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace stepgate::policies::postgres
{
namespace
{

using statement::SetParameter;

constexpr std::string_view system_schema = "pg_catalog";

bool decides_meaning(std::string_view setting)
{
    return setting == "search_path" || setting == "client_encoding" || setting == "standard_conforming_strings" ||
           setting == "role" || setting == "session_authorization";
}

Item item_of(const catalog::Relation& relation)
{
    Item item;
    item.table = joined(relation.schema, relation.name);
    item.known = true;
    item.relation = &relation;
    return item;
}

/// Could be called with so many arguments. Names of arguments are not compared, and procedures may have outputs.
bool accepts(const catalog::Function& function, const Arguments& arguments)
{
    if (function.kind == catalog::FunctionKind::aggregate || arguments.uncounted)
        return true;
    const std::size_t most = function.argument_types.size();
    const std::size_t spare = static_cast<std::size_t>(function.defaults) + (function.variadic ? 1 : 0);
    if (arguments.count + spare < most)
        return false;
    return arguments.count <= most || function.variadic || function.kind == catalog::FunctionKind::procedure;
}

/// The arguments that are string constants, as the server takes them where a text is wanted.
Constants constants_of(const Arguments& arguments)
{
    Constants values;
    if (arguments.uncounted)
        return values;
    for (const ::ListCell& cell : cells(arguments.list)) {
        const ::Node* const argument = node_of(cell);
        if (tag_of(argument) == T_NamedArgExpr)
            return {};
        const char* const text = literal_of(if_tag<::A_Const>(argument, T_A_Const));
        values.push_back(text != nullptr ? std::optional<std::string>{text} : std::nullopt);
    }
    return values;
}

/// TRUE, FALSE and their usual spellings as a text.
std::optional<bool> boolean_of(const ::A_Const* value)
{
    if (value == nullptr || value->isnull)
        return std::nullopt;
    if (value->val.node.type == T_Boolean)
        return value->val.boolval.boolval;
    const std::string text = value->val.node.type == T_String ? lower(value->val.sval.sval) : std::string{};
    if (text == "t" || text == "true")
        return true;
    return text == "f" || text == "false" ? std::optional{false} : std::nullopt;
}

} // namespace

void Walk::call_builtin(std::string_view name, bool qualified)
{
    const Builtin builtin = builtin_function(name);
    std::string full = joined(system_schema, name);
    if (builtin.trust == Builtin::Trust::unknown)
        opaque("calls " + full + ", which is not on the list of harmless functions");
    else if (builtin.trust == Builtin::Trust::dangerous)
        opaque("calls " + full + ", which " + std::string{builtin.danger});
    else if (!qualified && catalog_ == nullptr && built_ins_may_be_shadowed()) // a catalog knows what else it may mean
        opaque("calls " + std::string{name} + ", which the search path may define anew");
    if (builtin.destructive)
        facts().destructive = true;
    if (!builtin.reads.empty()) {
        Item item;
        item.table = joined(system_schema, builtin.reads);
        item.known = true;
        read_column(item, "*");
    }
    facts().calls.push_back(std::move(full));
}

/// No argument is surely of a type that the function cannot take.
bool Walk::types_fit(const catalog::Function& function, const Arguments& arguments)
{
    const auto given = cells(arguments.list);
    const std::size_t most =
        function.argument_types.size() - (function.variadic && !function.argument_types.empty() ? 1 : 0);
    for (std::size_t i = 0; i < std::min(given.size(), most); ++i) {
        const ::Node* const argument = node_of(given[i]);
        if (tag_of(argument) == T_NamedArgExpr)
            return true;
        if (!may_become(type_of(argument, *arguments.scope), function.argument_types[i]))
            return false;
    }
    return true;
}

/// All functions of users that a call may mean; the types of its arguments would choose among them. False: none.
bool Walk::call_user(std::string_view schema, std::string_view name, const Arguments& arguments)
{
    if (catalog_ == nullptr)
        return false;
    const bool any = state_->redefined_all() && schema != system_schema;
    out_.facts.uses_types = out_.facts.uses_types || any;
    if (state_->redefined_function(name) || any) {
        opaque("calls " + std::string{name} + ", which the session may have defined since the catalog was read");
        unknown_code_ = true;
    }
    if (!catalog_->names_function(name))
        return false;
    std::vector<const catalog::Function*> all;
    const auto look = [&](std::string_view in) {
        if (!spend(1)) // pg_catalog, too: extensions put functions there
            return;
        const auto found = catalog_->functions(in, name);
        all.insert(all.end(), found.begin(), found.end());
    };
    if (!schema.empty()) {
        look(schema);
    } else {
        for (const std::string_view in : names_->path())
            look(in);
    }
    const auto fits = [&](const catalog::Function* function) {
        return accepts(*function, arguments) && types_fit(*function, arguments);
    };
    const bool some_fit = std::ranges::any_of(all, fits);
    if (!some_fit && builtin_function(name).trust != Builtin::Trust::unknown && schema.empty())
        return false; // the built-in is meant
    for (const catalog::Function* function : all) {
        if (some_fit && !fits(function))
            continue;
        facts().calls.push_back(joined(function->schema, function->name));
        Touch touch;
        touch.kind = Touch::Kind::call;
        touch.function = function;
        if (function->language == "plpgsql")
            touch.arguments = constants_of(arguments);
        touches_.push_back(std::move(touch));
    }
    return !all.empty();
}

/// What values of a type run when they are made, shown or cast.
void Walk::use_type(catalog::Oid type)
{
    out_.facts.uses_types = out_.facts.uses_types || type >= catalog::first_user_oid;
    Footprint behind;
    if (bodies_ != nullptr && type != 0)
        bodies_->add_type(type, behind);
    if (!behind.touches.empty() || !behind.opaque_reasons.empty() || !behind.facts.calls.empty())
        take_footprint(std::move(behind));
}

/// "ssn(c)" is "c.ssn" where c is a row that has such a column.
bool Walk::is_field(std::string_view name, const ::FuncCall& call_node, Scope& scope)
{
    const auto arguments = cells(call_node.args);
    if (catalog_ == nullptr || arguments.size() != 1 || call_node.agg_star)
        return false;
    const auto* reference = if_tag<::ColumnRef>(node_of(arguments.front()), T_ColumnRef);
    if (reference == nullptr)
        return false;
    const std::string_view row = text_of(node_of(cells(reference->fields).back()));
    for (const Scope* level = &scope; level != nullptr; level = level->outer) {
        for (const Item& item : level->items) {
            if (!spend(item.outputs.columns.size()))
                return false;
            if (item.alias == row && (!item.described() || surely_has(item, name)))
                return !item.table.empty() || !item.outputs.complete;
        }
    }
    return false;
}

/// A type's name called like a function is a cast.
bool Walk::is_type(std::string_view schema, std::string_view name)
{
    if (catalog_ == nullptr)
        return false;
    if (state_->made_code_type(name)) // may be found before one that the catalog has
        unknown_type(name);
    const auto look = [&](std::string_view in) {
        const catalog::Type* const type = catalog_->type(in, name);
        if (type != nullptr)
            use_type(type->oid);
        if (type != nullptr && type->oid >= catalog::first_user_oid && state_->redefined_all())
            changed_type(name);
        return type != nullptr;
    };
    if (!schema.empty())
        return look(schema);
    return std::ranges::any_of(names_->path(), look);
}

/// CLUSTER of all tables that were clustered before.
void Walk::read_clustered()
{
    out_.facts.searches_catalog = true;
    if (catalog_ == nullptr)
        return;
    for (const catalog::Relation& relation : catalog_->contents().relations)
        for (const catalog::IndexKey& key : relation.index_keys)
            if (Item item = item_of(relation); key.clustered)
                for (const std::string& column : key.columns)
                    read_column(item, column);
}

/// A check of a domain that is new, or validated, is asked of every value that columns of it have, and its error may
/// show one (typecmds.c, validateDomainConstraint). Columns of arrays and rows of it make the server refuse.
void Walk::read_domain(std::string_view schema, std::string_view name)
{
    out_.facts.searches_catalog = true;
    if (catalog_ == nullptr)
        return;
    if (state_->redefined_relations())
        opaque("asks columns of the type " + std::string{name} + ", which the session may have made or changed");
    const auto is_it = [&](catalog::Oid oid) {
        const catalog::Type* type = catalog_->type(oid);
        while (type != nullptr && type->kind == catalog::TypeKind::domain && spend(1)) {
            if (type->name == name && (schema.empty() || type->schema == schema))
                return true;
            type = catalog_->type(type->base);
        }
        return false;
    };
    using enum catalog::RelationKind;
    for (const catalog::Relation& relation : catalog_->contents().relations) {
        if (relation.kind != table && relation.kind != partitioned_table && relation.kind != materialized_view)
            continue;
        Item item = item_of(relation);
        for (const catalog::Column& column : relation.columns)
            if (column.type >= catalog::first_user_oid && is_it(column.type))
                read_column(item, column.name);
    }
}

void Walk::call(const ::List* name, const Arguments& arguments, const ::FuncCall* node, Scope* scope)
{
    const auto parts = cells(name);
    if (parts.empty())
        return opaque("calls a function without a name");
    const std::string_view last = text_of(node_of(parts.back()));
    const bool qualified = parts.size() > 1;
    const std::string_view schema = qualified ? text_of(node_of(parts[parts.size() - 2])) : std::string_view{};
    if (schema == system_schema) {
        call_builtin(last, true);
        call_user(schema, last, arguments);
        return;
    }
    // Of one value it may be a cast, whatever functions have that name (docs 10.3).
    const bool cast = arguments.count == 1 && is_type(schema, last);
    const bool user = call_user(schema, last, arguments);
    if (!qualified && builtin_function(last).trust != Builtin::Trust::unknown)
        return call_builtin(last, false);
    if (user || (!qualified && node != nullptr && is_field(last, *node, *scope)) || cast || is_type(schema, last))
        return;
    std::string full = qualified ? joined(schema, last) : joined(names_->first_schema(), last);
    if (schema != "information_schema" || !is_information_schema_function(last)) {
        opaque("calls " + full + ", whose body is not known");
        unknown_code_ = true;
    }
    facts().calls.push_back(std::move(full));
}

/// "(value).name" and "alias.name" call the function `name` when there is no such field.
void Walk::call_by_field(std::string_view name)
{
    const bool user = call_user({}, name, {.count = 1, .uncounted = false, .list = nullptr, .scope = nullptr});
    if (builtin_function(name).trust != Builtin::Trust::unknown)
        return call_builtin(name, false);
    if (user || catalog_ != nullptr)
        return; // no function has that name: it is a field
    std::string full = joined(names_->first_schema(), name);
    opaque("selects the field " + std::string{name} + " of a value, which may be a call of " + full);
    facts().calls.push_back(std::move(full));
}

/// table_to_xml('customers', …) reads the table that the text names, if the catalog knows it.
bool Walk::reads_named_table(std::string_view name, const ::FuncCall& call_node)
{
    if (catalog_ == nullptr || !name.starts_with("table_to_xml") || call_node.args == nullptr)
        return false;
    out_.literals_consulted = true;
    const char* const text = literal_of(constant_of(node_of(cells(call_node.args).front())));
    if (text == nullptr)
        return false;
    auto names = identifier_list(text, '.'); // as regclass takes it
    if (!names || names->empty() || names->size() > 3)
        return false;
    std::vector<std::string>& parts = *names;
    ::RangeVar relation{};
    relation.inh = true;
    relation.relname = parts.back().data();
    relation.schemaname = parts.size() > 1 ? parts[parts.size() - 2].data() : nullptr;
    if (find(relation).relation == nullptr)
        return false;
    read_table(relation, "*");
    facts().calls.push_back(joined(system_schema, name));
    return true;
}

void Walk::function(const ::FuncCall& call_node, Scope& scope)
{
    const auto parts = cells(call_node.funcname);
    const std::string_view name = parts.empty() ? std::string_view{} : text_of(node_of(parts.back()));
    const bool builtin = parts.size() == 1 || (parts.size() == 2 && text_of(node_of(parts.front())) == system_schema);
    const Arguments arguments{.count = cells(call_node.args).size(),
                              .uncounted = call_node.func_variadic || call_node.agg_star || call_node.agg_within_group,
                              .list = call_node.args,
                              .scope = &scope};
    if (builtin && name == "ts_rewrite" && arguments.count == 3) { // the one that runs no text
        facts().calls.push_back("pg_catalog.ts_rewrite");
    } else if (builtin && name == "set_config") {
        set_config(call_node);
        facts().calls.push_back("pg_catalog.set_config");
        if (parts.size() == 1)
            call_user({}, name, arguments);
    } else if (!builtin || !reads_named_table(name, call_node)) {
        if (name == "set_limit" && arguments.count == 1)
            set_limit(constant_of(node_of(cells(call_node.args).front())));
        call(call_node.funcname, arguments, &call_node, &scope);
    }
    certain_ = false;
    expressions(call_node.args, scope);
    expressions(call_node.agg_order, scope);
    expression(call_node.agg_filter, scope);
    window(call_node.over, scope);
}

void Walk::sets_anything()
{
    for (const char* setting : {"search_path", "client_encoding", "standard_conforming_strings"})
        effect(SetParameter{.name = setting, .value = {}, .unknown = true});
}

/// set_config(name, value, is_local) changes the session like SET. The values are used only where the call surely runs,
/// once; elsewhere the setting becomes unknown, if it decides what texts mean.
void Walk::set_config(const ::FuncCall& call_node)
{
    out_.literals_consulted = true;
    const auto arguments = cells(call_node.args);
    const ::A_Const* values[3] = {};
    for (std::size_t i = 0; i < 3 && arguments.size() == 3; ++i)
        values[i] = constant_of(node_of(arguments[i]));
    const bool of_row = !only_setting_.empty() && arguments.size() == 3 && bare_column(node_of(arguments[0])) == "name";
    const char* const given = literal_of(values[0]);
    const std::string_view name = of_row ? only_setting_ : view_of(given);
    if (name.empty()) {
        opaque("calls pg_catalog.set_config with a name that only the server knows");
        return sets_anything();
    }
    out_.facts.carries_secret = out_.facts.carries_secret || statement::names_secret(name);
    SetParameter parameter{.name = lower(name), .value = {}};
    const char* const value = literal_of(values[1]);
    const std::optional<bool> local = boolean_of(values[2]);
    parameter.local = local.value_or(false);
    parameter.unknown = value == nullptr || !local || !certain_;
    if (!parameter.unknown)
        parameter.value =
            parameter.name == "search_path" ? identifier_list(value, ',') : std::vector<std::string>{value};
    parameter.unknown = !parameter.value; // the server takes a malformed path for an error
    if (value == nullptr && decides_meaning(parameter.name))
        opaque("sets " + parameter.name + " to a value that only the server knows");
    facts().destructive = facts().destructive || !unguarded(parameter).empty();
    if (reads_otherwise(parameter))
        opaque("sets " + parameter.name + ", with which texts mean something else");
    effect(std::move(parameter));
}

/// pg_trgm's older word for its setting (see reads_otherwise).
void Walk::set_limit(const ::A_Const* limit)
{
    out_.literals_consulted = out_.literals_consulted || limit != nullptr;
    if (limit != nullptr && sign_of(*limit) != Sign::unknown)
        opaque("calls set_limit with a similarity that everything has");
}

} // namespace stepgate::policies::postgres
