#include "policies/postgres/builtins.h"
#include "policies/postgres/walk.h"

#include <algorithm>
#include <array>

namespace stepgate::policies::postgres
{
namespace
{

constexpr catalog::Oid boolean_type = 16, bigint_type = 20, integer_type = 23, undecided_type = 705,
                       numeric_type = 1700;

bool is_user_type(catalog::Oid type)
{
    return type >= catalog::first_user_oid;
}

/// Operators that every type of the server has for itself.
bool is_comparison(std::string_view name)
{
    static constexpr std::array<std::string_view, 6> names{"=", "<>", "<", ">", "<=", ">="};
    return std::ranges::find(names, name) != names.end();
}

} // namespace

/// The type of an expression where it is easy to tell; 0: any.
catalog::Oid Walk::type_of(const ::Node* node, Scope& scope)
{
    if (node == nullptr)
        return 0;
    if (const auto* constant = if_tag<::A_Const>(node, T_A_Const)) {
        if (constant->isnull || constant->val.node.type == T_String)
            return undecided_type;
        switch (constant->val.node.type) {
        case T_Integer:
            return integer_type;
        case T_Float:
            return view_of(constant->val.fval.fval).find_first_not_of("0123456789") == std::string_view::npos
                       ? bigint_type
                       : numeric_type;
        case T_Boolean:
            return boolean_type;
        default:
            return 0;
        }
    }
    if (const auto* cast = if_tag<::TypeCast>(node, T_TypeCast)) {
        const auto parts = cells(cast->typeName->names);
        if (parts.empty() || cast->typeName->arrayBounds != nullptr)
            return 0;
        const std::string_view name = text_of(node_of(parts.back()));
        const auto in = [&](std::string_view schema) {
            const catalog::Type* const type = catalog_->type(schema, name);
            return type == nullptr ? catalog::Oid{0} : type->oid;
        };
        if (parts.size() > 1)
            return in(text_of(node_of(parts[parts.size() - 2])));
        for (const std::string_view schema : names_->path())
            if (const catalog::Oid found = in(schema); found != 0)
                return names_->path_known() ? found : 0;
        return 0;
    }
    const auto* reference = if_tag<::ColumnRef>(node, T_ColumnRef);
    return reference == nullptr ? 0 : type_of_column(*reference, scope);
}

catalog::Oid Walk::type_of_column(const ::ColumnRef& reference, Scope& scope)
{
    const auto fields = cells(reference.fields);
    const std::string_view name = text_of(node_of(fields.back()));
    const std::string_view qualifier = fields.size() > 1 ? text_of(node_of(fields[fields.size() - 2])) : "";
    for (const Scope* level = &scope; level != nullptr; level = level->outer) {
        if (!spend(level->items.size()))
            return 0;
        for (const Item& item : level->items) {
            if (!qualifier.empty() && item.alias != qualifier)
                continue;
            if (!item.described())
                return 0; // may be its column
            const auto column = std::ranges::find(item.relation->columns, name, &catalog::Column::name);
            if (column != item.relation->columns.end())
                return column->type;
        }
    }
    return 0;
}

/// Whether a value of the type could stand where the operator wants another.
bool Walk::may_become(catalog::Oid actual, catalog::Oid wanted) const
{
    if (actual == 0 || actual == undecided_type || actual == wanted)
        return true;
    const catalog::Type* const to = catalog_->type(wanted);
    const catalog::Type* const from = catalog_->type(actual);
    if (to == nullptr || from == nullptr || to->kind == catalog::TypeKind::pseudo)
        return true;
    if (!is_user_type(actual) && !is_user_type(wanted))
        return true; // the server has casts of its own
    if (from->kind == catalog::TypeKind::domain && from->base != 0)
        return may_become(from->base, wanted);
    return std::ranges::any_of(catalog_->casts(actual),
                               [&](const catalog::Cast* cast) { return cast->target == wanted; });
}

/// An operator of users by that name, if the operands may be its own. A comparison of two values of the server's types
/// is the server's.
void Walk::user_operator(const catalog::Operator& one, catalog::Oid left, catalog::Oid right)
{
    const auto built_in = [](catalog::Oid type) { return type != 0 && !is_user_type(type); };
    const bool server_compares = is_comparison(one.name) && built_in(left) && built_in(right) &&
                                 (is_user_type(one.left) || is_user_type(one.right));
    if (server_compares || !may_become(right, one.right) || (one.left != 0 && !may_become(left, one.left)))
        return;
    if (const catalog::Function* function = catalog_->function(one.function)) {
        facts().calls.push_back(joined(function->schema, function->name));
        Touch touch;
        touch.kind = Touch::Kind::call;
        touch.function = function;
        touches_.push_back(std::move(touch));
        return;
    }
    constexpr std::string_view prefix = "pg_catalog.";
    const std::string_view name = one.function_name;
    if (name.starts_with(prefix))
        return call_builtin(name.substr(prefix.size()), true);
    opaque("uses the operator " + joined(one.schema, one.name) + ", whose function is not known");
}

/// Operators outside pg_catalog run functions of users.
void Walk::operator_name(const ::List* list, const ::Node* left, const ::Node* right, Scope& scope)
{
    const auto parts = cells(list);
    if (parts.empty())
        return;
    const std::string_view schema = parts.size() > 1 ? text_of(node_of(parts[parts.size() - 2])) : std::string_view{};
    std::string_view name = text_of(node_of(parts.back()));
    if (schema == "pg_catalog")
        return;
    if (catalog_ == nullptr) {
        out_.facts.uses_types = out_.facts.uses_types || !is_builtin_operator(name);
        if (!schema.empty())
            opaque("uses the operator " + joined(schema, name) + ", whose function is not known");
        return;
    }
    out_.facts.uses_types = out_.facts.uses_types || state_->redefined_all();
    if (state_->redefined_function(name) || state_->redefined_all())
        opaque("uses the operator " + std::string{name} +
               ", which the session may have defined since the catalog was read");
    bool found = false;
    const auto look = [&](std::string_view wanted) {
        for (const catalog::Operator* one : catalog_->operators(wanted)) {
            const bool reachable = schema.empty()
                                       ? std::ranges::find(names_->path(), one->schema) != names_->path().end()
                                       : one->schema == schema;
            if (!reachable || !spend(1))
                continue;
            found = true;
            user_operator(*one, type_of(left, scope), type_of(right, scope));
        }
    };
    if (name.ends_with("BETWEEN") || name.ends_with("BETWEEN SYMMETRIC")) {
        look("<=");
        return look(">=");
    }
    look(name);
    const bool known = schema.empty() && (is_builtin_operator(name) || !catalog_->operators(name).empty());
    if (!found && !known)
        opaque("uses the operator " + (schema.empty() ? std::string{name} : joined(schema, name)) +
               ", whose function is not known");
}

} // namespace stepgate::policies::postgres
