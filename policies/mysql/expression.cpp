#include "policies/mysql/expression.h"

#include "policies/mysql/operators.h"
#include "policies/statement/ascii.h"

#include <optional>
#include <utility>

namespace stepgate::policies::mysql
{
namespace
{

using Form = Expression::Form;

constexpr std::uint64_t and_seed = 11, or_seed = 12, not_seed = 13, compare_seed = 14, like_seed = 15, xor_seed = 16;

bool is_null_test(const Expression& expression)
{
    return expression.form == Form::is_null || expression.form == Form::is_not_null;
}

Symbol opposite_of(Symbol op)
{
    switch (op) {
    case Symbol::equal:
        return Symbol::not_equal;
    case Symbol::not_equal:
        return Symbol::equal;
    case Symbol::less:
        return Symbol::greater_equal;
    case Symbol::greater_equal:
        return Symbol::less;
    case Symbol::greater:
        return Symbol::less_equal;
    case Symbol::less_equal:
        return Symbol::greater;
    default:
        return op;
    }
}

/// One of the two holds for any values but NULL.
bool are_opposite(Symbol one, Symbol other)
{
    const bool meet = (one == Symbol::less_equal && other == Symbol::greater_equal) ||
                      (one == Symbol::greater_equal && other == Symbol::less_equal);
    return meet || (one != other && opposite_of(one) == other);
}

/// Whatever is not negative is `op` such a number; `swapped`: the number is. `from_one`: it is no less than 1.
bool is_below(const Expression& number, Symbol op, bool swapped, bool from_one)
{
    using Neutral = Expression::Neutral;
    const bool zero = number.neutral == Neutral::zero, negative = number.neutral == Neutral::negative;
    const bool less = negative || (zero && from_one);
    const bool no_more = less || zero || (number.neutral == Neutral::one && from_one);
    const Symbol or_equal = swapped ? Symbol::less_equal : Symbol::greater_equal;
    const Symbol strictly = swapped ? Symbol::less : Symbol::greater;
    return (no_more && op == or_equal) || (less && (op == strictly || op == Symbol::not_equal));
}

/// id and id + 1: they compare alike for every row.
bool beside_itself(const Expression& column, const Expression& other, bool& literals)
{
    const bool beside = column.form == Form::column && other.core_shape == column.shape;
    literals = literals || (beside && other.core_literal);
    return beside && other.shifted;
}

/// Whether the values are the same, noting that it hung on a literal where the shapes alone do not part them.
bool equal(std::uint64_t one_shape, std::uint64_t one, std::uint64_t other_shape, std::uint64_t other, bool literal,
           bool& literals)
{
    if (one_shape != other_shape)
        return false;
    literals = literals || literal;
    return one == other;
}

/// 0 or 1 where that is the value of a predicate whatever the row.
std::optional<int> truth_of(const Expression& one)
{
    const bool predicate = one.form == Form::comparison || one.form == Form::negation || is_null_test(one);
    if (!predicate || !one.reads || one.always == one.never)
        return std::nullopt;
    return one.always ? 1 : 0;
}

/// Of literals as far as it matters beside 0 and 1: all negative numbers are alike, and all from 2 on.
std::optional<int> number_of(const Expression& literal)
{
    switch (literal.neutral) {
    case Expression::Neutral::zero:
        return 0;
    case Expression::Neutral::one:
        return 1;
    case Expression::Neutral::negative:
        return -1;
    case Expression::Neutral::more:
        return 2;
    case Expression::Neutral::none:
    case Expression::Neutral::empty:
        break;
    }
    return std::nullopt;
}

bool holds(int one, Symbol op, int other)
{
    switch (op) {
    case Symbol::equal:
        return one == other;
    case Symbol::not_equal:
        return one != other;
    case Symbol::less:
        return one < other;
    case Symbol::less_equal:
        return one <= other;
    case Symbol::greater:
        return one > other;
    case Symbol::greater_equal:
        return one >= other;
    default:
        return false;
    }
}

Formula formula_of(const Expression& one)
{
    if (one.always != one.never)
        return Formula::constant(one.always);
    if (one.reads && (one.span.never_zero() || one.span.always_zero()))
        return Formula::constant(one.span.never_zero());
    return one.formula.known() ? one.formula : Formula::part(one.shape, one.value);
}

/// The same where it may be a number.
Formula formula_of_value(const Expression& one, bool& literals)
{
    if (one.reads)
        return formula_of(one);
    literals = literals || one.literal;
    const auto number = number_of(one);
    if (!number && !one.span.never_zero())
        return formula_of(one);
    return Formula::constant(number != 0);
}

/// Its parts are =, < and <= of one order of the operands.
Formula formula_of(const Expression& left, Symbol op, const Expression& right)
{
    const bool swapped = left.shape != right.shape ? left.shape > right.shape : left.value > right.value;
    const Expression& one = swapped ? right : left;
    const Expression& other = swapped ? left : right;
    const Symbol way = swapped ? mirrored(op) : op;
    const bool negative = way == Symbol::not_equal || way == Symbol::greater_equal || way == Symbol::greater;
    const auto what = static_cast<std::uint64_t>(negative ? opposite_of(way) : way);
    const auto part = Formula::part(mix(mix(one.shape, what), other.shape), mix(mix(one.value, what), other.value));
    return negative ? ~part : part;
}

/// Of values that are 0 or 1.
Formula formula_of(const Formula& left, Symbol op, const Formula& right)
{
    switch (op) {
    case Symbol::equal:
        return ~(left ^ right);
    case Symbol::not_equal:
        return left ^ right;
    case Symbol::less:
        return ~left & right;
    case Symbol::less_equal:
        return ~left | right;
    case Symbol::greater:
        return left & ~right;
    case Symbol::greater_equal:
        return left | ~right;
    default:
        return {};
    }
}

/// Of one that is 0 or 1, beside a number as `number_of` knows it.
Formula formula_of(const Formula& truth, Symbol op, int number)
{
    const auto where = [&](int value) { return Formula::constant(holds(value, op, number)); };
    return (truth & where(1)) | (~truth & where(0));
}

/// Of a constant, where it is certain: 1 / 0 and variables are not.
std::optional<bool> certain(const Expression& constant, bool& literals)
{
    if (constant.reads)
        return std::nullopt;
    literals = literals || constant.literal;
    const auto number = number_of(constant);
    return number ? std::optional{*number != 0} : constant.formula.value();
}

/// Always and never, where the formula says so.
void conclude(Expression& made, bool& literals)
{
    made.truth = true;
    if (!made.reads)
        return;
    const auto value = made.formula.value();
    if (value)
        (*value ? made.always : made.never) = true;
    literals = literals || (made.literal && (value || made.formula.hangs_on_literals()));
}

/// It is no more, or no less, than what it is compared with.
bool is_limit_of(const Expression& one, Symbol op, const Expression& other, bool& literals)
{
    return other.limit != Symbol::none && mirrored(op) == other.limit &&
           equal(one.shape, one.value, other.limit_shape, other.limited, one.literal, literals);
}

/// A column of texts beside '', before which none comes.
bool is_no_less(const Expression& column, Symbol op, const Expression& other, bool& literals)
{
    const bool texts = column.form == Form::column && column.span.converted && column.span.always_zero();
    if (!texts || other.form != Form::text || op != Symbol::greater_equal)
        return false;
    literals = true;
    return other.neutral == Expression::Neutral::empty;
}

/// A predicate that reads no column is the same for every row, whichever it is.
Expression settled(Expression made)
{
    if (!made.reads)
        made.always = made.never = true;
    return made;
}

} // namespace

Symbol mirrored(Symbol op)
{
    switch (op) {
    case Symbol::less:
        return Symbol::greater;
    case Symbol::greater:
        return Symbol::less;
    case Symbol::less_equal:
        return Symbol::greater_equal;
    case Symbol::greater_equal:
        return Symbol::less_equal;
    default:
        return op;
    }
}

bool may_decide(const Expression& one, const Expression& literal)
{
    return one.span.known && literal.literal && !(one.span.converted && literal.form == Form::text);
}

std::uint64_t hash_of(std::string_view text)
{
    std::uint64_t value = text.size();
    for (const char c : text)
        value = (value ^ static_cast<unsigned char>(lower(c))) * 0x100000001b3ULL;
    return mix(value, 1);
}

std::uint64_t exact_hash_of(std::string_view text)
{
    std::uint64_t value = text.size();
    for (const char c : text)
        value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    return mix(value, 2);
}

Expression combined(const Expression& left, std::uint64_t what, const Expression& right)
{
    Expression made;
    made.reads = left.reads || right.reads;
    made.literal = left.literal || right.literal;
    set_touches(made, left.touches || right.touches);
    made.paired = left.paired || right.paired;
    made.not_null = left.not_null && right.not_null;
    made.shape = mix(mix(left.shape, what), right.shape);
    made.value = mix(mix(left.value, what), right.value);
    return settled(made);
}

bool same(const Expression& left, const Expression& right, bool& literals)
{
    const bool literal = left.literal || right.literal;
    if (equal(left.shape, left.value, right.shape, right.value, literal, literals))
        return true;
    if (left.core_shape == 0 && right.core_shape == 0)
        return false;
    const auto shape = [](const Expression& side) { return side.core_shape != 0 ? side.core_shape : side.shape; };
    const auto value = [](const Expression& side) { return side.core_shape != 0 ? side.core : side.value; };
    const bool alike = equal(shape(left), value(left), shape(right), value(right),
                             literal || left.core_literal || right.core_literal, literals);
    return alike && value(left) != 0;
}

void take_core(Expression& made, const Expression& inner)
{
    made.core_shape = inner.core_shape != 0 ? inner.core_shape : inner.shape;
    made.core = inner.core_shape != 0 ? inner.core : inner.value;
    made.core_literal = inner.core_literal;
}

void keep_core(Expression& made, const Expression& left, Symbol op, const Expression& right)
{
    using Neutral = Expression::Neutral;
    const bool behind = right.literal && !right.reads;
    const Expression& operand = behind ? right : left;
    if (operand.reads || operand.form == Form::comparison || !made.reads || !operand.literal)
        return;
    take_core(made, behind ? left : right);
    made.core_literal = true;
    made.shifted = (op == Symbol::plus || (op == Symbol::minus && behind)) &&
                   (behind ? left : right).form == Form::column && operand.neutral != Neutral::zero;
    bool neutral = false;
    if (op == Symbol::plus || op == Symbol::pipe || op == Symbol::caret)
        neutral = operand.neutral == Neutral::zero;
    else if (op == Symbol::minus || op == Symbol::shift_left || op == Symbol::shift_right)
        neutral = behind && operand.neutral == Neutral::zero;
    else if (op == Symbol::star)
        neutral = operand.neutral == Neutral::one;
    else if (op == Symbol::slash)
        neutral = behind && operand.neutral == Neutral::one;
    else if (op == Symbol::or_or)
        neutral = operand.neutral == Neutral::empty;
    if (!neutral)
        made.core = 0;
}

void settle(Expression& made, const Expression& left, Symbol op, const Expression& right, bool& literals)
{
    using Neutral = Expression::Neutral;
    const bool cancels = op == Symbol::minus || op == Symbol::caret || op == Symbol::slash || op == Symbol::percent;
    const bool absorbs = op == Symbol::star || op == Symbol::ampersand;
    const bool squares = op == Symbol::star && same(left, right, literals);
    const bool bits = op == Symbol::ampersand || op == Symbol::pipe || op == Symbol::caret ||
                      op == Symbol::shift_left || op == Symbol::shift_right; // unsigned
    made.not_negative = squares || bits;
    const bool zero = left.neutral == Neutral::zero || right.neutral == Neutral::zero;
    literals = literals || (absorbs && (left.literal || right.literal));
    made.span = calculated(left.span, op, right.span);
    literals = literals || may_decide(left, right) || may_decide(right, left);
    if ((op == Symbol::ampersand || op == Symbol::pipe) && made.reads && same(left, right, literals))
        take_core(made, left);
    if ((cancels && same(left, right, literals)) || (absorbs && zero)) {
        made.span = op == Symbol::slash ? Span{} : Span::up_to(0);
        made.reads = false;
        made.always = made.never = true;
    }
}

void keep_sides(Expression& made, const Expression& left, Symbol op, const Expression& right)
{
    made.form = Form::comparison;
    made.op = op;
    made.left = left.value;
    made.left_shape = left.shape;
    made.right = right.value;
    made.right_shape = right.shape;
}

/// Of two literals, as far as it is certain.
Formula of_constants(const Expression& left, Symbol op, const Expression& right)
{
    const auto one = number_of(left), other = number_of(right);
    const bool more = one == 2 && other == 2;
    if (!left.literal || !right.literal)
        return {};
    if (left.value == right.value)
        return Formula::constant(op == Symbol::equal || op == Symbol::less_equal || op == Symbol::greater_equal);
    if (more && (op == Symbol::equal || op == Symbol::not_equal))
        return Formula::constant(op == Symbol::not_equal);
    return one && other && !more ? Formula::constant(holds(*one, op, *other)) : Formula{};
}

Expression compared(const Expression& left, Symbol op, const Expression& right, bool& literals)
{
    Expression made = combined(left, mix(compare_seed, static_cast<std::uint64_t>(op)), right);
    keep_sides(made, left, op, right);
    made.not_negative = true; // 0 or 1
    made.truth = true;
    if (!made.reads) {
        made.formula = of_constants(left, op, right);
        return made;
    }
    const auto is_plain = [](const Expression& one) { return one.form == Form::column && !one.span.converted; };
    const bool plain_column = op == Symbol::equal && (is_plain(left) || is_plain(right));
    const auto one_number = left.reads ? std::nullopt : number_of(left);
    const auto other_number = right.reads ? std::nullopt : number_of(right);
    literals = literals || (left.truth && right.literal) || (right.truth && left.literal);
    const bool may_fail = may_decide(left, right) || may_decide(right, left);
    if (left.truth && other_number)
        made.formula = formula_of(formula_of(left), op, *other_number);
    else if (right.truth && one_number)
        made.formula = formula_of(formula_of(right), mirrored(op), *one_number);
    else if (left.truth && right.truth)
        made.formula = formula_of(formula_of(left), op, formula_of(right));
    else
        made.formula =
            formula_of(left, op, right)
                .that_fails(plain_column && decided(left.span, op, right.span) == false, plain_column && may_fail);
    conclude(made, literals);
    const bool itself = same(left, right, literals);
    const bool strict = op == Symbol::not_equal || op == symbol('<') || op == symbol('>');
    made.always = made.always || (itself && !strict) || is_limit_of(left, op, right, literals) ||
                  is_limit_of(right, mirrored(op), left, literals) || is_no_less(left, op, right, literals) ||
                  is_no_less(right, mirrored(op), left, literals);
    made.never = made.never || (itself && strict);
    if (beside_itself(left, right, literals) || beside_itself(right, left, literals)) {
        made.always = op != symbol('=');
        made.never = op != Symbol::not_equal;
        return made;
    }
    if ((left.not_negative || right.not_negative) && !plain_column) { // id = 5 is of one row, whatever the number
        literals = literals || left.literal || right.literal;
        const bool swapped = !left.not_negative;
        const Expression& number = swapped ? left : right;
        const bool from_one = (swapped ? right : left).counts;
        const bool kept = is_below(number, op, swapped, from_one);
        const bool lost = is_below(number, opposite_of(op), swapped, from_one);
        made.always = made.always || kept;
        made.never = made.never || lost;
    }
    // (x = x) = 1 and the like
    if (!itself && op == symbol('=')) {
        made.always = made.always || (left.always && !right.reads) || (right.always && !left.reads);
        made.never = false;
        const bool fails = (left.never && right.neutral == Expression::Neutral::zero) ||
                           (right.never && left.neutral == Expression::Neutral::zero);
        literals = literals || fails;
        made.always = made.always || fails;
    }
    // (x IS NULL) < 1 and the like
    const auto truth = truth_of(left);
    const auto one = truth ? truth : number_of(left);
    const auto other = truth ? number_of(right) : truth_of(right);
    if (!itself && (truth || other) && (left.literal || right.literal)) {
        literals = true;
        if (one && other) {
            made.always = holds(*one, op, *other);
            made.never = !made.always;
        }
    }
    literals = literals || (!plain_column && may_fail);
    if (left.span.known && right.span.known && !plain_column) {
        const auto known = decided(left.span, op, right.span);
        made.always = made.always || known == true;
        made.never = made.never || known == false;
    }
    return made;
}

Expression matched(const Expression& left, bool negative, const Expression& right, bool& literals)
{
    Expression one = left, other = right;
    one.span = other.span = {}; // numbers are texts here
    Expression made = compared(one, negative ? Symbol::not_equal : symbol('='), other, literals);
    made.like = true;
    made.shape = mix(made.shape, like_seed);
    made.value = mix(made.value, like_seed);
    if ((right.form == Form::text || right.literal) && made.reads && !right.reads) {
        literals = true;
        made.always = made.always || (right.everything && !negative);
        made.never = made.never || (right.everything && negative);
    }
    return made;
}

Expression negated(const Expression& inner, bool& literals)
{
    Expression made;
    made.form = Form::negation;
    made.reads = inner.reads;
    made.literal = inner.literal;
    made.not_null = inner.not_null;
    made.always = inner.never;
    made.never = inner.always;
    made.touches = inner.touches;
    made.fixed = inner.fixed || (inner.never && !inner.paired);
    made.paired = inner.paired;
    made.formula = ~formula_of(inner);
    conclude(made, literals);
    made.left = inner.value;
    made.left_shape = inner.shape;
    made.shape = mix(inner.shape, not_seed);
    made.value = mix(inner.value, not_seed);
    return made;
}

/// A constant is taken for one that leaves the other side as it is; under a NOT for one that does not, unless that is
/// certain.
Expression both(const Expression& left, const Expression& right, bool& literals)
{
    Expression made = combined(left, and_seed, right);
    made.fixed = is_all_or_none(left) && is_all_or_none(right);
    if (!made.reads) {
        made.formula = formula_of_value(left, literals) & formula_of_value(right, literals);
        return made;
    }
    made.always = left.always && right.always;
    made.never = (left.never && certain(left, literals) != true) || (right.never && certain(right, literals) != true);
    made.formula = !left.reads    ? formula_of(right)
                   : !right.reads ? formula_of(left)
                                  : formula_of(left) & formula_of(right);
    conclude(made, literals);
    return made;
}

Expression either(const Expression& left, const Expression& right, bool& literals)
{
    Expression made = combined(left, or_seed, right);
    made.formula = formula_of_value(left, literals) | formula_of_value(right, literals);
    made.fixed = is_all_or_none(left) || is_all_or_none(right); // `never` is no proof: 1 / 0 is NULL
    if (!made.reads)
        return made;
    const bool left_fails = certain(left, literals) == false, right_fails = certain(right, literals) == false;
    if (left_fails || right_fails)
        made.fixed = is_all_or_none(left_fails ? right : left);
    made.always = (left.always && !left_fails) || (right.always && !right_fails);
    made.never = left.never && right.never;
    conclude(made, literals);
    return made;
}

Expression one_of(const Expression& left, const Expression& right, bool& literals)
{
    Expression made = combined(left, xor_seed, right);
    made.fixed = is_all_or_none(left) && is_all_or_none(right);
    made.formula = formula_of_value(left, literals) ^ formula_of_value(right, literals);
    conclude(made, literals);
    return made;
}

/// What a constant predicate comes to is not known: that it holds.
Formula Choice::formula_of_arm(const Expression& value) const
{
    const bool predicate = !value.reads && value.truth && !number_of(value);
    return predicate && !value.formula.value() ? Formula::constant(true) : formula_of_value(value, literals_);
}

void Choice::arm(const Expression& condition, const Expression& value)
{
    const Formula taken = formula_of_value(condition, literals_);
    holds_ = holds_ | (before_ & taken & formula_of_arm(value));
    before_ = before_ & ~taken;
    truth_ = truth_ && value.truth;
}

void Choice::rest(const Expression& value)
{
    holds_ = holds_ | (before_ & formula_of_arm(value));
    truth_ = truth_ && value.truth;
}

void Choice::give_to(Expression& made) const
{
    made.formula = holds_;
    conclude(made, literals_);
    made.truth = truth_;
}

bool is_false(const Expression& one, bool& literals)
{
    if (one.reads)
        return one.never && !one.always;
    const bool zero = one.neutral == Expression::Neutral::zero || one.formula.value() == false;
    literals = literals || (one.literal && one.form != Form::column);
    return zero;
}

Expression null_test(const Expression& left, bool negative)
{
    Expression made = left;
    made.fixed = is_all_or_none(left);
    made.form = negative ? Form::is_not_null : Form::is_null;
    made.left = left.value;
    made.left_shape = left.shape;
    made.shape = mix(mix(left.shape, null_seed), negative);
    made.value = mix(mix(left.value, null_seed), negative);
    const auto part = Formula::part(mix(left.shape, null_seed), mix(left.value, null_seed));
    made.formula = left.plain ? Formula::constant(negative) : negative ? ~part : part;
    made.truth = true;
    made.plain = false;
    made.neutral = Expression::Neutral::none;
    made.limit = Symbol::none;
    made.core_shape = 0;
    made.span = {};
    // `not_null` says too much of constants: 1 / 0 is NULL, and '' in a mode of MariaDB.
    made.always = (negative && left.not_null) || !left.reads;
    made.never = (!negative && left.not_null) || !left.reads;
    made.not_null = true;
    return made;
}

Expression common(const Expression& one, const Expression& other, bool& literals)
{
    if (one.shape != 0 && other.shape != 0 && same(one, other, literals))
        return one;
    Expression made;
    made.reads = one.reads && other.reads; // a literal is as it is, and another one is not
    made.paired = one.paired || other.paired;
    made.always = made.reads && one.always && other.always;
    made.never = made.reads && one.never && other.never;
    return made;
}

void take_arms(Expression& made, const Expression& arms)
{
    if (!made.reads)
        return;
    made.always = arms.always;
    made.never = arms.never;
    made.paired = made.paired || arms.paired;
    if (arms.shape != 0)
        take_core(made, arms);
}

bool opposite(const Expression& left, const Expression& right, bool& literals)
{
    const bool literal = left.literal || right.literal;
    if (left.form == Form::negation && equal(left.left_shape, left.left, right.shape, right.value, literal, literals))
        return true;
    if (right.form == Form::negation && equal(right.left_shape, right.left, left.shape, left.value, literal, literals))
        return true;
    const auto same_left = [&] {
        return equal(left.left_shape, left.left, right.left_shape, right.left, literal, literals);
    };
    if (is_null_test(left) && is_null_test(right))
        return left.form != right.form && same_left();
    if (left.form != Form::comparison || right.form != Form::comparison || left.like != right.like)
        return false;
    return are_opposite(left.op, right.op) && same_left() &&
           equal(left.right_shape, left.right, right.right_shape, right.right, literal, literals);
}

} // namespace stepgate::policies::mysql
