#include "policies/mysql/function_values.h"

#include "policies/mysql/function_numbers.h"
#include "policies/mysql/pattern.h"

#include <initializer_list>
#include <string_view>
#include <unordered_set>

namespace stepgate::policies::mysql
{
namespace
{

using Names = std::unordered_set<std::uint64_t>;

Names hashes_of(std::initializer_list<std::string_view> names)
{
    Names made;
    for (const std::string_view name : names)
        made.insert(hash_of(name));
    return made;
}

/// Its value is a text that begins as its first argument does, whatever the others are.
bool keeps_beginning(std::uint64_t function)
{
    static const Names known = hashes_of({"lower", "lcase", "upper", "ucase", "ltrim", "rtrim", "trim", "concat",
                                          "left", "rpad", "repeat", "quote", "replace", "insert"});
    return known.contains(function);
}

/// A text of wildcards stays one.
bool keeps_pattern(std::uint64_t function)
{
    static const Names known =
        hashes_of({"lower", "lcase", "upper", "ucase", "ltrim", "rtrim", "trim", "left", "right", "repeat", "reverse"});
    return known.contains(function);
}

} // namespace

bool is_never_negative(std::uint64_t name)
{
    static const Names never =
        hashes_of({"length",    "lengthb",     "octet_length", "char_length",   "character_length", "bit_length",
                   "abs",       "ascii",       "ord",          "crc32",         "bit_count",        "sqrt",
                   "count",     "json_length", "json_depth",   "year",          "quarter",          "month",
                   "week",      "day",         "dayofmonth",   "dayofweek",     "dayofyear",        "weekday",
                   "hour",      "minute",      "second",       "microsecond",   "unix_timestamp",   "to_days",
                   "locate",    "instr",       "position",     "field",         "find_in_set",      "rand",
                   "pi",        "exp",         "found_rows",   "connection_id", "last_insert_id",   "inet_aton",
                   "uuid_short"});
    return never.contains(name);
}

void Arguments::add(const Expression& argument)
{
    using Neutral = Expression::Neutral;
    static const std::uint64_t if_name = hash_of("if"), greatest = hash_of("greatest"), least = hash_of("least");
    const bool of_if = function_ == if_name;
    ++count_;
    if (of_if && count_ == 2)
        choice_.arm(first_, argument);
    else if (of_if && count_ == 3)
        choice_.rest(argument);
    if ((of_if && count_ > 1) || function_ == greatest || function_ == least)
        arms_ = arms_ ? common(*arms_, argument, literals_) : argument;
    if (!of_if || count_ > 1) {
        spanned_ = spanned_ || argument.span.known;
        within_ = count_ == (of_if ? 2U : 1U) ? argument.span : within_ | argument.span;
    }
    twice_ = count_ == 2 && same(first_, argument, literals_);
    not_null_ = not_null_ || argument.not_null;
    const bool empty = argument.neutral == Neutral::empty;
    filled_ += !empty;
    texts_ = texts_ && argument.form == Expression::Form::text && (empty || argument.everything);
    everything_ = everything_ || argument.everything;
    constexpr std::size_t most_joined = 64;
    if (argument.text.data() == nullptr || argument.reads || (joined_ && joined_->size() > most_joined))
        joined_.reset(), joins_ = false;
    else if (joins_)
        joined_ = joined_.value_or("") + std::string{argument.text};
    if (open_ && argument.reads)
        filtered_ = argument;
    open_ = open_ && argument.open;
    if (count_ == 1)
        first_ = argument;
    else if (count_ == 2)
        second_ = argument;
    if (limit_.shape == 0 && argument.reads)
        limit_ = argument;
}

/// The same for every row: f(x, x), or where an empty text stands in another one.
bool Arguments::is_settled() const
{
    static const Names by_twice_the_same =
        hashes_of({"mod", "nullif", "strcmp", "datediff", "timediff", "locate", "instr", "field"});
    static const Names needle_first = hashes_of({"locate", "position"});
    static const std::uint64_t instr = hash_of("instr");
    const bool first = needle_first.contains(function_);
    const Expression& needle = first ? first_ : second_;
    const bool looks = (first || function_ == instr) && needle.form == Expression::Form::text;
    literals_ = literals_ || looks;
    return (twice_ && by_twice_the_same.contains(function_)) || (looks && needle.neutral == Expression::Neutral::empty);
}

/// Between which numbers its value is, and where that is the one argument's that hangs on the row.
void Arguments::keep_number(Expression& made) const
{
    static const Names of_arguments = hashes_of({"coalesce", "ifnull", "nvl", "if", "greatest", "least"});
    static const std::uint64_t greatest = hash_of("greatest"), least = hash_of("least"), abs = hash_of("abs"),
                               mod = hash_of("mod"), characters = hash_of("char_length"),
                               characters_too = hash_of("character_length");
    if ((function_ == characters || function_ == characters_too) && first_.most_characters != 0) {
        made.span = Span::up_to(first_.most_characters);
        return;
    }
    if (const Span number = number_of_call(function_, first_, second_, count_); number.known) {
        made.span = number;
        return;
    }
    if (keeps_beginning(function_) && first_.span.converted && first_.span.always_zero() &&
        first_.neutral != Expression::Neutral::empty) {
        made.span = first_.span;
        return;
    }
    if (function_ == abs) {
        made.span = first_.span.absolute();
        if (first_.span.never_negative())
            take_core(made, first_);
        return;
    }
    static const Names cut_off = hashes_of({"round", "truncate"}); // nothing of a whole number
    if (function_ == mod)
        made.span = first_.span.modulo(second_.span);
    else if (cut_off.contains(function_) && count_ == 1)
        made.span = first_.span.as_number();
    else if (of_arguments.contains(function_))
        made.span = within_;
    // Of other literals it may be known, where it is not of these.
    literals_ = literals_ || (made.literal && (of_arguments.contains(function_) ? spanned_ : first_.span.known));
    const Expression& other = first_.reads ? second_ : first_;
    const Symbol beyond = function_ == greatest ? Symbol::greater_equal : Symbol::less_equal;
    if ((function_ == greatest || function_ == least) && count_ == 2 && !other.reads &&
        decided(limit_.span, beyond, other.span) == true) {
        take_core(made, limit_);
        made.core_literal = true;
    }
}

/// Of a text for LIKE and REGEXP.
void Arguments::take_pattern(Expression& made) const
{
    static const std::uint64_t concat = hash_of("concat"), char_name = hash_of("char"), unhex = hash_of("unhex");
    static const Names falls_back = hashes_of({"coalesce", "ifnull", "nvl", "if"});
    const std::string_view text = first_.text;
    const bool percent = (function_ == char_name && text == "37") || (function_ == unhex && text == "25");
    made.everything = percent || (function_ == concat && texts_ && everything_) ||
                      (keeps_pattern(function_) && first_.everything) ||
                      (falls_back.contains(function_) && !made.reads && everything_);
    made.anything = keeps_pattern(function_) && first_.anything;
    if (function_ == concat && joined_) {
        made.everything = made.everything || like_matches_all(*joined_);
        made.anything = regexp_matches_all(*joined_);
    }
    if (made.everything || made.anything)
        made.form = Expression::Form::text;
}

Expression Arguments::value_of(Expression made) const
{
    static const Names falls_back = hashes_of({"coalesce", "ifnull", "nvl"}); // the first that is not NULL
    static const std::uint64_t if_name = hash_of("if"), greatest = hash_of("greatest"), least = hash_of("least"),
                               is_null = hash_of("isnull"), concat = hash_of("concat"),
                               regexp_like = hash_of("regexp_like");
    if (count_ == 0)
        return made;
    if (function_ == is_null)
        return null_test(first_, false);
    if (falls_back.contains(function_)) {
        take_core(made, filtered_.value_or(first_));
        made.not_null = not_null_;
    }
    if (arms_)
        take_arms(made, *arms_);
    if (function_ == if_name && count_ == 3)
        choice_.give_to(made);
    if (function_ == greatest || function_ == least) {
        made.limit = function_ == least ? Symbol::less_equal : Symbol::greater_equal;
        made.limit_shape = limit_.shape;
        made.limited = limit_.value;
    }
    keep_number(made);
    literals_ = literals_ || (function_ == concat && made.reads && made.literal);
    if (function_ == concat && filled_ == 1 && filled_ < count_ && limit_.shape != 0) {
        take_core(made, limit_);
        made.core_literal = true;
    }
    if (function_ == regexp_like && second_.form == Expression::Form::text && first_.reads) {
        literals_ = true;
        made.always = made.always || (second_.anything && count_ == 2);
    }
    take_pattern(made);
    if (is_settled()) {
        made.reads = false;
        made.always = made.never = true;
    }
    return made;
}

} // namespace stepgate::policies::mysql
