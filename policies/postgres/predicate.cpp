#include "policies/postgres/predicate.h"

#include <algorithm>

namespace stepgate::policies::postgres
{
namespace
{

/// What a predicate can be for all rows alike. One that reads no column may be either, so it counts as both.
struct Truth {
    bool always = false;
    bool never = false;
};
constexpr Truth constant{true, true};
constexpr Truth depends{};

constexpr int deepest_predicate =
    200; // of predicates inside each other; deeper ones depend on the row, as far as this goes

class Predicate
{
  public:
    Predicate(const PredicateTarget& target, bool& literals) : target_(target), literals_(literals) {}

    Truth judge(const ::Node* node);

  private:
    Truth judge_operator(const ::A_Expr& expression);
    Truth judge_bool(const ::BoolExpr& expression);
    Truth judge_or(const ::List* arms);
    Truth judge_boolean_test(const ::BooleanTest& test);
    Truth judge_sublink(const ::SubLink& link);
    bool reads_column(const void* node);
    bool any_reads_column(const ::List* list);
    bool query_reads_column(const ::Node* node);
    bool same(const void* left, const void* right);
    bool same_list(const ::List* left, const ::List* right);
    bool same_column(const ::ColumnRef& left, const ::ColumnRef& right) const;
    bool same_constant(const ::A_Const& left, const ::A_Const& right);
    bool same_but_for_neutral(const ::Node* plain, const ::Node* computed);
    bool opposite(const ::Node* left, const ::Node* right);
    bool of_target(const ::ColumnRef& column) const;
    bool never_null(const void* node);
    bool from_null(const ::A_Expr& distinct);

