#include "policies/postgres/row_trial.h"

#include "policies/postgres/columns.h"
#include "policies/postgres/depth.h"
#include "policies/postgres/identifier_list.h"
#include "policies/postgres/literal_sets.h"
#include "policies/postgres/raw_parser.h"

#include <algorithm>
#include <cmath>

namespace stepgate::policies::postgres
{
namespace
{

using ValueKind = SampleValue::Kind;
constexpr int deepest_trial = 100;          // of expressions inside each other; deeper ones are not computed
constexpr std::size_t most_constants = 200; // that rows are chosen by
constexpr std::size_t longest_text = 1000;  // of a literal that is tried

SampleValue negated(const SampleValue& value)
{
    return value.kind == ValueKind::boolean ? SampleValue::of(value.is_false()) : value;
}

/// AND; of the negated ones, OR.
SampleValue all_of(std::span<const SampleValue> values)
{
    SampleValue made = SampleValue::of(true);
    for (const SampleValue& one : values) {
        if (one.is_false())
            return one;
        if (made.is_true() || (made.is_null() && !one.is_true()))
            made = one.kind == ValueKind::boolean || one.is_null() ? one : SampleValue{};
    }
    return made;
}

SampleValue any_of(std::vector<SampleValue> values)
{
    std::ranges::transform(values, values.begin(), negated);
    return negated(all_of(values));
}

} // namespace

Truth RowTrial::judge(const ::Node* predicate, bool may_be_negated)
{
    for (const Untyped untyped : {Untyped::number, Untyped::text, Untyped::boolean}) {
        const auto truth = judge_as(predicate, untyped, may_be_negated);
        if (truth || typed_)
            return truth.value_or(depends);
    }
    return depends;
}

Truth RowTrial::judge_checked(const ::Node* predicate, bool may_be_negated)
{
    constexpr int parse_steps = 250;
    static_cast<void>(value(predicate)); // meets the columns
    const std::string checks = checks_of_columns();
    steps_left_ -= parse_steps + static_cast<int>(checks.size() / bytes_a_step);
    if (checks.empty() || steps_left_ <= 0)
        return depends;
    const RawParse parse{checks, true};
    if (!parse.good())
        return depends;
    const auto& select = as<::SelectStmt>(as<::RawStmt>(node_of(cells(parse.statements()).front())).stmt);
    checks_ = cells(select.targetList);
    const Truth truth = judge(predicate, may_be_negated);
    checks_ = {};
    return truth;
}

bool RowTrial::has_checks(const catalog::Relation& relation)
{
    return !relation.checks.empty() || std::ranges::any_of(relation.columns, &catalog::Column::counts);
}

/// Those that name one of the columns, as a SELECT; "": there is none. A column that counts by itself begins at 1.
std::string RowTrial::checks_of_columns() const
{
    std::string made;
    if (target_.described == nullptr)
        return made;
    const auto add = [&made](std::string_view check) { made.append(made.empty() ? "select " : ", ").append(check); };
    const auto met = [&](std::string_view text) {
        return std::ranges::any_of(columns_, [&](const Column& one) { return text.find(one.name) != text.npos; });
    };
    for (const std::string& check : target_.described->checks)
        if (met(check))
            add(check);
    for (const catalog::Column& column : target_.described->columns)
        if (column.counts && met(column.name))
            add(quoted_name(column.name) + " > 0");
    return made;
}

/// NULL is let in, as the server does; and so is what cannot be computed.
bool RowTrial::is_let_in()
{
    const bool asks_for_null = std::exchange(asks_for_null_, false);
    const bool none_false = std::ranges::none_of(
        checks_, [this](const ::ListCell& cell) { return value(as<::ResTarget>(node_of(cell)).val).is_false(); });
    asks_for_null_ = asks_for_null;
    return none_false;
}

/// `untyped`: what columns are whose type is not known. Nothing: it could not be computed.
std::optional<Truth> RowTrial::judge_as(const ::Node* predicate, Untyped untyped, bool may_be_negated)
{
    columns_.clear();
    static_cast<void>(value(predicate)); // meets the columns and constants
    static_cast<void>(is_let_in());
    if (steps_left_ <= 0 || numbers_.size() + texts_.size() > most_constants)
        return std::nullopt;
    typed_ = true;
    for (Column& column : columns_)
        choose_samples(column, untyped);
    if (steps_left_ <= 0)
        return std::nullopt;
    bool met = false; // a row
    bool held = false;
    bool failed = false;
    do {
        if (!is_let_in())
            continue;
        met = true;
        const SampleValue one = value(predicate);
        if (one.kind != ValueKind::boolean && !one.is_null())
            return std::nullopt;
        held = held || one.is_true();
        failed = failed || one.is_false() || (one.is_null() && !has_null());
        const bool neither = one.is_null() && asks_for_null_; // to leave those rows out may be what it is for
        if (neither || (failed && (held || !may_be_negated)))
            return depends;
    } while (next_row());
    return met ? Truth{held && !failed, !held} : depends;
}

/// The row that is tried.
bool RowTrial::has_null() const
{
    return std::ranges::any_of(columns_,
                               [](const Column& one) { return !one.samples.empty() && one.samples[one.at].is_null(); });
}

bool RowTrial::next_row()
{
    for (Column& column : columns_) {
        if (++column.at < column.samples.size())
            return true;
        column.at = 0;
    }
    return false;
}

/// What cannot be computed may be known otherwise.
SampleValue RowTrial::value(const ::Node* node)
{
    if (node == nullptr || depth_ >= deepest_trial || steps_left_ <= 0)
        return {};
    --steps_left_;
    const Depth depth{depth_};
    SampleValue made = computed(node);
    steps_left_ -= static_cast<int>(made.text.size() / bytes_a_step);
    const bool judged = tag_of(node) == T_A_Expr || tag_of(node) == T_SubLink;
    if (made.kind != ValueKind::unknown || !judged)
        return made;
    const auto found = known_.find(node);
    const Truth truth = found != known_.end() ? found->second : known_.emplace(node, otherwise_(node)).first->second;
    return truth.always == truth.never ? made : SampleValue::of(truth.always);
}

SampleValue RowTrial::computed(const ::Node* node)
{
    switch (tag_of(node)) {
    case T_A_Const:
        return literal(as<::A_Const>(node));
    case T_ColumnRef:
        return column(as<::ColumnRef>(node));
    case T_CollateClause:
        return value(as<::CollateClause>(node).arg);
    case T_TypeCast: {
        const auto& cast = as<::TypeCast>(node);
        const auto names = cells(cast.typeName->names);
        const bool plain = cells(cast.typeName->typmods).empty() && cells(cast.typeName->arrayBounds).empty();
        return plain && !names.empty() ? cast_to(text_of(node_of(names.back())), value(cast.arg)) : SampleValue{};
    }
    case T_A_Expr:
        return expression(as<::A_Expr>(node));
    case T_BoolExpr:
        return logic(as<::BoolExpr>(node));
    case T_NullTest:
        return null_test(as<::NullTest>(node));
    case T_BooleanTest:
        return truth_test(as<::BooleanTest>(node));
    case T_CaseExpr:
        return choice(as<::CaseExpr>(node));
    case T_CoalesceExpr:
        return first_known(as<::CoalesceExpr>(node).args);
    case T_MinMaxExpr:
        return most(as<::MinMaxExpr>(node));
    case T_RowExpr:
        return {ValueKind::row, 0, {}, values_of(as<::RowExpr>(node).args)};
    case T_FuncCall:
        return call(as<::FuncCall>(node));
    default:
        return {};
    }
}

SampleValue RowTrial::literal(const ::A_Const& value)
{
    literals_ = true;
    if (value.isnull)
        return SampleValue::null();
    switch (value.val.node.type) {
    case T_Integer:
        numbers_.insert(value.val.ival.ival);
        return SampleValue::of_number(value.val.ival.ival);
    case T_Float: {
        const long double number = std::strtold(value.val.fval.fval, nullptr);
        numbers_.insert(number);
        return SampleValue::of_number(number);
    }
    case T_Boolean:
        return SampleValue::of(value.val.boolval.boolval);
    case T_String: {
        const std::string_view text = view_of(value.val.sval.sval);
        return text.size() > longest_text ? SampleValue{} : quoted(text);
    }
    default:
        return {};
    }
}

/// Rows are chosen by it.
SampleValue RowTrial::quoted(std::string_view text)
{
    texts_.emplace(text);
    if (const SampleValue number = cast_to("numeric", SampleValue::of_text(text)); number.kind == ValueKind::number)
        numbers_.insert(number.number);
    SampleValue made = SampleValue::of_text(text);
    made.literal = true;
    return made;
}

bool RowTrial::is_whole_row(const ::ColumnRef& reference) const
{
    const auto fields = cells(reference.fields);
    const ::Node* const last = node_of(fields.back());
    if (tag_of(last) == T_A_Star)
        return fields.size() == 1 || text_of(node_of(fields[fields.size() - 2])) == target_.alias;
    const std::string_view name = text_of(last);
    return fields.size() == 1 && name == target_.alias &&
           (target_.described == nullptr || !has_column(*target_.described, name));
}

SampleValue RowTrial::column(const ::ColumnRef& reference)
{
    if (is_whole_row(reference))
        return {ValueKind::row, 0, {}, {}};
    const std::string_view name = values_.column_of_target(reference);
    const bool of_another = target_.described != nullptr && !target_.described->columns.empty() &&
                            !is_system_column(name) && !has_column(*target_.described, name);
    return name.empty() || of_another ? SampleValue{} : column(name);
}

SampleValue RowTrial::column(std::string_view name)
{
    const auto found = std::ranges::find(columns_, name, &Column::name);
    if (found != columns_.end())
        return found->samples.empty() ? SampleValue{} : found->samples[found->at];
    columns_.push_back({name, {}, 0});
    return {};
}

std::vector<SampleValue> RowTrial::values_of(const ::List* list)
{
    std::vector<SampleValue> made;
    for (const ::ListCell& cell : cells(list))
        made.push_back(value(node_of(cell)));
    return made;
}

SampleValue RowTrial::expression(const ::A_Expr& expression)
{
    const std::string_view name = operator_of(expression);
    switch (expression.kind) {
    case AEXPR_OP:
        if (expression.lexpr == nullptr) { // a sign
            const SampleValue operand = value(expression.rexpr);
            return name == "-"   ? operate("-", SampleValue::of_number(0), operand)
                   : name == "@" ? call_function("abs", {&operand, 1})
                   : name == "+" ? operand
                                 : SampleValue{};
        }
        if (name == "<@" || name == "@>")
            return name == "<@" ? in_range(expression.lexpr, expression.rexpr)
                                : in_range(expression.rexpr, expression.lexpr);
        return operate(name, value(expression.lexpr), value(expression.rexpr));
    case AEXPR_LIKE:
    case AEXPR_ILIKE:
        return matched(expression, name);
    case AEXPR_SIMILAR:
        return matched(expression, name.starts_with('!') ? "!~~" : "~~");
    case AEXPR_OP_ANY:
    case AEXPR_OP_ALL: {
        const bool all = expression.kind == AEXPR_OP_ALL;
        const auto* array = if_tag<::A_ArrayExpr>(without_casts(expression.rexpr), T_A_ArrayExpr);
        return array == nullptr ? with_any_of_text(expression, all) : with_any(expression, cells(array->elements), all);
    }
    case AEXPR_IN:
        return with_any(expression, cells(if_tag<::List>(expression.rexpr, T_List)), name == "<>");
    case AEXPR_DISTINCT:
    case AEXPR_NOT_DISTINCT: {
        asks_for_null_ = true;
        const SampleValue left = value(expression.lexpr);
        const SampleValue right = value(expression.rexpr);
        if (left.kind == ValueKind::unknown || right.kind == ValueKind::unknown)
            return {};
        const SampleValue equal = left.is_null() || right.is_null() ? SampleValue::of(left.is_null() == right.is_null())
                                                                    : operate("=", left, right);
        return expression.kind == AEXPR_DISTINCT ? negated(equal) : equal;
    }
    case AEXPR_NULLIF: {
        asks_for_null_ = true;
        const SampleValue left = value(expression.lexpr);
        const SampleValue equal = operate("=", left, value(expression.rexpr));
        return equal.is_unknown() ? equal : equal.is_true() ? SampleValue::null() : left;
    }
    case AEXPR_BETWEEN:
    case AEXPR_BETWEEN_SYM:
        return between(expression);
    case AEXPR_NOT_BETWEEN:
    case AEXPR_NOT_BETWEEN_SYM:
        return negated(between(expression));
    }
    return {};
}

/// x = ANY (ARRAY[..]), x IN (..); `all`: with each of them.
SampleValue RowTrial::with_any(const ::A_Expr& expression, std::span<const ::ListCell> items, bool all)
{
    const SampleValue left = value(expression.lexpr);
    std::vector<SampleValue> made;
    for (const ::ListCell& item : items)
        made.push_back(operate(operator_of(expression), left, value(node_of(item))));
    return all ? all_of(made) : any_of(std::move(made));
}

/// x = ANY ('{..}')
SampleValue RowTrial::with_any_of_text(const ::A_Expr& expression, bool all)
{
    const char* const text = literal_of(if_tag<::A_Const>(without_casts(expression.rexpr), T_A_Const));
    if (text == nullptr || view_of(text).size() > longest_text)
        return {};
    literals_ = true;
    const auto items = array_items(text);
    if (!items)
        return {};
    const SampleValue left = value(expression.lexpr);
    std::vector<SampleValue> made;
    for (const auto& item : *items)
        made.push_back(operate(operator_of(expression), left, item ? quoted(*item) : SampleValue::null()));
    return all ? all_of(made) : any_of(std::move(made));
}

/// x <@ '[1,)'
SampleValue RowTrial::in_range(const ::Node* element, const ::Node* range)
{
    const char* const text = literal_of(if_tag<::A_Const>(without_casts(range), T_A_Const));
    literals_ = literals_ || text != nullptr;
    const SampleValue left = value(element);
    const auto bounds = text == nullptr ? std::nullopt : range_of(view_of(text).substr(0, longest_text));
    if (!bounds || left.kind == ValueKind::text)
        return {};
    std::vector<SampleValue> made;
    if (bounds->low)
        made.push_back(operate(bounds->with_low ? ">=" : ">", left, quoted(*bounds->low)));
    if (bounds->high)
        made.push_back(operate(bounds->with_high ? "<=" : "<", left, quoted(*bounds->high)));
    return left.is_null() ? left : all_of(made);
}

/// A bound of BETWEEN; of one that cannot be computed something may be known.
SampleValue RowTrial::bounded(const ::A_Expr& between, std::string& name, const ::Node* bound)
{
    SampleValue made = operate(name, value(between.lexpr), value(bound));
    if (made.kind != ValueKind::unknown || tag_of(bound) != T_SubLink)
        return made;
    const ::Node* const query = as<::SubLink>(bound).subselect; // the bound alone is known by its own node
    const auto found = known_.find(query);
    if (found == known_.end()) {
        ::String word{T_String, name.data()};
        ::ListCell cell{};
        cell.ptr_value = &word;
        ::List words{T_List, 1, 1, &cell};
        ::A_Expr comparison = between;
        comparison.kind = AEXPR_OP;
        comparison.name = &words;
        comparison.rexpr = const_cast<::Node*>(bound);
        known_.emplace(query, otherwise_(reinterpret_cast<const ::Node*>(&comparison)));
    }
    const Truth truth = known_.at(query);
    return truth.always == truth.never ? made : SampleValue::of(truth.always);
}

SampleValue RowTrial::between(const ::A_Expr& expression)
{
    const auto bounds = cells(if_tag<::List>(expression.rexpr, T_List));
    if (bounds.size() != 2)
        return {};
    const ::Node* const low = node_of(bounds[0]);
    const ::Node* const high = node_of(bounds[1]);
    std::string from{">="}, to{"<="};
    if (expression.kind == AEXPR_BETWEEN || expression.kind == AEXPR_NOT_BETWEEN)
        return all_of(std::vector{bounded(expression, from, low), bounded(expression, to, high)});
    const SampleValue middle = value(expression.lexpr);
    const SampleValue one = value(low), other = value(high);
    const auto within = [&](const SampleValue& least, const SampleValue& greatest) {
        return all_of(std::vector{operate(from, middle, least), operate(to, middle, greatest)});
    };
    return any_of({within(one, other), within(other, one)});
}

/// LIKE and SIMILAR TO, with the functions that the grammar puts around patterns.
SampleValue RowTrial::matched(const ::A_Expr& expression, std::string_view name)
{
    const ::Node* pattern = expression.rexpr;
    const auto* escape = if_tag<::FuncCall>(pattern, T_FuncCall);
    const std::string_view called = escape == nullptr ? "" : text_of(node_of(cells(escape->funcname).back()));
    const bool similar = called == "similar_to_escape";
    if (similar || called == "like_escape")
        pattern = node_of(cells(escape->args).front());
    const SampleValue left = value(expression.lexpr);
    const SampleValue right = value(pattern);
    constexpr std::string_view special_there = "\\*+?{}()[]|^$.!#";
    if (pattern != expression.rexpr && right.text.find_first_of(special_there) != std::string::npos)
        return {};
    return operate(name, left, right);
}

SampleValue RowTrial::logic(const ::BoolExpr& expression)
{
    auto arms = values_of(expression.args);
    switch (expression.boolop) {
    case AND_EXPR:
        return all_of(arms);
    case OR_EXPR:
        return any_of(std::move(arms));
    case NOT_EXPR:
        return negated(arms.front());
    }
    return {};
}

/// The fields that a test for NULL looks at; `known`: the expression is a row, and these are they.
std::vector<SampleValue> RowTrial::parts_of(const ::Node* row, bool& known)
{
    known = true;
    if (const auto* written = if_tag<::RowExpr>(row, T_RowExpr))
        return values_of(written->args);
    std::vector<SampleValue> made;
    const auto* reference = if_tag<::ColumnRef>(row, T_ColumnRef);
    known = reference != nullptr && target_.described != nullptr && is_whole_row(*reference);
    if (known)
        for (const catalog::Column& one : target_.described->columns)
            made.push_back({one.not_null ? ValueKind::something : ValueKind::unknown, 0, {}, {}});
    return made;
}

/// Of a row, all of its fields are asked (PostgreSQL manual 9.2).
SampleValue RowTrial::null_test(const ::NullTest& test)
{
    asks_for_null_ = true;
    bool known = false;
    auto parts = parts_of(reinterpret_cast<const ::Node*>(test.arg), known);
    if (!known) {
        const auto* reference = if_tag<::ColumnRef>(test.arg, T_ColumnRef);
        if (reference != nullptr && is_whole_row(*reference))
            return {};
        parts = {value(reinterpret_cast<const ::Node*>(test.arg))};
    }
    for (SampleValue& one : parts)
        one = one.kind == ValueKind::unknown ? SampleValue{}
                                             : SampleValue::of(one.is_null() == (test.nulltesttype == IS_NULL));
    return all_of(parts);
}

SampleValue RowTrial::truth_test(const ::BooleanTest& test)
{
    const SampleValue inner = value(reinterpret_cast<const ::Node*>(test.arg));
    if (inner.kind != ValueKind::boolean && !inner.is_null())
        return {};
    switch (test.booltesttype) {
    case IS_TRUE:
        return SampleValue::of(inner.is_true());
    case IS_NOT_TRUE:
        return SampleValue::of(!inner.is_true());
    case IS_FALSE:
        return SampleValue::of(inner.is_false());
    case IS_NOT_FALSE:
        return SampleValue::of(!inner.is_false());
    case IS_UNKNOWN:
        return SampleValue::of(inner.is_null());
    case IS_NOT_UNKNOWN:
        return SampleValue::of(!inner.is_null());
    }
    return {};
}

/// All is computed, so that all columns and constants are met.
SampleValue RowTrial::choice(const ::CaseExpr& expression)
{
    const auto* of = reinterpret_cast<const ::Node*>(expression.arg);
    const SampleValue compared = of == nullptr ? SampleValue{} : value(of);
    SampleValue made;
    bool decided = false;
    for (const ::ListCell& cell : cells(expression.args)) {
        const auto& when = as<::CaseWhen>(node_of(cell));
        SampleValue met = value(reinterpret_cast<const ::Node*>(when.expr));
        if (of != nullptr)
            met = operate("=", compared, met);
        const SampleValue result = value(reinterpret_cast<const ::Node*>(when.result));
        if (decided || met.is_false() || met.is_null())
            continue;
        made = met.is_true() ? result : SampleValue{};
        decided = true;
    }
    const SampleValue otherwise = expression.defresult == nullptr
                                      ? SampleValue::null()
                                      : value(reinterpret_cast<const ::Node*>(expression.defresult));
    return decided ? made : otherwise;
}

SampleValue RowTrial::first_known(const ::List* list)
{
    for (SampleValue& one : values_of(list))
        if (!one.is_null())
            return one;
    return SampleValue::null();
}

SampleValue RowTrial::most(const ::MinMaxExpr& expression)
{
    SampleValue made = SampleValue::null();
    for (SampleValue& one : values_of(expression.args)) {
        if (one.is_null())
            continue;
        const auto by = made.is_null() ? std::optional{0} : order(one, made);
        if (!by || one.is_unknown())
            return {};
        if (made.is_null() || (expression.op == IS_GREATEST ? *by > 0 : *by < 0))
            made = std::move(one);
    }
    return made;
}

SampleValue RowTrial::call(const ::FuncCall& call)
{
    if (call.agg_star || call.agg_within_group || call.func_variadic || call.over != nullptr || call.args == nullptr)
        return {};
    return call_function(text_of(node_of(cells(call.funcname).back())), values_of(call.args));
}

} // namespace stepgate::policies::postgres
