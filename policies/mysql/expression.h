#pragma once

#include "policies/mysql/formula.h"
#include "policies/mysql/lexer.h"
#include "policies/mysql/whole_span.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace stepgate::policies::mysql
{

/// What is kept of an expression once it is read: enough to tell whether a predicate holds for every row. A value of
/// fixed size, so that no expression, however long, takes memory.
struct Expression {
    enum class Form : std::uint8_t {
        other,
        column,     // a column reference and no more
        text,       // a string
        comparison, // `op` between `left` and `right`
        is_null,    // `left` is null
        is_not_null,
        negation, // not `left`
        subquery, // (select …), with the facts of `Query`
        least,    // min(column)
        greatest, // max(column)
    } form = Form::other;
    Symbol op = Symbol::none;
    bool like = false;         // of comparisons: LIKE and REGEXP, `=` for LIKE, not_equal for NOT LIKE
    bool reads = false;        // a column, so that rows may differ
    bool literal = false;      // its value hangs on a literal's
    bool open = false;         // a parameter or variable, or NULL: a filter that may be left out
    bool always = false;       // true for every row
    bool never = false;        // false for every row
    bool touches = false;      // may hang on a row that changes
    bool fixed = false;        // the same for each of those, whatever the rows of the tables beside them
    bool paired = false;       // `always` takes such a row for the one of the same table that it is joined with
    bool everything = false;   // a text that LIKE takes for anything
    bool anything = false;     // a text that REGEXP takes for anything
    bool not_null = false;     // no row has NULL here, as far as columns and literals tell
    bool not_negative = false; // whatever the row
    bool counts = false;       // a column that the server numbers from 1 on
    bool shifted = false;      // a column and a number that is not 0, added or subtracted
    bool truth = false;        // its value is 0, 1 or NULL
    bool follows = false;      // a foreign key: each row that changes has its partner, and no more is said
    bool plain = false;        // a literal that is not NULL in any mode
    enum class Neutral : std::uint8_t { none, zero, one, more, empty, negative } neutral = Neutral::none; // a literal
    Form gives = Form::other; // of a subquery: column, least or greatest of a column `name` of all rows of `table`
    std::uint64_t shape = 0;  // equal for equal expressions, whatever their literals
    std::uint64_t value = 0;  // equal for expressions that surely have the same value
    std::uint64_t left = 0, right = 0; // values of the operands
    std::uint64_t left_shape = 0, right_shape = 0;
    // Of x + 0, coalesce(x, 1) and the like: x itself. Shape 0: nothing of that kind; value 0: what is done changes x.
    std::uint64_t core_shape = 0, core = 0;
    bool core_literal = false;
    // Of least(x, …) and greatest(x, …): no more, or no less, than x.
    Symbol limit = Symbol::none;
    std::uint64_t limit_shape = 0, limited = 0;
    Span span;                          // as a number
    std::uint16_t row = 0, columns = 0; // of (a, b): where its parts are in `Parser::rows_`, and how many
    std::uint32_t most_characters = 0;  // of a column with a limit; 0: none that is known
    Formula formula;                    // as a predicate
    std::string_view name, table;       // of a column; as it is written
    std::string_view text;              // of a literal, if it is what it stands for; without data: not known
    std::string_view each;              // of a variable: the table of which it has `name` of another row in each round
};

[[nodiscard]] constexpr bool is_bound(Expression::Form form)
{
    return form == Expression::Form::least || form == Expression::Form::greatest;
}
[[nodiscard]] constexpr bool is_bound(const Expression& one)
{
    return is_bound(one.form);
}

/// Says whether it may hang on a row that changes.
constexpr void set_touches(Expression& made, bool touches)
{
    made.touches = touches;
    made.fixed = !touches;
}

/// Each row that changes meets it, or none does.
[[nodiscard]] constexpr bool is_all_or_none(const Expression& one)
{
    return one.fixed || (one.always && !one.paired);
}

[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t one, std::uint64_t other)
{
    std::uint64_t sum = (one ^ 0x9e3779b97f4a7c15ULL) * 0xff51afd7ed558ccdULL + other;
    sum ^= sum >> 32;
    return sum * 0xc4ceb9fe1a85ec53ULL;
}
[[nodiscard]] std::uint64_t hash_of(std::string_view text);       ///< ignores the case of ASCII letters
[[nodiscard]] std::uint64_t exact_hash_of(std::string_view text); ///< does not

[[nodiscard]] Symbol mirrored(Symbol op); ///< the comparison with its operands the other way round
/// Two parts of a predicate put together. They are pure; `literals` is set when the answer hung on a literal's value.
[[nodiscard]] Expression combined(const Expression& left, std::uint64_t what, const Expression& right);
/// `made` is a comparison of the two.
void keep_sides(Expression& made, const Expression& left, Symbol op, const Expression& right);
[[nodiscard]] Expression compared(const Expression& left, Symbol op, const Expression& right, bool& literals);
[[nodiscard]] Expression matched(const Expression& left, bool negated, const Expression& right, bool& literals);
[[nodiscard]] Expression negated(const Expression& inner, bool& literals);
[[nodiscard]] Expression both(const Expression& left, const Expression& right, bool& literals);
[[nodiscard]] Expression either(const Expression& left, const Expression& right, bool& literals);
[[nodiscard]] Expression one_of(const Expression& left, const Expression& right, bool& literals); ///< XOR
/// Whether `decided` may hang on the literal's value: of another one it may be known where it is not of this one.
[[nodiscard]] bool may_decide(const Expression& one, const Expression& literal);
/// Of a CASE or IF whether it holds, one arm after the other.
class Choice
{
  public:
    explicit Choice(bool& literals) : literals_{literals} {}
    void arm(const Expression& condition, const Expression& value);
    void rest(const Expression& value);
    void give_to(Expression& made) const;

  private:
    [[nodiscard]] Formula formula_of_arm(const Expression& value) const;

    bool& literals_;
    bool truth_ = true;
    Formula holds_ = Formula::constant(false), before_ = Formula::constant(true); // no arm so far was taken
};
/// A constant that is false as a predicate.
[[nodiscard]] bool is_false(const Expression& one, bool& literals);
[[nodiscard]] Expression null_test(const Expression& left, bool negative);
/// What two arms of a CASE have in common: all, if they are the same. `take_arms` gives that to the CASE.
[[nodiscard]] Expression common(const Expression& one, const Expression& other, bool& literals);
void take_arms(Expression& made, const Expression& arms);
/// `made` is `left` and `right` put together by an operator, which may leave one of them as it is.
void keep_core(Expression& made, const Expression& left, Symbol op, const Expression& right);
/// `made` is `left` and `right` put together: what hangs on no row (x - x, x * 0), and what is never negative (x * x).
void settle(Expression& made, const Expression& left, Symbol op, const Expression& right, bool& literals);
/// `made` is `inner` where that is not NULL.
void take_core(Expression& made, const Expression& inner);
[[nodiscard]] bool same(const Expression& left, const Expression& right, bool& literals);
/// One of the two holds for any row without NULLs.
[[nodiscard]] bool opposite(const Expression& left, const Expression& right, bool& literals);

} // namespace stepgate::policies::mysql
