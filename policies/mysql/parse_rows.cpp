#include "policies/mysql/operators.h"
#include "policies/mysql/parser.h"
#include "policies/statement/ascii.h"

#include <algorithm>

namespace stepgate::policies::mysql
{
namespace
{

/// NULL, as primary_word() reads it.
bool is_null_word(const Expression& one)
{
    static const std::uint64_t null = hash_of("null");
    return !one.reads && one.value == mix(null, value_seed);
}

/// Without "or equal".
Symbol strictly(Symbol op)
{
    return op == Symbol::less_equal ? Symbol::less : op == Symbol::greater_equal ? Symbol::greater : op;
}

Symbol or_equal(Symbol op)
{
    return op == Symbol::less ? Symbol::less_equal : op == Symbol::greater ? Symbol::greater_equal : op;
}

/// Of < and its like: what holds where it does not.
Symbol other_way(Symbol op)
{
    const Symbol way = mirrored(op);
    return way == strictly(way) ? or_equal(way) : strictly(way);
}

} // namespace

/// (a, b): the parts are kept while it is compared. More than a few rows have no parts.
void Parser::rest_of_row(Expression& row)
{
    constexpr std::size_t most_columns = 8, most_parts = 256;
    std::vector<Expression> parts{row};
    while (accept(',')) {
        const Expression next = whole_query(expression());
        if (parts.size() <= most_columns)
            parts.push_back(next);
        row = combined(row, row_seed, next);
        row.always = row.never = !row.reads;
    }
    if (!judging_ || parts.size() > most_columns || rows_.size() + parts.size() > most_parts)
        return;
    row.row = static_cast<std::uint16_t>(rows_.size());
    row.columns = static_cast<std::uint16_t>(parts.size());
    rows_.insert(rows_.end(), parts.begin(), parts.end());
}

/// Two rows, or two values.
Expression Parser::compare_alike(const Expression& left, Symbol op, const Expression& right)
{
    return left.columns > 0 && left.columns == right.columns ? compare_rows(left, op, right)
                                                             : compare_values(left, op, right);
}

Expression Parser::compare_rows(const Expression& left, Symbol op, const Expression& right)
{
    Expression made = compare_values(left, op, right);
    const bool differs = op == Symbol::not_equal;
    if (!differs && op != Symbol::equal && op != Symbol::null_safe_equal) {
        made.always = made.always || precedes(left, op, right);
        made.never = made.never || precedes(left, other_way(op), right);
        return made;
    }
    const Symbol each = differs ? Symbol::equal : op;
    bool& literals = out_.literals_consulted;
    Expression all = compare_alike(rows_[left.row], each, rows_[right.row]);
    for (std::size_t i = 1; i < left.columns; ++i)
        all = both(all, compare_alike(rows_[left.row + i], each, rows_[right.row + i]), literals);
    if (differs)
        all = negated(all, literals);
    made.formula = all.formula;
    made.always = made.always || (all.reads && all.always);
    made.never = made.never || (all.reads && all.never);
    return made;
}

/// The first column that differs decides: each does so one way, or leaves it to the next.
bool Parser::precedes(const Expression& left, Symbol op, const Expression& right)
{
    const auto holds = [&](std::size_t column, Symbol way) {
        const Expression one = compare_alike(rows_[left.row + column], way, rows_[right.row + column]);
        return one.reads && one.always;
    };
    for (std::size_t i = 0; i < left.columns; ++i) {
        if (holds(i, strictly(op)))
            return true;
        if (!holds(i, or_equal(op)))
            return false;
    }
    return op == or_equal(op);
}

/// A column of a row that changes, never NULL, and the one of another table that a foreign key says has all its values.
/// In ON it is not known yet whose rows change.
bool Parser::follows_key(const Expression& child, const Expression& parent) const
{
    const Item* const one = behind_.bodies == nullptr ? nullptr : owner_of(child);
    const Item* const other = one == nullptr ? nullptr : owner_of(parent);
    if (other == nullptr || one == other || one->table.empty() || other->table.empty() || block_joined_)
        return false;
    const auto* const table = one->written || naming_targets_ ? behind_.bodies->relation(one->table) : nullptr;
    if (table == nullptr)
        return false;
    const auto column = std::ranges::find_if(
        table->columns, [&](const catalog::Column& each) { return same_word(each.name, child.name); });
    if (column == table->columns.end())
        return false;
    Expression as_defined = child;
    as_defined.not_null = column->not_null;
    Query query;
    query.table = other->table;
    query.column = parent;
    return points_at(*one, as_defined, query);
}

/// Two values that are no rows, as far as is known.
Expression Parser::compare_values(const Expression& left, Symbol op, const Expression& right)
{
    const bool same_or_null = op == Symbol::null_safe_equal;
    if (same_or_null && (is_null_word(left) || is_null_word(right)))
        return null_test(is_null_word(left) ? right : left, false);
    const Symbol plain = same_or_null ? symbol('=') : op;
    Expression made = compared(left, plain, right, out_.literals_consulted);
    made.not_null = made.not_null || same_or_null;
    if (!made.always && !made.never && is_of_same_row(left, right)) { // each row meets itself
        const bool itself = plain == symbol('=') || plain == Symbol::less_equal || plain == Symbol::greater_equal;
        (itself ? made.always : made.never) = true;
        made.paired = true;
    }
    if (plain == Symbol::equal && !made.always && !made.never &&
        (follows_key(left, right) || follows_key(right, left))) {
        made.follows = true;
        made.always = made.paired = !naming_targets_; // ON says which pairs there are, and WHERE may name the others
    }
    const bool each = plain == Symbol::equal && (is_each(left, right) || is_each(right, left));
    if (each || is_within(left, plain, bound_behind(right)) || is_within(right, mirrored(plain), bound_behind(left))) {
        made.always = true;
        made.never = false;
    }
    return made;
}

} // namespace stepgate::policies::mysql
