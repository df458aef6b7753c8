#include "policies/mysql/charset.h"
#include "policies/mysql/column_type.h"
#include "policies/mysql/operators.h"
#include "policies/mysql/parser.h"
#include "policies/statement/ascii.h"

#include <algorithm>

namespace stepgate::policies::mysql
{
namespace
{

using Form = Expression::Form;

} // namespace

void Parser::expressions()
{
    do
        expression();
    while (accept(','));
}

/// Something whose value nothing is known of.
Expression Parser::unknown_value(std::uint64_t what, bool reads)
{
    Expression made;
    made.reads = reads;
    set_touches(made, reads);
    made.shape = made.value = mix(what, value_seed);
    made.always = made.never = !reads;
    return made;
}

int Parser::infix_power()
{
    const Token& token = cur();
    if (token.kind == TokenKind::symbol) {
        switch (token.symbol) {
        case Symbol::or_or:
            return reading_.mode.pipes_as_concat ? power_concat : power_or;
        case Symbol::and_and:
            return power_and;
        case Symbol::less_equal:
        case Symbol::greater_equal:
        case Symbol::not_equal:
        case Symbol::null_safe_equal:
        case Symbol::equal:
        case Symbol::less:
        case Symbol::greater:
            return power_comparison;
        case Symbol::pipe:
            return power_bit_or;
        case Symbol::ampersand:
            return power_bit_and;
        case Symbol::shift_left:
        case Symbol::shift_right:
            return power_shift;
        case Symbol::plus:
        case Symbol::minus:
            return power_sum;
        case Symbol::star:
        case Symbol::slash:
        case Symbol::percent:
            return power_product;
        case Symbol::caret:
            return power_bit_xor;
        case Symbol::arrow:
        case Symbol::long_arrow:
            return power_unary + 1;
        default:
            return power_none;
        }
    }
    if (token.kind != TokenKind::word)
        return power_none;
    switch (token.word) {
    case Word::k_or:
        return power_or;
    case Word::k_xor:
        return power_xor;
    case Word::k_and:
        return power_and;
    case Word::k_is:
    case Word::k_in:
    case Word::k_like:
    case Word::k_regexp:
    case Word::k_rlike:
    case Word::k_between:
        return power_comparison;
    case Word::k_not:
        return next_is(1, Word::k_in) || next_is(1, Word::k_like) || next_is(1, Word::k_regexp) ||
                       next_is(1, Word::k_rlike) || next_is(1, Word::k_between)
                   ? power_comparison
                   : power_none;
    case Word::k_sounds:
        return next_is(1, Word::k_like) ? power_comparison : power_none;
    case Word::k_member:
        return !mariadb() && (next_is(1, Word::k_of) || next_is(1, '(')) ? power_comparison : power_none;
    case Word::k_div:
    case Word::k_mod:
        return power_product;
    case Word::k_collate:
        return power_unary + 1;
    default:
        return power_none;
    }
}

Expression Parser::expression(int least)
{
    const Nest nest{*this};
    if (!nest)
        return {};
    Expression left = prefix();
    for (;;) {
        const int power = infix_power();
        if (power == power_none || power < least)
            return left;
        if (++operators_ > limits_.max_operators) {
            fail("is an expression of too many parts");
            return left;
        }
        left = infix(left, power);
    }
}

Expression Parser::prefix()
{
    const bool high_not = reading_.mode.high_not_precedence;
    if (at(Word::k_not)) {
        advance();
        return negated(expression(high_not ? power_unary : power_not), out_.literals_consulted);
    }
    if (accept('!'))
        return negated(expression(power_unary), out_.literals_consulted);
    if (at('-') || at('+') || at('~')) {
        const auto mark = static_cast<std::uint64_t>(cur().symbol);
        const bool plus = at('+');
        const bool minus = at('-');
        const bool inverts = at('~');
        advance();
        const Expression inner = expression(power_unary);
        Expression made = combined({}, mark, inner);
        made.not_null = inner.not_null;
        made.plain = inner.plain && inner.form != Form::text;
        made.not_negative = inverts; // an unsigned number
        using Neutral = Expression::Neutral;
        if (inner.literal && !inner.reads && inner.form == Form::other)
            made.neutral = plus || inner.neutral == Neutral::zero        ? inner.neutral
                           : minus && inner.neutral != Neutral::negative ? Neutral::negative
                                                                         : Neutral::none;
        if (plus)
            take_core(made, inner);
        if (plus || minus)
            made.span = plus ? inner.span : -inner.span;
        return made;
    }
    return primary();
}

Expression Parser::comparison(const Expression& left)
{
    const Token token = cur();
    if (token.kind == TokenKind::symbol) {
        advance();
        return compare(left, token.symbol);
    }
    if (at(Word::k_is))
        return is_test(left);
    const bool negative = accept(Word::k_not);
    return predicate(left, negative);
}

Expression Parser::infix(Expression left, int power)
{
    const Token token = cur();
    if (power == power_or)
        return disjunction(left);
    if (power == power_and) {
        advance();
        const Expression right = expression(power_and + 1);
        if (!judging_)
            return combined(left, power_and, right);
        Expression made = both(left, right, out_.literals_consulted);
        made.never = made.never || (made.reads && opposite(left, right, out_.literals_consulted));
        return made;
    }
    if (power == power_comparison) {
        const std::size_t rows = left.columns > 0 ? left.row : rows_.size();
        const Expression made = comparison(left);
        rows_.resize(std::min(rows, rows_.size()));
        return made;
    }
    advance();
    if (token.word == Word::k_collate) {
        if (!accept(Word::k_binary))
            name_or_text();
        collated_ = true;
        return left;
    }
    if (power == power_xor && judging_)
        return one_of(left, expression(power_xor + 1), out_.literals_consulted);
    const std::uint64_t what =
        token.kind == TokenKind::symbol ? static_cast<std::uint64_t>(token.symbol) : hash_of(token.text);
    const Expression right = expression(power + 1);
    Expression made = combined(left, what, right);
    if (!judging_)
        return made;
    const Symbol op = token.kind == TokenKind::symbol ? token.symbol
                      : token.word == Word::k_div     ? Symbol::slash
                                                      : Symbol::percent;
    if (token.kind == TokenKind::symbol || left.span.known) // DIV cuts nothing off of a whole number
        keep_core(made, left, op, right);
    settle(made, left, op, right, out_.literals_consulted);
    return made;
}

Expression Parser::query_value(const Query& query, std::uint64_t what, bool list_counts)
{
    Expression made = unknown_value(mix(what, ++parameters_), query.reads || (list_counts && query.list_reads));
    made.form = Form::subquery;
    set_touches(made, query.touches);
    if (!judging_ && !naming_rows_)
        return made;
    made.not_negative = query.column.not_negative;
    if (query.plain && query.where.always && (query.single || is_bound(query.column))) {
        made.gives = query.column.form;
        made.name = query.column.name;
        made.table = query.table;
    }
    return made;
}

bool Parser::at_query_start(std::size_t ahead)
{
    const Token& token = peek(ahead);
    if (token.kind != TokenKind::word)
        return false;
    if (token.word == Word::k_select || token.word == Word::k_with)
        return true;
    if (token.word == Word::k_table)
        return !mariadb();
    // VALUES(column) is a function of INSERT … ON DUPLICATE KEY UPDATE.
    return token.word == Word::k_values && !on_duplicate_ && (mariadb() || next_is(ahead + 1, Word::k_row));
}

bool Parser::at_query_in_parentheses()
{
    return at('(') && at_query_start(1);
}

Expression Parser::primary()
{
    switch (cur().kind) {
    case TokenKind::string:
    case TokenKind::national_string:
        return literal(true);
    case TokenKind::integer:
    case TokenKind::number:
    case TokenKind::hex:
    case TokenKind::bits:
        return literal(false);
    case TokenKind::parameter:
        advance();
        return open_value(mix(value_seed, ++parameters_));
    case TokenKind::user_variable:
        return user_variable();
    case TokenKind::system_variable:
        return system_variable();
    case TokenKind::quoted_name:
        return column_or_call();
    case TokenKind::word:
        return primary_word();
    case TokenKind::symbol:
        if (at('('))
            return parenthesised();
        if (at('.'))
            return column_or_call();
        if (accept('{')) { // {d '2020-01-01'}, {fn now()}, {x ssn}
            name();
            const Expression inner = expression();
            expect('}');
            return inner;
        }
        break;
    case TokenKind::end:
        break;
    }
    unexpected();
    return {};
}

Expression Parser::primary_word()
{
    const Token token = cur();
    const bool text_follows = peek(1).kind == TokenKind::string;
    switch (token.word) {
    case Word::k_null:
    case Word::k_true:
    case Word::k_false: {
        advance();
        Expression made = unknown_value(hash_of(token.text), false);
        made.open = token.word == Word::k_null;
        if (!made.open) {
            made.neutral = token.word == Word::k_true ? Expression::Neutral::one : Expression::Neutral::zero;
            made.truth = true;
            made.span = Span::of({false, token.word == Word::k_true}, {false, token.word == Word::k_true});
        }
        return made;
    }
    case Word::k_case:
        return case_expression();
    case Word::k_interval:
        return interval();
    case Word::k_binary: {
        advance();
        const Expression inner = expression(power_unary);
        Expression made = combined({}, hash_of("binary"), inner);
        take_core(made, inner);
        return made;
    }
    case Word::k_exists:
        return exists();
    case Word::k_row:
        if (next_is(1, '(')) {
            advance();
            return parenthesised();
        }
        break;
    case Word::k_match:
        return match_against();
    case Word::k_date:
    case Word::k_time:
    case Word::k_timestamp:
        if (text_follows) {
            advance();
            return literal(true);
        }
        break;
    case Word::k_default:
        advance();
        if (accept('(')) {
            column_or_call();
            expect(')');
        }
        return unknown_value(hash_of(token.text), false);
    case Word::k_current_date:
    case Word::k_current_time:
    case Word::k_current_timestamp:
    case Word::k_current_user:
    case Word::k_current_role:
    case Word::k_localtime:
    case Word::k_localtimestamp:
    case Word::k_utc_date:
    case Word::k_utc_time:
    case Word::k_utc_timestamp:
        advance();
        called(token.text, true);
        if (accept('(')) {
            if (at(TokenKind::integer))
                advance();
            expect(')');
        }
        return unknown_value(hash_of(token.text), false);
    case Word::k_next:
    case Word::k_previous:
        if (mariadb() && (next_is(1, Word::k_value))) {
            const bool writes = token.word == Word::k_next;
            advance();
            advance();
            expect(Word::k_for);
            sequence_argument(writes);
            called(writes ? "nextval" : "lastval", true);
            return unknown_value(hash_of(token.text), false);
        }
        break;
    default:
        break;
    }
    const bool literal_follows = text_follows || peek(1).kind == TokenKind::hex || peek(1).kind == TokenKind::bits;
    if (token.text.front() == '_' && literal_follows && is_charset_name(token.text.substr(1))) {
        advance();
        return literal(at(TokenKind::string));
    }
    return column_or_call();
}

/// [[database .] table .] column, table.*, or name(…).
Expression Parser::column_or_call()
{
    const Token first = cur();
    const bool dotted = peek(1).kind == TokenKind::symbol && peek(1).symbol == symbol('.');
    if (!at('.') && !dotted && next_is(1, '('))
        return call(first);
    std::string_view parts[3];
    std::size_t count = 0;
    if (!at('.'))
        parts[count++] = name();
    while (count < 3 && accept('.')) {
        if (count > 0 && accept('*')) {
            reference(parts[count - 1], "*");
            star_ = true;
            return unknown_value(++parameters_, true);
        }
        const bool stored = next_is(1, '(') && count == 1 && !at('*');
        parts[count++] = name();
        if (stored) {
            called_stored({parts[0], parts[1]}, Lead::Kind::function);
            return call_arguments(Word::none, hash_of(parts[1]));
        }
    }
    if (count == 0) {
        unexpected();
        return {};
    }
    const std::string_view table = count > 1 ? parts[count - 2] : std::string_view{};
    const std::string_view column = parts[count - 1];
    const std::size_t touched = touch_count_;
    const std::size_t references = references_.size();
    reference(table, column);
    if (count == 3)
        reach_less(references); // a table that is called so may be of another database
    if (judging_ && blocks_ > 0 && (table.empty() ? is_variable(column) : is_variable_row(table))) {
        --reference_count_; // the same for every row
        Expression variable = open_value(hash_of(column));
        give_each(variable, table, column);
        return variable;
    }
    Expression made;
    made.form = Form::column;
    made.reads = true;
    set_touches(made, touch_count_ != touched);
    made.name = column;
    made.table = table;
    if (const auto* const defined = judging_ ? defined_as(made) : nullptr) {
        made.not_null = defined->not_null;
        made.counts = defined->counts;
        made.not_negative = defined->counts || defined->sql_type.find("unsigned") != std::string::npos;
        made.span = span_of(*defined);
        made.most_characters = most_characters_of(*defined);
    }
    made.shape = hash_of(column);
    if (judging_ && !table.empty() && hash_of(table) != hash_of(target_alias_))
        made.shape = mix(made.shape, hash_of(table));
    made.value = made.shape;
    return made;
}

/// (a), (a, b), or a query; "((select …) union …)" shows what it is only after its first part.
Expression Parser::parenthesised()
{
    if (at_query_in_parentheses()) {
        advance();
        const Query query = subquery(true);
        expect(')');
        return query_value(query, query_seed, true);
    }
    expect('(');
    Expression first = whole_query(expression());
    if (at(','))
        rest_of_row(first);
    expect(')');
    return first;
}

/// "(select …) union …": the rest of a query whose first part stood in parentheses of its own.
Expression Parser::whole_query(const Expression& first)
{
    const bool goes_on =
        at(Word::k_union) || at(Word::k_except) || at(Word::k_intersect) || at(Word::k_order) || at(Word::k_limit);
    if (first.form != Form::subquery || !goes_on)
        return first;
    Query whole;
    const std::size_t items = items_.size();
    const std::size_t references = references_.size();
    whole.complete = false;
    continue_query(whole, items);
    resolve(references, items);
    items_.resize(items);
    return unknown_value(mix(query_seed, ++parameters_), true);
}

Expression Parser::case_expression()
{
    advance();
    Expression whole;
    whole.shape = whole.value = hash_of("case");
    std::optional<Expression> operand, arms;
    if (!at(Word::k_when)) {
        operand = expression();
        whole = combined(whole, 1, *operand);
    }
    bool& literals = out_.literals_consulted;
    Choice choice{literals};
    const auto arm = [&](std::uint64_t what) {
        const Expression value = expression();
        if (judging_)
            arms = arms ? common(*arms, value, literals) : value;
        whole = combined(whole, what, value);
        return value;
    };
    while (accept(Word::k_when)) {
        const Expression when = expression();
        whole = combined(whole, 2, when);
        expect(Word::k_then);
        const Expression value = arm(3);
        if (judging_)
            choice.arm(operand ? compared(*operand, Symbol::equal, when, literals) : when, value);
    }
    if (accept(Word::k_else)) {
        const Expression value = arm(4);
        if (judging_)
            choice.rest(value);
        if (arms)
            take_arms(whole, *arms);
    }
    expect(Word::k_end);
    if (judging_)
        choice.give_to(whole);
    return whole;
}

/// INTERVAL 5 DAY, or the function INTERVAL(a, b, …), which nothing but what follows tells apart.
Expression Parser::interval()
{
    const Token word = cur();
    advance();
    Expression value = expression();
    if (at(TokenKind::word) && infix_power() == power_none && !at_end() && word_is_unit(cur().word)) {
        advance();
        return combined({}, hash_of("interval"), value);
    }
    called(word.text, true);
    return combined({}, hash_of("interval"), value);
}

void Parser::unit()
{
    if (!at(TokenKind::word) || !word_is_unit(cur().word))
        return unexpected();
    advance();
}

} // namespace stepgate::policies::mysql
