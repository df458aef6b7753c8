#include "policies/postgres/known_value.h"

#include "policies/postgres/reads_column.h"

#include <algorithm>
#include <set>
#include <string>

namespace stepgate::policies::postgres
{
namespace
{

/// A whole number that is made of the value: hashint4(x), hashtext(x).
bool is_hash(const ::Node* node)
{
    const auto* call = if_tag<::FuncCall>(node, T_FuncCall);
    return call != nullptr && text_of(node_of(cells(call->funcname).back())).starts_with("hash");
}

/// An operator with both its operands.
const ::A_Expr* operation_of(const ::Node* node)
{
    const auto* operation = if_tag<::A_Expr>(node, T_A_Expr);
    return operation != nullptr && operation->kind == AEXPR_OP && operation->lexpr != nullptr ? operation : nullptr;
}

} // namespace

bool is_empty_array(const ::Node* node)
{
    while (const auto* cast = if_tag<::TypeCast>(node, T_TypeCast))
        node = cast->arg;
    if (const auto* array = if_tag<::A_ArrayExpr>(node, T_A_ArrayExpr))
        return cells(array->elements).empty();
    const std::string_view value = view_of(literal_of(if_tag<::A_Const>(node, T_A_Const)));
    return value.find('{') != std::string_view::npos && value.find_first_not_of("{}, \t\n") == std::string_view::npos;
}

bool is_endless_range(const ::Node* range)
{
    if (const ::A_Const* const literal = constant_of(range)) {
        std::string text{literal->isnull ? std::string_view{} : text_of(&literal->val.node)};
        std::erase(text, ' ');
        return text.size() == 3 && (text[0] == '(' || text[0] == '[') && text[1] == ',' &&
               (text[2] == ')' || text[2] == ']');
    }
    const auto* call = if_tag<::FuncCall>(range, T_FuncCall);
    const auto bounds = call == nullptr ? std::span<const ::ListCell>{} : cells(call->args);
    return bounds.size() >= 2 && text_of(node_of(cells(call->funcname).back())).ends_with("range") &&
           std::ranges::all_of(bounds.first(2), [](const ::ListCell& bound) {
               const ::A_Const* const literal = constant_of(node_of(bound));
               return literal != nullptr && literal->isnull;
           });
}

bool KnownValue::settled(const ::Node* node)
{
    if (!reads_column(node))
        return true;
    const ::A_Expr* const operation = operation_of(node);
    if (operation == nullptr)
        return false;
    const std::string_view name = operator_of(*operation);
    if (name == "%" && is_hash(operation->lexpr)) {
        const ::A_Const* const by = constant_of(operation->rexpr);
        literals_ = literals_ || by != nullptr;
        return by != nullptr && is_neutral("*", *by, true); // a whole number, by 1
    }
    if (name == "-" || name == "/" || name == "%" || name == "#")
        return values_.same(operation->lexpr, operation->rexpr);
    if (name != "*" && name != "&")
        return false;
    const auto zero = [this](const ::Node* operand) {
        const ::A_Const* const number = constant_of(operand);
        literals_ = literals_ || number != nullptr;
        return number != nullptr && sign_of(*number) == Sign::zero;
    };
    return zero(operation->lexpr) || zero(operation->rexpr);
}

bool KnownValue::never_negative(const ::Node* node)
{
    static constexpr std::string_view names[] = {"abs",
                                                 "array_length",
                                                 "ascii",
                                                 "bit_count",
                                                 "bit_length",
                                                 "cardinality",
                                                 "char_length",
                                                 "character_length",
                                                 "count",
                                                 "exp",
                                                 "jsonb_array_length",
                                                 "json_array_length",
                                                 "length",
                                                 "levenshtein",
                                                 "octet_length",
                                                 "position",
                                                 "pg_column_size",
                                                 "regexp_count",
                                                 "similarity",
                                                 "sqrt",
                                                 "strpos",
                                                 "width_bucket",
                                                 "word_similarity",
                                                 "strict_word_similarity"};
    if (const auto* call = if_tag<::FuncCall>(node, T_FuncCall))
        return std::ranges::find(names, text_of(node_of(cells(call->funcname).back()))) != std::end(names);
    const ::A_Expr* const operation = operation_of(node);
    if (operation == nullptr)
        return false;
    return operator_of(*operation) == "<->" || // a distance
           (operator_of(*operation) == "*" && values_.same(operation->lexpr, operation->rexpr));
}

bool KnownValue::shifted(const ::Node* plain, const ::Node* computed)
{
    const ::A_Expr* const operation = operation_of(computed);
    if (operation == nullptr)
        return false;
    const std::string_view name = operator_of(*operation);
    const bool commutes = name == "+";
    const bool behind = values_.same(plain, operation->lexpr);
    if ((!commutes && name != "-" && name != "||") || (!behind && !(commutes && values_.same(plain, operation->rexpr))))
        return false;
    const ::A_Const* const by = constant_of(behind ? operation->rexpr : operation->lexpr);
    literals_ = literals_ || by != nullptr;
    return by != nullptr && !by->isnull && !is_neutral(name, *by, behind);
}

bool KnownValue::around(const ::Node* range, const ::Node* value)
{
    const auto* call = if_tag<::FuncCall>(range, T_FuncCall);
    const auto bounds = call == nullptr ? std::span<const ::ListCell>{} : cells(call->args);
    if (bounds.size() < 2 || !text_of(node_of(cells(call->funcname).back())).ends_with("range"))
        return false;
    const char* const written = bounds.size() > 2 ? literal_of(constant_of(node_of(bounds[2]))) : "[)";
    const std::string_view kinds = written == nullptr ? "()" : written;
    const auto open = [this](const ::ListCell& bound) {
        const ::A_Const* const literal = constant_of(node_of(bound));
        literals_ = literals_ || literal != nullptr;
        return literal != nullptr && literal->isnull;
    };
    literals_ = literals_ || bounds.size() > 2;
    return (open(bounds[0]) || (kinds.starts_with('[') && values_.same(node_of(bounds[0]), value))) &&
           (open(bounds[1]) || (kinds.ends_with(']') && values_.same(node_of(bounds[1]), value)));
}

bool KnownValue::all_remainders(const ::Node* value, std::span<const ::ListCell> items)
{
    const ::A_Expr* const operation = operation_of(value);
    const ::A_Const* const by =
        operation != nullptr && operator_of(*operation) == "%" ? constant_of(operation->rexpr) : nullptr;
    if (by == nullptr)
        return false;
    literals_ = true;
    if (by->isnull || by->val.node.type != T_Integer || by->val.ival.ival <= 0 ||
        static_cast<std::size_t>(by->val.ival.ival) > items.size())
        return false;
    std::set<int> left;
    for (const ::ListCell& item : items)
        if (const ::A_Const* const one = constant_of(node_of(item));
            one != nullptr && !one->isnull && one->val.node.type == T_Integer && one->val.ival.ival >= 0 &&
            one->val.ival.ival < by->val.ival.ival)
            left.insert(one->val.ival.ival);
    return left.size() == static_cast<std::size_t>(by->val.ival.ival);
}

} // namespace stepgate::policies::postgres
