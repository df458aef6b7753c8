#include "policies/mysql/expression.h"

#include "policies/statement/ascii.h"

#include <array>
#include <utility>

namespace stepgate::policies::mysql
{
namespace
{

using Form = Expression::Form;

constexpr std::uint64_t and_seed = 11, or_seed = 12, not_seed = 13, compare_seed = 14, like_seed = 15;

bool is_null_test(const Expression& expression)
{
    return expression.form == Form::is_null || expression.form == Form::is_not_null;
}

bool are_opposite(Symbol one, Symbol other)
{
    static constexpr std::array pairs{
        std::pair{symbol('='), Symbol::not_equal},
        std::pair{Symbol::not_equal, symbol('=')},
        std::pair{symbol('<'), Symbol::greater_equal},
        std::pair{Symbol::greater_equal, symbol('<')},
        std::pair{symbol('>'), Symbol::less_equal},
        std::pair{Symbol::less_equal, symbol('>')},
        std::pair{Symbol::less_equal, Symbol::greater_equal},
        std::pair{Symbol::greater_equal, Symbol::less_equal},
    };
    for (const auto& pair : pairs)
        if (pair.first == one && pair.second == other)
            return true;
    return false;
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

/// A predicate that reads no column is the same for every row, whichever it is.
Expression settled(Expression made)
{
    if (!made.reads)
        made.always = made.never = true;
    return made;
}

} // namespace

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
    made.shape = mix(mix(left.shape, what), right.shape);
    made.value = mix(mix(left.value, what), right.value);
    return settled(made);
}

bool same(const Expression& left, const Expression& right, bool& literals)
{
    return equal(left.shape, left.value, right.shape, right.value, left.literal || right.literal, literals);
}

Expression compared(const Expression& left, Symbol op, const Expression& right, bool& literals)
{
    Expression made = combined(left, mix(compare_seed, static_cast<std::uint64_t>(op)), right);
    made.form = Form::comparison;
    made.op = op;
    made.left = left.value;
    made.left_shape = left.shape;
    made.right = right.value;
    made.right_shape = right.shape;
    if (!made.reads)
        return made;
    const bool itself = same(left, right, literals);
    const bool strict = op == Symbol::not_equal || op == symbol('<') || op == symbol('>');
    made.always = itself && !strict;
    made.never = itself && strict;
    // (x = x) = 1 and the like
    if (!itself && op == symbol('=')) {
        made.always = (left.always && !right.reads) || (right.always && !left.reads);
        made.never = false;
    }
    return made;
}

Expression matched(const Expression& left, bool negative, const Expression& right, bool& literals)
{
    Expression made = compared(left, negative ? Symbol::not_equal : symbol('='), right, literals);
    made.like = true;
    made.shape = mix(made.shape, like_seed);
    made.value = mix(made.value, like_seed);
    if (right.form == Form::text && made.reads) {
        literals = true;
        made.always = made.always || (right.everything && !negative);
        made.never = made.never || (right.everything && negative);
    }
    return made;
}

Expression negated(const Expression& inner)
{
    Expression made;
    made.form = Form::negation;
    made.reads = inner.reads;
    made.literal = inner.literal;
    made.always = inner.never;
    made.never = inner.always;
    made.left = inner.value;
    made.left_shape = inner.shape;
    made.shape = mix(inner.shape, not_seed);
    made.value = mix(inner.value, not_seed);
    return made;
}

Expression both(const Expression& left, const Expression& right)
{
    Expression made = combined(left, and_seed, right);
    made.always = left.always && right.always;
    made.never = left.never || right.never;
    return made;
}

Expression either(const Expression& left, const Expression& right)
{
    Expression made = combined(left, or_seed, right);
    made.always = left.always || right.always;
    made.never = left.never && right.never;
    return made;
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
