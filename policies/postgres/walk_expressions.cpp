#include "policies/postgres/builtins.h"
#include "policies/postgres/walk.h"

#include <algorithm>

namespace stepgate::policies::postgres
{

void Walk::expressions(const ::List* list, Scope& scope)
{
    for (const ::ListCell& cell : cells(list))
        expression(node_of(cell), scope);
}

/// A type that the session has just made, most likely: what its values run is not known. A column of it runs nothing
/// yet.
void Walk::unknown_type(std::string_view name)
{
    out_.facts.uses_types = true;
    if (state_->made_plain_type(name))
        return;
    if (defines_column_)
        redefines_code_ = true;
    else
        opaque("names the type " + std::string{name} + ", which is not known");
}

/// Another type may have its name now, or it other checks.
void Walk::changed_type(std::string_view name)
{
    if (defines_column_) {
        redefines_code_ = true;
        return;
    }
    opaque("names the type " + std::string{name} + ", which the session may have changed since the catalog was read");
    unknown_code_ = true;
}

/// Type modifiers are expressions: numeric(10, 2).
void Walk::type_name(const ::TypeName* type, Scope& scope)
{
    if (type == nullptr)
        return;
    expressions(type->typmods, scope);
    const auto parts = cells(type->names);
    if (parts.empty())
        return;
    const std::string_view schema = parts.size() > 1 ? text_of(node_of(parts[parts.size() - 2])) : std::string_view{};
    static constexpr std::string_view serials[] = {"bigserial", "serial",  "serial2",
                                                   "serial4",   "serial8", "smallserial"};
    if (std::ranges::find(serials, text_of(node_of(parts.back()))) != std::end(serials))
        return;
    if (schema == "pg_catalog" || type->pct_type)
        return;
    const std::string_view name = text_of(node_of(parts.back()));
    if (catalog_ == nullptr)
        out_.facts.uses_types = out_.facts.uses_types || !schema.empty() || !is_builtin_type(name);
    else if (!is_type(schema, name))
        unknown_type(name);
}

void Walk::window(const ::WindowDef* window, Scope& scope)
{
    if (window == nullptr)
        return;
    expressions(window->partitionClause, scope);
    expressions(window->orderClause, scope);
    expression(window->startOffset, scope);
    expression(window->endOffset, scope);
}

/// Whether an expression is a row for certain, so that selecting a field of it calls nothing.
bool Walk::is_row(const ::Node* node, Scope& scope)
{
    if (const auto* call_node = if_tag<::FuncCall>(node, T_FuncCall)) {
        const auto parts = cells(call_node->funcname);
        const std::string_view name = text_of(node_of(parts.back()));
        return returns_rows(name) || is_information_schema_function(name);
    }
    const auto* reference = if_tag<::ColumnRef>(node, T_ColumnRef);
    if (reference == nullptr)
        return tag_of(node) == T_RowExpr;
    const auto fields = cells(reference->fields);
    const std::string_view name = text_of(node_of(fields.back()));
    const std::string_view qualifier = fields.size() > 1 ? text_of(node_of(fields[fields.size() - 2])) : "";
    for (const Scope* level = &scope; level != nullptr; level = level->outer) {
        for (const Item& item : level->items) {
            if (!spend(item.outputs.columns.size()))
                return false;
            if (qualifier.empty() && item.alias == name)
                return !item.function;
            const auto output = std::ranges::find(item.outputs.columns, name, &Output::name);
            if (output != item.outputs.columns.end() && (qualifier.empty() || qualifier == item.alias))
                return output->composite;
        }
    }
    return false;
}

void Walk::indirection(const ::A_Indirection& node, Scope& scope)
{
    for (const ::ListCell& cell : cells(node.indirection)) {
        const ::Node* step = node_of(cell);
        switch (tag_of(step)) {
        case T_A_Star:
            break;
        case T_A_Indices:
            expression(step, scope);
            break;
        case T_String:
            if (!is_row(node.arg, scope))
                call_by_field(text_of(step));
            break;
        default:
            opaque("selects from a value in a way stepgate does not know");
        }
    }
    expression(node.arg, scope);
}

/// Constants, references and subqueries. False: something else.
bool Walk::leaf_or_query(const ::Node* node, Scope& scope)
{
    switch (tag_of(node)) {
    case T_A_Const:
    case T_ParamRef:
    case T_SetToDefault:
    case T_SQLValueFunction:
    case T_CurrentOfExpr:
    case T_A_Star:
    case T_Integer:
    case T_Float:
    case T_Boolean:
    case T_String:
    case T_BitString:
        return true;
    case T_ColumnRef:
        column(as<::ColumnRef>(node), scope);
        return true;
    case T_FuncCall:
        function(as<::FuncCall>(node), scope);
        return true;
    case T_SubLink: {
        const auto& link = as<::SubLink>(node);
        operator_name(link.operName, link.testexpr, nullptr, scope);
        expression(link.testexpr, scope);
        query(link.subselect, &scope, scope.ctes);
        return true;
    }
    case T_SelectStmt:
        query(node, &scope, scope.ctes);
        return true;
    default:
        return false;
    }
}

/// Every node that the grammar can put where an expression stands. Chains of operators lean to the left and may be very
/// long, so they are followed without going deeper.
void Walk::expression(const void* start, Scope& scope)
{
    const auto* node = static_cast<const ::Node*>(start);
    if (node == nullptr)
        return;
    const Nest nest(*this);
    if (!nest)
        return;
    while (const auto* chain = if_tag<::A_Expr>(node, T_A_Expr)) {
        certain_ = false;
        operator_name(chain->name, chain->lexpr, chain->rexpr, scope);
        expression(chain->rexpr, scope);
        node = chain->lexpr;
    }
    if (node == nullptr || leaf_or_query(node, scope))
        return;
    certain_ = false;
    switch (tag_of(node)) {
    case T_List:
        return expressions(reinterpret_cast<const ::List*>(node), scope);
    case T_BoolExpr:
        return expressions(as<::BoolExpr>(node).args, scope);
    case T_TypeCast:
        expression(as<::TypeCast>(node).arg, scope);
        return type_name(as<::TypeCast>(node).typeName, scope);
    case T_CollateClause:
        return expression(as<::CollateClause>(node).arg, scope);
    case T_CaseExpr:
        expression(as<::CaseExpr>(node).arg, scope);
        expressions(as<::CaseExpr>(node).args, scope);
        return expression(as<::CaseExpr>(node).defresult, scope);
    case T_CaseWhen:
        expression(as<::CaseWhen>(node).expr, scope);
        return expression(as<::CaseWhen>(node).result, scope);
    case T_CoalesceExpr:
        return expressions(as<::CoalesceExpr>(node).args, scope);
    case T_MinMaxExpr:
        return expressions(as<::MinMaxExpr>(node).args, scope);
    case T_NullTest:
        return expression(as<::NullTest>(node).arg, scope);
    case T_BooleanTest:
        return expression(as<::BooleanTest>(node).arg, scope);
    case T_RowExpr:
        return expressions(as<::RowExpr>(node).args, scope);
    case T_A_ArrayExpr:
        return expressions(as<::A_ArrayExpr>(node).elements, scope);
    case T_A_Indirection:
        return indirection(as<::A_Indirection>(node), scope);
    case T_A_Indices:
        expression(as<::A_Indices>(node).lidx, scope);
        return expression(as<::A_Indices>(node).uidx, scope);
    case T_GroupingFunc:
        return expressions(as<::GroupingFunc>(node).args, scope);
    case T_GroupingSet:
        return expressions(as<::GroupingSet>(node).content, scope);
    case T_NamedArgExpr:
        return expression(as<::NamedArgExpr>(node).arg, scope);
    case T_XmlExpr:
        expressions(as<::XmlExpr>(node).named_args, scope);
        return expressions(as<::XmlExpr>(node).args, scope);
    case T_XmlSerialize:
        expression(as<::XmlSerialize>(node).expr, scope);
        return type_name(as<::XmlSerialize>(node).typeName, scope);
    case T_MultiAssignRef:
        return expression(as<::MultiAssignRef>(node).source, scope);
    case T_ResTarget:
        expressions(as<::ResTarget>(node).indirection, scope);
        return expression(as<::ResTarget>(node).val, scope);
    case T_SortBy:
        operator_name(as<::SortBy>(node).useOp, as<::SortBy>(node).node, as<::SortBy>(node).node, scope);
        return expression(as<::SortBy>(node).node, scope);
    case T_WindowDef:
        return window(&as<::WindowDef>(node), scope);
    case T_DefElem:
        return expression(as<::DefElem>(node).arg, scope);
    case T_TypeName:
        return type_name(&as<::TypeName>(node), scope);
    default:
        opaque("holds a construct that stepgate does not know (node " + std::to_string(tag_of(node)) + ")");
    }
}

} // namespace stepgate::policies::postgres