    const PredicateTarget& target_;
    bool& literals_;
    int depth_ = 0;
};

std::string_view operator_of(const ::A_Expr& expression)
{
    const auto parts = cells(expression.name);
    return parts.empty() ? std::string_view{} : text_of(node_of(parts.back()));
}

bool Predicate::any_reads_column(const ::List* list)
{
    return std::ranges::any_of(cells(list), [this](const ::ListCell& cell) { return reads_column(node_of(cell)); });
}

/// A subquery without column references gives every row the same; what EXISTS selects does not matter.
bool Predicate::query_reads_column(const ::Node* node)
{
    const auto* select = if_tag<::SelectStmt>(node, T_SelectStmt);
    if (select == nullptr || select->op != SETOP_NONE) // a UNION is not followed: it may hold one
        return true;
    const auto is_plain_table = [](const ::ListCell& cell) { return tag_of(node_of(cell)) == T_RangeVar; };
    return select->withClause != nullptr || !std::ranges::all_of(cells(select->fromClause), is_plain_table) ||
           any_reads_column(select->targetList) || reads_column(select->whereClause) ||
           any_reads_column(select->groupClause) || reads_column(select->havingClause) ||
           any_reads_column(select->valuesLists) || any_reads_column(select->sortClause) ||
           reads_column(select->limitCount) || reads_column(select->limitOffset);
}

/// Whether a column reference may be inside. Nodes not listed may hold one.
bool Predicate::reads_column(const void* start)
{
    const auto* node = static_cast<const ::Node*>(start);
    if (++depth_ > deepest_predicate) {
        --depth_;
        return true;
    }
    bool reads = false;
    while (const auto* chain = if_tag<::A_Expr>(node, T_A_Expr)) {
        reads = reads || reads_column(chain->rexpr);
        node = chain->lexpr;
    }
    if (node != nullptr && !reads) {
        switch (tag_of(node)) {
        case T_A_Const:
        case T_ParamRef:
        case T_SQLValueFunction:
        case T_SetToDefault:
            break;
        case T_TypeCast:
            reads = reads_column(as<::TypeCast>(node).arg);
            break;
        case T_CollateClause:
            reads = reads_column(as<::CollateClause>(node).arg);
            break;
        case T_BoolExpr:
            reads = any_reads_column(as<::BoolExpr>(node).args);
            break;
        case T_BooleanTest:
            reads = reads_column(as<::BooleanTest>(node).arg);
            break;
        case T_NullTest:
            reads = reads_column(as<::NullTest>(node).arg);
            break;
        case T_FuncCall:
            reads = any_reads_column(as<::FuncCall>(node).args) || as<::FuncCall>(node).over != nullptr;
            break;
        case T_CoalesceExpr:
            reads = any_reads_column(as<::CoalesceExpr>(node).args);
            break;
        case T_MinMaxExpr:
            reads = any_reads_column(as<::MinMaxExpr>(node).args);
            break;
        case T_CaseExpr:
            reads = reads_column(as<::CaseExpr>(node).arg) || any_reads_column(as<::CaseExpr>(node).args) ||
                    reads_column(as<::CaseExpr>(node).defresult);
            break;
        case T_CaseWhen:
            reads = reads_column(as<::CaseWhen>(node).expr) || reads_column(as<::CaseWhen>(node).result);
            break;
        case T_RowExpr:
            reads = any_reads_column(as<::RowExpr>(node).args);
            break;
        case T_A_ArrayExpr:
            reads = any_reads_column(as<::A_ArrayExpr>(node).elements);
            break;
        case T_List:
            reads = any_reads_column(reinterpret_cast<const ::List*>(node));
            break;
        case T_ResTarget:
            reads = reads_column(as<::ResTarget>(node).val);
            break;
        case T_SortBy:
            reads = reads_column(as<::SortBy>(node).node);
            break;
        case T_SubLink: {
            const auto& link = as<::SubLink>(node);
            const auto* select = if_tag<::SelectStmt>(link.subselect, T_SelectStmt);
            if (link.subLinkType == EXISTS_SUBLINK && select != nullptr && select->op == SETOP_NONE) {
                ::SelectStmt without = *select;
                without.targetList = nullptr;
                reads = query_reads_column(reinterpret_cast<const ::Node*>(&without));
            } else {
                reads = reads_column(link.testexpr) || query_reads_column(link.subselect);
            }
            break;
        }
        default:
            reads = true;
        }
    }
    --depth_;
    return reads;
}

bool Predicate::same_column(const ::ColumnRef& left, const ::ColumnRef& right) const
{
    const auto one = cells(left.fields);
    const auto other = cells(right.fields);
    if (text_of(node_of(one.back())) != text_of(node_of(other.back())))
        return false;
    const auto qualifier = [this](std::span<const ::ListCell> fields) {
        const std::string_view name = fields.size() > 1 ? text_of(node_of(fields[fields.size() - 2])) : "";
        return name == target_.alias || name == target_.relation ? std::string_view{} : name;
    };
    return qualifier(one) == qualifier(other);
}

bool Predicate::same_constant(const ::A_Const& left, const ::A_Const& right)
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

bool Predicate::same_list(const ::List* left, const ::List* right)
{
    const auto one = cells(left);
    const auto other = cells(right);
    return one.size() == other.size() && std::ranges::equal(one, other, [this](const auto& a, const auto& b) {
               return same(node_of(a), node_of(b));
           });
}

/// Surely the same value for a row.
bool Predicate::same(const void* left, const void* right)
{
    if (left == nullptr || right == nullptr)
        return left == right;
    if (tag_of(left) != tag_of(right) || depth_ >= deepest_predicate)
        return false;
    ++depth_;
    bool equal = false;
    switch (tag_of(left)) {
    case T_ColumnRef:
        equal = same_column(as<::ColumnRef>(left), as<::ColumnRef>(right));
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
    --depth_;
    return equal;
}

/// Whether an operation with this number or text gives its other operand back.
bool is_neutral(std::string_view name, const ::A_Const& number, bool right)
{
    if (number.isnull)
        return false;
    std::string_view text;
    if (number.val.node.type == T_Integer)
        text = number.val.ival.ival == 0 ? "0" : number.val.ival.ival == 1 ? "1" : "n";
    else if (number.val.node.type == T_Float)
        text = view_of(number.val.fval.fval);
    else if (number.val.node.type == T_String)
        text = view_of(number.val.sval.sval);
    const bool zero = !text.empty() && text.find_first_not_of("0.") == std::string_view::npos;
    const bool one = text.starts_with('1') && text.find_first_not_of("0.", 1) == std::string_view::npos &&
                     (text.size() == 1 || text[1] == '.');
    if (name == "||")
        return number.val.node.type == T_String && text.empty();
    return name == "+" ? zero : name == "-" ? right && zero : name == "*" ? one : name == "/" && right && one;
}

/// x and x + 0, x * 1, x || '' and the like.
bool Predicate::same_but_for_neutral(const ::Node* plain, const ::Node* computed)
{
    for (int step = 0; step < deepest_predicate; ++step) {
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

bool Predicate::of_target(const ::ColumnRef& column) const
{
    const auto fields = cells(column.fields);
    const std::string_view name = fields.size() > 1 ? text_of(node_of(fields[fields.size() - 2])) : target_.alias;
    return tag_of(node_of(fields.back())) == T_String && (name == target_.alias || name == target_.relation);
}

/// A value that no row of the target has as NULL, as far as its columns tell. That functions may give NULL for what is
/// not is left out: to take a predicate for true too often holds a statement too much.
bool Predicate::never_null(const void* node)
{
    static constexpr std::string_view system[] = {"tableoid", "ctid", "xmin", "xmax", "cmin", "cmax"};
    switch (tag_of(node)) {
    case T_A_Const:
        return !as<::A_Const>(node).isnull;
    case T_TypeCast:
        return never_null(as<::TypeCast>(node).arg);
    case T_CollateClause:
        return never_null(as<::CollateClause>(node).arg);
    case T_CoalesceExpr:
        return std::ranges::any_of(cells(as<::CoalesceExpr>(node).args),
                                   [this](const ::ListCell& cell) { return never_null(node_of(cell)); });
    case T_ColumnRef: {
        const auto& reference = as<::ColumnRef>(node);
        if (!of_target(reference))
            return false;
        const std::string_view name = text_of(node_of(cells(reference.fields).back()));
        if (std::ranges::find(system, name) != std::end(system))
            return true;
        return target_.described != nullptr && std::ranges::any_of(target_.described->columns, [&](const auto& column) {
                   return column.not_null && column.name == name;
               });
    }
    default:
        return false;
    }
}

/// x IS DISTINCT FROM NULL, of an x that never is.
bool Predicate::from_null(const ::A_Expr& distinct)
{
    const ::A_Const* const null = constant_of(distinct.rexpr);
    return null != nullptr && null->isnull && never_null(distinct.lexpr);
}

/// One of the two holds for any row without NULLs.
bool Predicate::opposite(const ::Node* left, const ::Node* right)
{
    for (int swap = 0; swap < 2; ++swap, std::swap(left, right)) {
        const auto* negated = if_tag<::BoolExpr>(left, T_BoolExpr);
        if (negated != nullptr && negated->boolop == NOT_EXPR && same(node_of(cells(negated->args).front()), right))
            return true;
    }
    const auto* null_left = if_tag<::NullTest>(left, T_NullTest);
    const auto* null_right = if_tag<::NullTest>(right, T_NullTest);
    if (null_left != nullptr && null_right != nullptr)
        return null_left->nulltesttype != null_right->nulltesttype && same(null_left->arg, null_right->arg);
    const auto* one = if_tag<::A_Expr>(left, T_A_Expr);
    const auto* other = if_tag<::A_Expr>(right, T_A_Expr);
    if (one == nullptr || other == nullptr)
        return false;
    static constexpr std::pair<std::string_view, std::string_view> pairs[] = {
        {"=", "<>"},   {"<", ">="},   {">", "<="},  {"<=", ">"},  {">=", "<"}, {"<>", "="},
        {"~~", "!~~"}, {"!~~", "~~"}, {"<=", ">="}, {">=", "<="}, {"~", "!~"}, {"!~", "~"}};
    return std::ranges::find(pairs, std::pair{operator_of(*one), operator_of(*other)}) != std::end(pairs) &&
           same(one->lexpr, other->lexpr) && same(one->rexpr, other->rexpr);
}

Truth Predicate::judge_or(const ::List* list)
{
    const auto arms = cells(list);
    Truth truth{false, true};
    for (const ::ListCell& arm : arms) {
        const Truth one = judge(node_of(arm));
        truth.always = truth.always || one.always;
        truth.never = truth.never && one.never;
    }
    constexpr std::size_t most_pairs = 64;
    for (std::size_t i = 0; i < arms.size() && arms.size() <= most_pairs && !truth.always; ++i)
        for (std::size_t k = i + 1; k < arms.size(); ++k)
            truth.always = truth.always || opposite(node_of(arms[i]), node_of(arms[k]));
    return truth;
}

Truth Predicate::judge_bool(const ::BoolExpr& expression)
{
    switch (expression.boolop) {
    case OR_EXPR:
        return judge_or(expression.args);
    case NOT_EXPR: {
        const Truth inner = judge(node_of(cells(expression.args).front()));
        return {inner.never, inner.always};
    }
    case AND_EXPR:
        break;
    }
    Truth truth{true, false};
    for (const ::ListCell& arm : cells(expression.args)) {
        const Truth one = judge(node_of(arm));
        truth.always = truth.always && one.always;
        truth.never = truth.never || one.never;
    }
    return truth;
}

Truth Predicate::judge_boolean_test(const ::BooleanTest& test)
{
    const Truth inner = judge(reinterpret_cast<const ::Node*>(test.arg));
    switch (test.booltesttype) {
    case IS_TRUE:
    case IS_NOT_FALSE:
        return inner;
    case IS_FALSE:
    case IS_NOT_TRUE:
        return {inner.never, inner.always};
    case IS_UNKNOWN:
        return {inner.always && inner.never, inner.always || inner.never};
    case IS_NOT_UNKNOWN:
        return {inner.always || inner.never, inner.always && inner.never};
    }
    return depends;
}

/// "x in (select x from the same table)" holds for every row.
Truth Predicate::judge_sublink(const ::SubLink& link)
{
    const auto* column = if_tag<::ColumnRef>(link.testexpr, T_ColumnRef);
    const auto* select = if_tag<::SelectStmt>(link.subselect, T_SelectStmt);
    if (link.subLinkType != ANY_SUBLINK || column == nullptr || select == nullptr || select->op != SETOP_NONE)
        return depends;
    const auto tables = cells(select->fromClause);
    const auto targets = cells(select->targetList);
    if (tables.size() != 1 || targets.size() != 1 || select->limitCount != nullptr || select->groupClause != nullptr ||
        select->havingClause != nullptr || select->limitOffset != nullptr)
        return depends;
    const auto* table = if_tag<::RangeVar>(node_of(tables.front()), T_RangeVar);
    const auto* chosen = if_tag<::ColumnRef>(as<::ResTarget>(node_of(targets.front())).val, T_ColumnRef);
    if (table == nullptr || chosen == nullptr || view_of(table->relname) != target_.relation)
        return depends;
    if (text_of(node_of(cells(chosen->fields).back())) != text_of(node_of(cells(column->fields).back())))
        return depends;
    return {select->whereClause == nullptr || judge(select->whereClause).always, false};
}

Truth Predicate::judge_operator(const ::A_Expr& expression)
{
    const std::string_view name = operator_of(expression);
    switch (expression.kind) {
    case AEXPR_OP:
        if (name != "=" && name != "<=" && name != ">=" && name != "<>" && name != "<" && name != ">")
            return depends;
        if (!same(expression.lexpr, expression.rexpr) && !same_but_for_neutral(expression.lexpr, expression.rexpr) &&
            !same_but_for_neutral(expression.rexpr, expression.lexpr))
            return depends;
        return name == "<>" || name == "<" || name == ">" ? Truth{false, true} : Truth{true, false};
    case AEXPR_NOT_DISTINCT:
        return {same(expression.lexpr, expression.rexpr), from_null(expression)};
    case AEXPR_DISTINCT:
        return {from_null(expression), same(expression.lexpr, expression.rexpr)};
    case AEXPR_IN: {
        const auto items = cells(if_tag<::List>(expression.rexpr, T_List));
        const bool itself =
            std::ranges::any_of(items, [&](const ::ListCell& item) { return same(expression.lexpr, node_of(item)); });
        return name == "=" ? Truth{itself, false} : Truth{false, itself};
    }
    case AEXPR_OP_ANY: {
        const auto* array = if_tag<::A_ArrayExpr>(expression.rexpr, T_A_ArrayExpr);
        const bool itself = array != nullptr && std::ranges::any_of(cells(array->elements), [&](const auto& item) {
                                return same(expression.lexpr, node_of(item));
                            });
        return {name == "=" && itself, name == "<>" && itself && cells(array->elements).size() == 1};
    }
    case AEXPR_LIKE:
    case AEXPR_ILIKE: {
        const ::A_Const* pattern = constant_of(expression.rexpr);
        if (pattern == nullptr || pattern->isnull || pattern->val.node.type != T_String)
            return {same(expression.lexpr, expression.rexpr), false};
        literals_ = true;
        const std::string_view text = view_of(pattern->val.sval.sval);
        const bool all = !text.empty() && text.find_first_not_of('%') == std::string_view::npos;
        return name.starts_with('!') ? Truth{false, all} : Truth{all, false};
    }
    case AEXPR_BETWEEN:
    case AEXPR_BETWEEN_SYM: {
        const auto bounds = cells(if_tag<::List>(expression.rexpr, T_List));
        return {bounds.size() == 2 && same(expression.lexpr, node_of(bounds[0])) &&
                    same(expression.lexpr, node_of(bounds[1])),
                false};
    }
    case AEXPR_NOT_BETWEEN:
    case AEXPR_NOT_BETWEEN_SYM:
    case AEXPR_OP_ALL:
    case AEXPR_NULLIF:
    case AEXPR_SIMILAR:
        return depends;
    }
    return depends;
}

Truth Predicate::judge(const ::Node* node)
{
    if (node == nullptr)
        return depends;
    if (!reads_column(node))
        return constant;
    if (++depth_ > deepest_predicate) {
        --depth_;
        return depends;
    }
    Truth truth = depends;
    switch (tag_of(node)) {
    case T_BoolExpr:
        truth = judge_bool(as<::BoolExpr>(node));
        break;
    case T_BooleanTest:
        truth = judge_boolean_test(as<::BooleanTest>(node));
        break;
    case T_A_Expr:
        truth = judge_operator(as<::A_Expr>(node));
        break;
    case T_SubLink:
        truth = judge_sublink(as<::SubLink>(node));
        break;
    case T_NullTest:
        if (never_null(as<::NullTest>(node).arg))
            truth = as<::NullTest>(node).nulltesttype == IS_NOT_NULL ? Truth{true, false} : Truth{false, true};
        break;
    case T_TypeCast:
        truth = judge(as<::TypeCast>(node).arg);
        break;
    case T_CoalesceExpr: // coalesce(x = x, true)
        truth = judge(node_of(cells(as<::CoalesceExpr>(node).args).front()));
        break;
    default:
        break;
    }
    --depth_;
    return truth;
}

} // namespace

bool holds_for_every_row(const ::Node* predicate, const PredicateTarget& target, bool& literals_consulted)
{
    return Predicate{target, literals_consulted}.judge(predicate).always;
}

} // namespace stepgate::policies::postgres
