#include "policies/postgres/same_value.h"

#include "policies/postgres/columns.h"
#include "policies/postgres/depth.h"

#include <algorithm>

namespace stepgate::policies::postgres
{
namespace
{

constexpr int deepest = 200; // of expressions inside each other; deeper ones may differ

/// The digits of a number, or the text of a string.
std::string_view text_of_constant(const ::A_Const& constant)
{
    switch (constant.val.node.type) {
    case T_Integer:
        return constant.val.ival.ival == 0   ? "0"
               : constant.val.ival.ival == 1 ? "1"
               : constant.val.ival.ival < 0  ? "-n"
                                             : "n";
    case T_Float:
        return view_of(constant.val.fval.fval);
    case T_String:
        return view_of(constant.val.sval.sval);
    default:
        return {};
    }
}

} // namespace

Sign sign_of(const ::A_Const& number)
{
    const std::string_view text = number.isnull ? std::string_view{} : text_of_constant(number);
    if (text.empty())
        return Sign::unknown;
    if (text.find_first_not_of("0.") == std::string_view::npos)
        return Sign::zero;
    return text.front() == '-' ? Sign::negative : Sign::unknown;
}

bool is_neutral(std::string_view name, const ::A_Const& constant, bool right)
{
    if (constant.isnull)
        return false;
    const std::string_view text = text_of_constant(constant);
    const bool zero = sign_of(constant) == Sign::zero;
    const bool one = text.starts_with('1') && text.find_first_not_of("0.", 1) == std::string_view::npos &&
                     (text.size() == 1 || text[1] == '.');
    if (name == "||")
        return constant.val.node.type == T_String && text.empty();
    return name == "+" ? zero : name == "-" ? right && zero : name == "*" ? one : name == "/" && right && one;
}

std::string_view operator_of(const ::A_Expr& expression)
{
    const auto parts = cells(expression.name);
    return parts.empty() ? std::string_view{} : text_of(node_of(parts.back()));
}

bool SameValue::may_be_column(std::string_view name) const
{
    return target_.described == nullptr || target_.described->columns.empty() || has_column(*target_.described, name);
}

SameValue::Meant SameValue::by_twin(const Twin& twin, const Meant& column) const
{
    if (!twin.renames)
        return {{}, column.name};
    const auto found = std::ranges::find(twin.columns, column.name, [](const auto& one) { return one.first; });
    return found == twin.columns.end() ? column : Meant{{}, found->second};
}

/// A row that the target is joined with may be the same row: what then always holds, holds for every row.
SameValue::Meant SameValue::meant(const ::ColumnRef& column) const
{
    const auto fields = cells(column.fields);
    Meant made{fields.size() > 1 ? text_of(node_of(fields[fields.size() - 2])) : std::string_view{},
               text_of(node_of(fields.back()))};
    if (fields.size() == 1 && target_.hiding != nullptr &&
        std::ranges::find(*target_.hiding, made.name) != target_.hiding->end())
        return {"the body's own", made.name};
    if (fields.size() == 1)
        for (const Twin& twin : target_.twins)
            if (twin.referenced != nullptr && has_column(*twin.referenced, made.name))
                return by_twin(twin, {twin.name, made.name});
    if (fields.size() == 1 && !may_be_column(made.name)) {
        for (const Twin& twin : target_.twins)
            if (const Meant by = by_twin(twin, made); twin.renames && by.name != made.name)
                return by;
    }
    const bool row = fields.size() == 1 && target_.described != nullptr && !may_be_column(made.name) &&
                     (made.name == target_.alias || made.name == target_.relation ||
                      std::ranges::any_of(target_.twins, [&](const Twin& twin) {
                          return twin.name == made.name && !twin.renames && twin.referenced == nullptr;
                      }));
    if (row)
        return {{}, "*"}; // all of it
    if (fields.size() == 1 || made.qualifier == target_.alias || made.qualifier == target_.relation)
        return {{}, made.name};
    const auto twin = std::ranges::find(target_.twins, made.qualifier, &Twin::name);
    return twin == target_.twins.end() ? made : by_twin(*twin, made);
}

std::string_view SameValue::column_of_target(const ::ColumnRef& column) const
{
    const Meant one = meant(column);
    return one.qualifier.empty() ? one.name : std::string_view{};
}

/// A column, also as a field of its row: (t).x
std::optional<SameValue::Meant> SameValue::named(const void* node) const
{
    if (const auto* column = if_tag<::ColumnRef>(node, T_ColumnRef))
        return meant(*column);
    const auto* picked = if_tag<::A_Indirection>(node, T_A_Indirection);
    const auto* row = picked == nullptr ? nullptr : if_tag<::ColumnRef>(picked->arg, T_ColumnRef);
    if (row == nullptr || cells(row->fields).size() != 1 || cells(picked->indirection).size() != 1)
        return std::nullopt;
    const std::string_view table = text_of(node_of(cells(row->fields).front()));
    const std::string_view field = text_of(node_of(cells(picked->indirection).front()));
    if (field.empty() || (table != target_.alias && table != target_.relation))
        return std::nullopt;
    return Meant{{}, field};
}

bool SameValue::same_constant(const ::A_Const& left, const ::A_Const& right)
{
    literals_ = true;
    if (left.isnull || right.isnull || left.val.node.type != right.val.node.type)
        return false;
    switch (left.val.node.type) {
    case T_Integer:
        return left.val.ival.ival == right.val.ival.ival;
    case T_Float:
        return view_of(left.val.fval.fval) == view_of(right.val.fval.fval);
    case T_Boolean:
        return left.val.boolval.boolval == right.val.boolval.boolval;
    case T_String:
        return view_of(left.val.sval.sval) == view_of(right.val.sval.sval);
    default:
        return false;
    }
}

bool SameValue::same_list(const ::List* left, const ::List* right)
{
    const auto one = cells(left);
    const auto other = cells(right);
    return one.size() == other.size() && std::ranges::equal(one, other, [this](const auto& a, const auto& b) {
               return same(node_of(a), node_of(b));
           });
}

/// Surely the same value for a row.
bool SameValue::same(const void* left, const void* right)
{
    if (left == nullptr || right == nullptr)
        return left == right;
    const auto column = named(left);
    if (const auto other = column ? named(right) : std::nullopt)
        return column == other;
    if (tag_of(left) != tag_of(right) || depth_ >= deepest)
        return false;
    const Depth depth{depth_};
    bool equal = false;
    switch (tag_of(left)) {
    case T_A_Indirection: // x[1], (x).field
        equal = same(as<::A_Indirection>(left).arg, as<::A_Indirection>(right).arg) &&
                same_list(as<::A_Indirection>(left).indirection, as<::A_Indirection>(right).indirection);
        break;
    case T_A_Indices:
        equal = as<::A_Indices>(left).is_slice == as<::A_Indices>(right).is_slice &&
                same(as<::A_Indices>(left).lidx, as<::A_Indices>(right).lidx) &&
                same(as<::A_Indices>(left).uidx, as<::A_Indices>(right).uidx);
        break;
    case T_A_Const:
        equal = same_constant(as<::A_Const>(left), as<::A_Const>(right));
        break;
    case T_ParamRef:
        equal = as<::ParamRef>(left).number == as<::ParamRef>(right).number;
        break;
    case T_String:
        equal = text_of(left) == text_of(right);
        break;
    case T_TypeCast:
        equal = same(as<::TypeCast>(left).arg, as<::TypeCast>(right).arg) &&
                same_list(as<::TypeCast>(left).typeName->names, as<::TypeCast>(right).typeName->names);
        break;
    case T_FuncCall:
        equal = same_list(as<::FuncCall>(left).funcname, as<::FuncCall>(right).funcname) &&
                same_list(as<::FuncCall>(left).args, as<::FuncCall>(right).args);
        break;
    case T_A_Expr:
        equal = as<::A_Expr>(left).kind == as<::A_Expr>(right).kind &&
                operator_of(as<::A_Expr>(left)) == operator_of(as<::A_Expr>(right)) &&
                same(as<::A_Expr>(left).lexpr, as<::A_Expr>(right).lexpr) &&
                same(as<::A_Expr>(left).rexpr, as<::A_Expr>(right).rexpr);
        break;
    case T_CoalesceExpr:
        equal = same_list(as<::CoalesceExpr>(left).args, as<::CoalesceExpr>(right).args);
        break;
    case T_RowExpr:
        equal = same_list(as<::RowExpr>(left).args, as<::RowExpr>(right).args);
        break;
    case T_A_ArrayExpr:
        equal = same_list(as<::A_ArrayExpr>(left).elements, as<::A_ArrayExpr>(right).elements);
        break;
    case T_NullTest:
        equal = as<::NullTest>(left).nulltesttype == as<::NullTest>(right).nulltesttype &&
                same(as<::NullTest>(left).arg, as<::NullTest>(right).arg);
        break;
    case T_BoolExpr:
        equal = as<::BoolExpr>(left).boolop == as<::BoolExpr>(right).boolop &&
                same_list(as<::BoolExpr>(left).args, as<::BoolExpr>(right).args);
        break;
    case T_List:
        equal = same_list(static_cast<const ::List*>(left), static_cast<const ::List*>(right));
        break;
    default:
        break;
    }
    return equal;
}

/// x and x + 0, x * 1, x || '' and the like.
bool SameValue::same_but_for_neutral(const ::Node* plain, const ::Node* computed)
{
    for (int step = 0; step < deepest; ++step) {
        const auto* operation = if_tag<::A_Expr>(computed, T_A_Expr);
        if (operation == nullptr || operation->kind != AEXPR_OP || operation->lexpr == nullptr)
            return false;
        const ::A_Const* const right = constant_of(operation->rexpr);
        const ::A_Const* const number = right != nullptr ? right : constant_of(operation->lexpr);
        if (number == nullptr)
            return false;
        literals_ = true;
        if (!is_neutral(operator_of(*operation), *number, right != nullptr))
            return false;
        computed = right != nullptr ? operation->lexpr : operation->rexpr;
        if (same(plain, computed))
            return true;
    }
    return false;
}

/// A parameter or a body's variable, which may come as NULL: "x = coalesce($1, x)" is how code leaves a filter out.
bool SameValue::is_given(const ::Node* node) const
{
    while (const auto* cast = if_tag<::TypeCast>(node, T_TypeCast))
        node = cast->arg;
    const auto* column = if_tag<::ColumnRef>(node, T_ColumnRef);
    if (column == nullptr)
        return if_tag<::ParamRef>(node, T_ParamRef) != nullptr;
    const auto fields = cells(column->fields);
    const std::string_view first = text_of(node_of(fields.front()));
    return (fields.size() > 1 || !may_be_column(first)) &&
           std::ranges::find(target_.around, first) != target_.around.end();
}

/// What an expression is for a row without NULLs, if that is something simpler.
const ::Node* SameValue::core(const ::Node* node)
{
    for (int step = 0; node != nullptr && step < deepest; ++step) {
        if (const auto* coalesce = if_tag<::CoalesceExpr>(node, T_CoalesceExpr)) {
            auto arguments = cells(coalesce->args);
            while (arguments.size() > 1 && is_given(node_of(arguments.front())))
                arguments = arguments.subspan(1);
            node = node_of(arguments.front());
        } else if (const auto* most = if_tag<::MinMaxExpr>(node, T_MinMaxExpr)) {
            const ::Node* const first = node_of(cells(most->args).front());
            for (const ::ListCell& cell : cells(most->args))
                if (!same(first, node_of(cell)))
                    return node;
            node = first;
        } else if (const auto* collated = if_tag<::CollateClause>(node, T_CollateClause)) {
            node = collated->arg;
        } else {
            return node;
        }
    }
    return node;
}

/// The same value for a row without NULLs.
bool SameValue::alike(const ::Node* left, const ::Node* right)
{
    const ::Node* const one = core(left);
    const ::Node* const other = core(right);
    return same(one, other) || same_but_for_neutral(one, other) || same_but_for_neutral(other, one);
}

} // namespace stepgate::policies::postgres
