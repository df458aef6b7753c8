#include "policies/postgres/predicate.h"

#include "policies/postgres/columns.h"
#include "policies/postgres/depth.h"
#include "policies/postgres/known_value.h"
#include "policies/postgres/never_met.h"
#include "policies/postgres/one_sided.h"
#include "policies/postgres/own_rows.h"
#include "policies/postgres/pattern.h"
#include "policies/postgres/reads_column.h"
#include "policies/postgres/row_trial.h"
#include "policies/postgres/same_value.h"
#include "policies/postgres/truth.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace stepgate::policies::postgres
{
namespace
{

class Predicate
{
  public:
    Predicate(const PredicateTarget& target, const RowNames& rows, bool& literals, Look& look)
        : target_(target), rows_(rows), literals_(literals), look_(look), values_(target, literals),
          known_(values_, literals),
          own_(target, literals, look,
               [&rows, &literals, &look](const ::Node* condition, const PredicateTarget& joined) {
                   RowNames inside = rows;
                   if (joined.twins.back().renames) // a bare name may be what it calls a column
                       inside.described = nullptr;
                   return Predicate{joined, inside, literals, look}.judge(condition).always;
               })
    {
    }

    Truth judge(const ::Node* node);
    OwnRows& own_rows() { return own_; }

  private:
    Truth by_form(const ::Node* node);
    bool selects_plainly(const ::Node* node);
    [[nodiscard]] bool may_be_all_of_many(const ::ColumnRef& column) const;
    Truth judge_operator(const ::A_Expr& expression);
    Truth judge_bool(const ::BoolExpr& expression);
    Truth judge_or(const ::BoolExpr& expression);
    Truth judge_boolean_test(const ::BooleanTest& test);
    Truth judge_sublink(const ::SubLink& link);
    Truth judge_case(const ::CaseExpr& expression);
    Truth judge_comparison(std::string_view name, const ::Node* left, const ::Node* right);
    Truth judge_known(std::string_view name, const ::Node* left, const ::Node* right);
    bool any_opposite(const ::BoolExpr& expression);
    bool opposite(const ::Node* left, const ::Node* right);
    bool never_null(const void* node);
    bool from_null(const ::Node* value, const ::Node* null);
    bool counts_own_row(std::string_view name, const ::Node* count, const ::Node* least);
    bool holds_nothing(const ::Node* list);
    bool holds_everything(const ::Node* range);
    bool overlap(const ::FuncCall& call);
    bool overlaps(const ::Node* values, const ::Node* array);
    bool within(const ::Node* values, const ::Node* array);
    bool has_key(const ::Node* object, const ::Node* key);
    bool in_series(const ::Node* value, const ::FuncCall& series);

    bool same(const void* left, const void* right) { return values_.same(left, right); }
    bool alike(const ::Node* left, const ::Node* right) { return values_.alike(left, right); }

    const PredicateTarget& target_;
    const RowNames& rows_;
    bool& literals_;
    Look& look_;
    SameValue values_;
    KnownValue known_;
    OwnRows own_;
};

/// A value that no row of the target has as NULL, as far as its columns tell. That functions may give NULL for what is
/// not is left out: to take a predicate for true too often holds a statement too much.
bool Predicate::never_null(const void* node)
{
    const auto all = [this](const ::List* list) {
        return std::ranges::all_of(cells(list), [this](const ::ListCell& cell) { return never_null(node_of(cell)); });
    };
    static constexpr std::string_view strict[] = {"=", "<>", "<", ">", "<=", ">=", "+", "-", "*", "/", "||"};
    if (node == nullptr || look_.depth >= deepest_predicate)
        return false;
    const Depth depth{look_.depth};
    switch (tag_of(node)) {
    case T_A_Const:
        return !as<::A_Const>(node).isnull;
    case T_NullTest:
    case T_BooleanTest:
    case T_A_ArrayExpr:
        return true;
    case T_List: // of IN and BETWEEN
        return all(&as<::List>(node));
    case T_BoolExpr:
        return all(as<::BoolExpr>(node).args);
    case T_RowExpr:
        return all(as<::RowExpr>(node).args);
    case T_A_Expr: {
        const auto& operation = as<::A_Expr>(node);
        if (operation.kind == AEXPR_DISTINCT || operation.kind == AEXPR_NOT_DISTINCT)
            return true;
        const bool gives_null =
            operation.kind == AEXPR_NULLIF || operation.kind == AEXPR_OP_ANY || operation.kind == AEXPR_OP_ALL ||
            (operation.kind == AEXPR_OP && std::ranges::find(strict, operator_of(operation)) == std::end(strict));
        return !gives_null && (operation.lexpr == nullptr || never_null(operation.lexpr)) &&
               never_null(operation.rexpr);
    }
    case T_TypeCast:
        return never_null(as<::TypeCast>(node).arg);
    case T_CollateClause:
        return never_null(as<::CollateClause>(node).arg);
    case T_CoalesceExpr:
        return std::ranges::any_of(cells(as<::CoalesceExpr>(node).args),
                                   [this](const ::ListCell& cell) { return never_null(node_of(cell)); });
    case T_ColumnRef: {
        const std::string_view name = values_.column_of_target(as<::ColumnRef>(node));
        if (name.empty())
            return false;
        if (is_system_column(name))
            return true;
        return target_.described != nullptr && std::ranges::any_of(target_.described->columns, [&](const auto& column) {
                   return column.not_null && column.name == name;
               });
    }
    default:
        return false;
    }
}

/// x IS DISTINCT FROM NULL, of an x that never is; of rows, a field that never is will do.
bool Predicate::from_null(const ::Node* value, const ::Node* null)
{
    const auto* row = if_tag<::RowExpr>(value, T_RowExpr);
    const auto* nulls = if_tag<::RowExpr>(null, T_RowExpr);
    if (row != nullptr && nulls != nullptr) {
        const auto fields = cells(row->args);
        const auto others = cells(nulls->args);
        for (std::size_t i = 0; i < std::min(fields.size(), others.size()); ++i)
            if (tag_of(node_of(fields[i])) != T_RowExpr && from_null(node_of(fields[i]), node_of(others[i])))
                return true;
        return false;
    }
    const ::A_Const* const literal = constant_of(null);
    return literal != nullptr && literal->isnull && never_null(value);
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

/// Of arms inside arms, too.
bool Predicate::any_opposite(const ::BoolExpr& expression)
{
    constexpr std::size_t most = 64;
    std::vector<const ::Node*> arms;
    for (const ::ListCell& cell : cells(expression.args))
        arms.push_back(node_of(cell));
    for (std::size_t i = 0; i < arms.size() && arms.size() <= most;) {
        const auto* nested = if_tag<::BoolExpr>(arms[i], T_BoolExpr);
        if (nested == nullptr || nested->boolop != expression.boolop || nested->boolop == NOT_EXPR) {
            ++i;
            continue;
        }
        arms.erase(arms.begin() + static_cast<std::ptrdiff_t>(i));
        for (const ::ListCell& cell : cells(nested->args))
            arms.push_back(node_of(cell));
    }
    for (std::size_t i = 0; i < arms.size() && arms.size() <= most; ++i)
        for (std::size_t k = i + 1; k < arms.size(); ++k)
            if (opposite(arms[i], arms[k]))
                return true;
    return false;
}

Truth Predicate::judge_or(const ::BoolExpr& expression)
{
    Truth truth{false, true};
    for (const ::ListCell& arm : cells(expression.args)) {
        Truth one = judge(node_of(arm));
        if (one.always && one.never &&
            never_met(node_of(arm), literals_)) // 1 = 0 or id = 5, as code writes that adds arms
            one.always = false;
        truth.always = truth.always || one.always;
        truth.never = truth.never && one.never;
    }
    truth.always = truth.always || any_opposite(expression);
    return truth;
}

Truth Predicate::judge_bool(const ::BoolExpr& expression)
{
    switch (expression.boolop) {
    case OR_EXPR:
        return judge_or(expression);
    case NOT_EXPR: {
        const Depth negated{look_.negated};
        const Truth inner = judge(node_of(cells(expression.args).front()));
        return {inner.never, inner.always};
    }
    case AND_EXPR:
        break;
    }
    Truth truth{true, any_opposite(expression)};
    for (const ::ListCell& arm : cells(expression.args)) {
        const Truth one = judge(node_of(arm));
        truth.always = truth.always && one.always;
        truth.never = truth.never || one.never;
    }
    return truth;
}

/// Whatever the conditions are, one of the results is the value.
Truth Predicate::judge_case(const ::CaseExpr& expression)
{
    if (expression.defresult == nullptr)
        return depends;
    const auto judge_result = [this](const void* result) {
        const ::A_Const* const literal = constant_of(result);
        literals_ = literals_ || literal != nullptr;
        if (literal == nullptr || literal->val.node.type != T_Boolean)
            return judge(static_cast<const ::Node*>(result));
        return Truth{literal->val.boolval.boolval, !literal->val.boolval.boolval};
    };
    Truth truth = judge_result(expression.defresult);
    for (const ::ListCell& cell : cells(expression.args)) {
        const Truth one = judge_result(as<::CaseWhen>(node_of(cell)).result);
        truth.always = truth.always && one.always;
        truth.never = truth.never && one.never;
    }
    return truth;
}

Truth Predicate::judge_boolean_test(const ::BooleanTest& test)
{
    const Depth negated{look_.negated};
    const Truth inner = judge(reinterpret_cast<const ::Node*>(test.arg));
    switch (test.booltesttype) {
    case IS_TRUE:
    case IS_NOT_FALSE:
        return inner;
    case IS_FALSE:
    case IS_NOT_TRUE:
        return {inner.never, inner.always};
    case IS_UNKNOWN:
        return {inner.always && inner.never, inner.always || inner.never || never_null(test.arg)};
    case IS_NOT_UNKNOWN:
        return {inner.always || inner.never || never_null(test.arg), inner.always && inner.never};
    }
    return depends;
}

/// What no row is beyond: x >= min(x), x <= max(x).
std::string_view bound_of(std::string_view name)
{
    return name == ">=" ? "min" : name == "<=" ? "max" : "";
}

/// "x in (select x from the same table)" holds for every row, and so does EXISTS with a row that may be the same.
/// Without FROM it is what its condition is.
Truth Predicate::judge_sublink(const ::SubLink& link)
{
    const auto* select = if_tag<::SelectStmt>(link.subselect, T_SelectStmt);
    const bool matters = look_.negated > 0 || link.subLinkType == ALL_SUBLINK;
    if (matters && select != nullptr && select->op == SETOP_NONE && finds_nothing(*select, literals_))
        return {link.subLinkType == ALL_SUBLINK, link.subLinkType == ANY_SUBLINK || link.subLinkType == EXISTS_SUBLINK};
    if (link.subLinkType == ANY_SUBLINK) {
        if (const ::FuncCall* series = select == nullptr ? nullptr : series_of(*select, literals_); series != nullptr)
            return {in_series(link.testexpr, *series), false};
        const std::string_view name = link.operName == nullptr ? "=" : text_of(node_of(cells(link.operName).back()));
        return {(name == "=" || name == "<=" || name == ">=") && own_.gives(link.subselect, link.testexpr), false};
    }
    if (link.subLinkType == ALL_SUBLINK) { // of the one row of an aggregate
        const std::string_view bound = bound_of(text_of(node_of(cells(link.operName).back())));
        return {!bound.empty() && own_.gives(link.subselect, link.testexpr, bound), false};
    }
    if (select != nullptr && select->fromClause == nullptr &&
        gives_all(*select, literals_)) { // one row, of the row's own columns
        const auto targets = cells(select->targetList);
        if (link.subLinkType == EXISTS_SUBLINK && select->whereClause != nullptr)
            return judge(select->whereClause);
        if (link.subLinkType == EXPR_SUBLINK && select->whereClause == nullptr && targets.size() == 1)
            return judge(as<::ResTarget>(node_of(targets.front())).val);
    }
    return {link.subLinkType == EXISTS_SUBLINK && select != nullptr && gives_all(*select, literals_, true) &&
                own_.own_row(*select).has_value(),
            false};
}

/// The comparison, its operands put the other way round.
std::string_view mirrored(std::string_view name)
{
    static constexpr std::pair<std::string_view, std::string_view> pairs[] = {
        {"<", ">"}, {">", "<"}, {"<=", ">="}, {">=", "<="}};
    const auto* const found = std::ranges::find(pairs, name, &std::pair<std::string_view, std::string_view>::first);
    return found == std::end(pairs) ? name : found->second;
}

/// length(x) >= 0, x - x = 0, x < x + 1
Truth Predicate::judge_known(std::string_view name, const ::Node* left, const ::Node* right)
{
    if (known_.settled(left) && known_.settled(right))
        return constant;
    if (known_.shifted(left, right) || known_.shifted(right, left))
        return {name != "=", name != "<>"};
    const ::A_Const* number = constant_of(right);
    if (number == nullptr) {
        number = constant_of(left);
        left = right;
        name = mirrored(name);
    }
    if (number == nullptr || !known_.never_negative(left))
        return depends;
    literals_ = true;
    const Sign sign = sign_of(*number);
    if (sign == Sign::unknown)
        return depends;
    const bool negative = sign == Sign::negative;
    return {name == ">=" || (negative && (name == ">" || name == "<>")),
            name == "<" || (negative && (name == "<=" || name == "="))};
}

/// (select count(*) from …) > 0: EXISTS.
bool Predicate::counts_own_row(std::string_view name, const ::Node* count, const ::Node* least)
{
    const auto* link = if_tag<::SubLink>(count, T_SubLink);
    const auto* number = if_tag<::A_Const>(least, T_A_Const);
    const auto* select = link == nullptr || link->subLinkType != EXPR_SUBLINK
                             ? nullptr
                             : if_tag<::SelectStmt>(link->subselect, T_SelectStmt);
    if (select == nullptr || number == nullptr || number->isnull || number->val.node.type != T_Integer ||
        select->groupClause != nullptr || cells(select->targetList).size() != 1 || !gives_all(*select, literals_))
        return false;
    literals_ = true;
    const auto* call = if_tag<::FuncCall>(as<::ResTarget>(node_of(cells(select->targetList).front())).val, T_FuncCall);
    const bool none = number->val.ival.ival == 0;
    const bool asks = none ? name == ">" || name == "<>" : number->val.ival.ival == 1 && name == ">=";
    return asks && call != nullptr && call->agg_star && call->agg_filter == nullptr &&
           own_.own_row(*select).has_value();
}

bool Predicate::holds_nothing(const ::Node* list)
{
    literals_ = literals_ || constant_of(list) != nullptr;
    return is_empty_array(list);
}

bool Predicate::holds_everything(const ::Node* range)
{
    literals_ = literals_ || constant_of(range) != nullptr;
    return is_endless_range(range);
}

/// ARRAY[x] && ARRAY(SELECT x FROM t)
bool Predicate::overlaps(const ::Node* values, const ::Node* array)
{
    return std::ranges::any_of(elements_of(values),
                               [&](const ::ListCell& item) { return own_.in_array(array, node_of(item)); });
}

/// ARRAY[x] <@ ARRAY(SELECT x FROM t)
bool Predicate::within(const ::Node* values, const ::Node* array)
{
    const auto items = elements_of(values);
    return !items.empty() &&
           std::ranges::all_of(items, [&](const ::ListCell& item) { return own_.in_array(array, node_of(item)); });
}

/// to_jsonb(t) ? 'column'
bool Predicate::has_key(const ::Node* object, const ::Node* key)
{
    const auto* call = if_tag<::FuncCall>(without_casts(object), T_FuncCall);
    const char* const name = literal_of(constant_of(key));
    if (call == nullptr || cells(call->args).size() != 1 || target_.described == nullptr || name == nullptr)
        return false;
    literals_ = true;
    const std::string_view function = text_of(node_of(cells(call->funcname).back()));
    const auto* row = if_tag<::ColumnRef>(node_of(cells(call->args).front()), T_ColumnRef);
    if ((function != "to_jsonb" && function != "to_json" && function != "row_to_json") || row == nullptr)
        return false;
    const bool star = tag_of(node_of(cells(row->fields).back())) == T_A_Star &&
                      text_of(node_of(cells(row->fields).front())) == target_.alias;
    return (star || values_.column_of_target(*row) == "*") && has_column(*target_.described, name);
}

/// x IN (SELECT generate_series(y, z)), as BETWEEN.
bool Predicate::in_series(const ::Node* value, const ::FuncCall& series)
{
    const auto bounds = cells(series.args);
    return bounds.size() == 2 && judge_comparison(">=", value, node_of(bounds[0])).always &&
           judge_comparison("<=", value, node_of(bounds[1])).always;
}

/// (x, y) OVERLAPS (x, y), which the grammar makes a call.
bool Predicate::overlap(const ::FuncCall& call)
{
    const auto ends = cells(call.args);
    return ends.size() == 4 && text_of(node_of(cells(call.funcname).back())) == "overlaps" &&
           same(node_of(ends[0]), node_of(ends[2])) && same(node_of(ends[1]), node_of(ends[3]));
}

Truth Predicate::judge_comparison(std::string_view name, const ::Node* left, const ::Node* right)
{
    if (name == "~" || name == "~*" || name == "!~" || name == "!~*") {
        const ::A_Const* const pattern = constant_of(right);
        literals_ = literals_ || pattern != nullptr;
        const char* const text = literal_of(pattern);
        const bool all = text != nullptr && regex_matches_all(text);
        return name.starts_with('!') ? Truth{false, all} : Truth{all, false};
    }
    if (name == "@>") {
        std::swap(left, right);
        name = "<@";
    }
    if (name == "<@")
        return {same(left, right) || holds_nothing(left) || holds_everything(right) || known_.around(right, left) ||
                    within(left, right),
                false};
    if (name == "&&")
        return {same(left, right) || overlaps(left, right) || overlaps(right, left),
                holds_nothing(left) || holds_nothing(right)};
    if (name == "?")
        return {has_key(left, right), false};
    const bool equals = name == "=" || name == "<=" || name == ">=";
    if (!equals && name != "<>" && name != "<" && name != ">")
        return depends;
    if (const Truth known = judge_known(name, left, right); known.always || known.never)
        return known;
    if (counts_own_row(name, left, right) || counts_own_row(mirrored(name), right, left))
        return {true, false};
    if (alike(left, right))
        return Truth{equals, !equals};
    if (!equals)
        return depends;
    const auto* link = if_tag<::SubLink>(right, T_SubLink);
    if (link == nullptr) { // the other way round
        link = if_tag<::SubLink>(left, T_SubLink);
        left = right;
        name = mirrored(name);
    }
    return {link != nullptr && link->subLinkType == EXPR_SUBLINK && own_.gives(link->subselect, left, bound_of(name)),
            false};
}

Truth Predicate::judge_operator(const ::A_Expr& expression)
{
    const std::string_view name = operator_of(expression);
    switch (expression.kind) {
    case AEXPR_OP:
        return judge_comparison(name, expression.lexpr, expression.rexpr);
    case AEXPR_NOT_DISTINCT:
        return {same(expression.lexpr, expression.rexpr), from_null(expression.lexpr, expression.rexpr)};
    case AEXPR_DISTINCT:
        return {from_null(expression.lexpr, expression.rexpr), same(expression.lexpr, expression.rexpr)};
    case AEXPR_IN: {
        const auto items = cells(if_tag<::List>(expression.rexpr, T_List));
        const bool itself =
            std::ranges::any_of(items, [&](const ::ListCell& item) { return same(expression.lexpr, node_of(item)); });
        const bool any = itself || known_.all_remainders(expression.lexpr, items);
        return name == "=" ? Truth{any, false} : Truth{false, any};
    }
    case AEXPR_OP_ANY: {
        const ::Node* list = expression.rexpr;
        literals_ = literals_ || constant_of(list) != nullptr;
        if (is_empty_array(list))
            return {false, true};
        if (const char* const patterns = literal_of(constant_of(list))) {
            const bool regex = name == "~" || name == "~*";
            return {(regex || name == "~~" || name == "~~*") && any_matches_all(patterns, regex), false};
        }
        const auto elements = elements_of(list);
        return {name == "=" && own_.in_array(list, expression.lexpr),
                name == "<>" && elements.size() == 1 && same(expression.lexpr, node_of(elements.front()))};
    }
    case AEXPR_LIKE:
    case AEXPR_ILIKE: {
        const char* const pattern = literal_of(constant_of(expression.rexpr));
        if (pattern == nullptr)
            return {same(expression.lexpr, expression.rexpr), false};
        literals_ = true;
        const bool all = like_matches_all(pattern);
        return name.starts_with('!') ? Truth{false, all} : Truth{all, false};
    }
    case AEXPR_BETWEEN:
    case AEXPR_BETWEEN_SYM: {
        const auto bounds = cells(if_tag<::List>(expression.rexpr, T_List));
        if (bounds.size() != 2)
            return depends;
        const Truth low = judge_comparison(">=", expression.lexpr, node_of(bounds[0]));
        const Truth high = judge_comparison("<=", expression.lexpr, node_of(bounds[1]));
        return {low.always && high.always, expression.kind == AEXPR_BETWEEN && (low.never || high.never)};
    }
    case AEXPR_OP_ALL:
        literals_ = literals_ || constant_of(expression.rexpr) != nullptr;
        return is_empty_array(expression.rexpr) ? Truth{true, false} : depends;
    case AEXPR_NOT_BETWEEN:
    case AEXPR_NOT_BETWEEN_SYM:
    case AEXPR_NULLIF:
    case AEXPR_SIMILAR:
        return depends;
    }
    return depends;
}

/// A few constants may be all that the column has: it is boolean, or a CHECK constraint says something about it.
bool Predicate::may_be_all_of_many(const ::ColumnRef& column) const
{
    constexpr catalog::Oid boolean = 16; // pg_type.dat
    const std::string_view name = text_of(node_of(cells(column.fields).back()));
    if (target_.described == nullptr)
        return false;
    const auto named = [name](const std::string& check) { return check.find(name) != check.npos; };
    const auto has_two = [name](const catalog::Column& one) { return one.name == name && one.type == boolean; };
    return std::ranges::any_of(target_.described->columns, has_two) ||
           std::ranges::any_of(target_.described->checks, named);
}

/// x = 5, x = $1, x IN (5, 6), and what is made of such: it holds for some rows, whatever the constants are. Not
/// x IN ('t', 'f'), which may be all that there is.
bool Predicate::selects_plainly(const ::Node* node)
{
    const auto given = [](const void* value) {
        while (const auto* cast = if_tag<::TypeCast>(value, T_TypeCast))
            value = cast->arg;
        const auto* literal = if_tag<::A_Const>(value, T_A_Const);
        return literal == nullptr ? tag_of(value) == T_ParamRef : literal->val.node.type != T_Boolean;
    };
    if (look_.depth >= deepest_predicate)
        return false;
    const Depth depth{look_.depth};
    if (const auto of_arms = asked_of_arms(node, [this](const ::Node* arm) { return selects_plainly(arm); }))
        return *of_arms;
    const auto* expression = if_tag<::A_Expr>(node, T_A_Expr);
    if (expression == nullptr || operator_of(*expression) != "=" || expression->lexpr == nullptr ||
        tag_of(expression->lexpr) != T_ColumnRef || !reads_column(expression->lexpr, rows_))
        return false;
    if (expression->kind == AEXPR_OP)
        return given(expression->rexpr);
    return expression->kind == AEXPR_IN && !may_be_all_of_many(as<::ColumnRef>(expression->lexpr)) &&
           std::ranges::all_of(cells(if_tag<::List>(expression->rexpr, T_List)),
                               [given](const ::ListCell& cell) { return given(node_of(cell)); });
}

Truth Predicate::judge(const ::Node* node)
{
    if (node == nullptr)
        return depends;
    if (!reads_column(node, rows_))
        return constant;
    if (look_.negated == 0 && selects_plainly(node))
        return depends;
    const Truth truth = by_form(node);
    const auto* logic = if_tag<::BoolExpr>(node, T_BoolExpr);
    const bool told = logic != nullptr && logic->boolop == AND_EXPR && look_.negated == 0; // by its arms
    if (truth.always || truth.never || told || tag_of(node) == T_SubLink)
        return truth;
    const auto by_itself = [this](const ::Node* inner) { return by_form(inner); };
    const bool negated = look_.negated > 0;
    const Truth tried = RowTrial{target_, literals_, look_.steps_left, by_itself}.judge(node, negated);
    if (tried.always || tried.never || target_.described == nullptr || !RowTrial::has_checks(*target_.described))
        return tried;
    return RowTrial{target_, literals_, look_.checked_left, by_itself}.judge_checked(node, negated);
}

/// What its form says: of the tautologies that people write, and of queries for the same rows.
Truth Predicate::by_form(const ::Node* node)
{
    if (look_.depth >= deepest_predicate)
        return depends;
    const Depth depth{look_.depth};
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
    case T_CaseExpr:
        truth = judge_case(as<::CaseExpr>(node));
        break;
    case T_FuncCall:
        truth.always = overlap(as<::FuncCall>(node));
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
    return truth;
}

} // namespace

bool holds_for_every_row(const ::Node* condition, const PredicateTarget& target, bool& literals_consulted)
{
    Look look{.place = target.ctes};
    RowNames rows{target.alias, target.relation, nullptr, target.around, target.hiding, target.find, target.spend};
    if (target.joined.empty())
        rows.described = target.described;
    PredicateTarget whole = target;
    for (const ::ListCell& cell : target.joined) {
        Predicate predicate{target, rows, literals_consulted, look};
        auto twin = predicate.own_rows().twin(node_of(cell));
        if (!twin)
            twin = predicate.own_rows().referenced(node_of(cell)); // a foreign key leaves no row out
        if (twin)
            whole.twins.push_back(std::move(*twin));
    }
    if (Predicate{whole, rows, literals_consulted, look}.judge(condition).always)
        return true;
    if (target.joined.empty())
        return false;
    // Whatever the rows beside it are: no row of the target is told from the others by them.
    rows.described = target.described;
    for (const ::ListCell& cell : target.joined)
        add_names(node_of(cell), rows.others);
    return Predicate{target, rows, literals_consulted, look}.judge(condition).always;
}

} // namespace stepgate::policies::postgres
