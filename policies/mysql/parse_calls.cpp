#include "policies/mysql/builtins.h"
#include "policies/mysql/function_values.h"
#include "policies/mysql/parser.h"
#include "policies/statement/ascii.h"

#include <algorithm>
#include <iterator>

namespace stepgate::policies::mysql
{

namespace
{

/// Those with a grammar of their own.
bool is_aggregate(Word word)
{
    constexpr Word all[] = {Word::k_count, Word::k_sum,          Word::k_min,           Word::k_max,
                            Word::k_avg,   Word::k_group_concat, Word::k_json_arrayagg, Word::k_json_objectagg,
                            Word::k_std,   Word::k_stddev,       Word::k_st_collect};
    return std::ranges::find(all, word) != std::end(all);
}

/// Of an ENUM or a date as a text other numbers are read than those that they are.
Span cast_span(Span span, bool to_unsigned, bool to_text)
{
    const bool other = to_text ? span.converted && !span.always_zero() : to_unsigned && span.low.negative();
    if (!span.known || other)
        return {};
    span.converted = to_text;
    return span;
}

} // namespace

/// name(…). Reserved words are functions only where the grammar makes them one.
Expression Parser::call(const Token& function)
{
    const bool quoted = function.kind == TokenKind::quoted_name;
    if (!quoted && is_reserved(function.word, mariadb()) && !is_callable(function.word)) {
        unexpected();
        return {};
    }
    advance();
    const std::string_view called_name = name_of(function);
    const bool touching =
        only_before_call(word_of(called_name)) || (mariadb() && needs_parenthesis_in_mariadb(lower(called_name)));
    if (waits_for_nothing(called_name))
        note_call(lower(called_name));
    else
        called(called_name, !quoted && (function.call_follows || !touching));
    if (same_word(called_name, "json_extract") && asks_for_buckets())
        return unknown_value(hash_of(called_name), true);
    return call_arguments(quoted ? Word::none : function.word, hash_of(called_name));
}

/// SLEEP(0), with which programs try a connection.
bool Parser::waits_for_nothing(std::string_view function)
{
    if (!same_word(function, "sleep") || !at('(') || peek(1).kind != TokenKind::integer || !next_is(2, ')'))
        return false;
    out_.literals_consulted = true;
    return peek(1).text == "0";
}

/// mysqldump asks how many buckets each histogram was made with, and nothing of what is in them.
bool Parser::asks_for_buckets()
{
    if (!at('(') || peek(1).kind != TokenKind::word || !same_word(peek(1).text, "histogram") || !next_is(2, ','))
        return false;
    out_.literals_consulted = true;
    const bool asks =
        peek(3).kind == TokenKind::string && peek(3).text == R"($."number-of-buckets-specified")" && next_is(4, ')');
    for (int tokens = 0; asks && tokens < 5; ++tokens)
        advance();
    return asks;
}

Expression Parser::finish_call(std::uint64_t hash, bool reads)
{
    if (at(Word::k_within) && next_is(1, Word::k_group)) { // of percentile_cont
        advance();
        advance();
        expect('(');
        order_by(nullptr);
        expect(')');
    }
    if (at(Word::k_from) && (next_is(1, Word::k_first) || next_is(1, Word::k_last)) && next_is(2, Word::k_over)) {
        advance();
        advance();
    }
    if ((at(Word::k_respect) || at(Word::k_ignore)) && next_is(1, Word::k_nulls)) {
        advance();
        advance();
    }
    if (at(Word::k_over)) {
        over();
        return unknown_value(mix(hash, ++parameters_), true);
    }
    return unknown_value(hash, reads);
}

/// From "(" on. The hash of what stands inside tells equal calls from others.
Expression Parser::call_arguments(Word word, std::uint64_t hash)
{
    const std::size_t before = reference_count_;
    const std::size_t touched = touch_count_;
    expect('(');
    Expression whole;
    whole.shape = whole.value = hash;
    Arguments arguments{hash, out_.literals_consulted};
    const auto first = arguments_of(word, arguments);
    if (!first)
        plain_arguments(whole, arguments);
    else
        whole.value = whole.shape = mix(hash, ++parameters_);
    expect(')');
    const bool windowed = at(Word::k_over);
    aggregated_ = aggregated_ || (first && !windowed && is_aggregate(word));
    const Expression made = finish_call(hash, !first && judging_ ? whole.reads : reference_count_ != before);
    if (first)
        whole = made;
    whole.form = Expression::Form::other;
    whole.reads = made.reads;
    whole.always = whole.never = !made.reads;
    set_touches(whole, touch_count_ != touched);
    whole.not_negative = judging_ && is_never_negative(hash);
    const bool casts = word == Word::k_cast || word == Word::k_convert;
    whole.not_null = casts && first->not_null;
    const bool bound = word == Word::k_min || word == Word::k_max;
    if ((judging_ || naming_rows_) && bound && !windowed && first->form == Expression::Form::column) {
        whole.form = word == Word::k_min ? Expression::Form::least : Expression::Form::greatest;
        whole.name = first->name;
        whole.table = first->table;
    }
    if (judging_ && casts)
        whole.span = first->span;
    if (judging_ && casts && first->shape != 0)
        take_core(whole, *first);
    if (judging_ && casts && first->form == Expression::Form::text) {
        whole.form = first->form;
        whole.everything = first->everything;
        whole.anything = first->anything;
    }
    return judging_ ? arguments.value_of(whole) : whole;
}

/// Where they have a grammar of their own: the first, as far as more than its place matters. nullopt: they are a plain
/// list, and nothing was read.
std::optional<Expression> Parser::arguments_of(Word word, Arguments& arguments)
{
    if (is_aggregate(word))
        return aggregate_arguments();
    switch (word) {
    case Word::k_cast:
    case Word::k_convert:
        return cast_arguments(word);
    case Word::k_trim:
        trim_arguments(arguments);
        break;
    case Word::k_substring:
    case Word::k_substr:
    case Word::k_mid:
        substring_arguments();
        break;
    case Word::k_extract:
        unit();
        expect(Word::k_from);
        expression();
        break;
    case Word::k_position:
        arguments.add(expression(6)); // operands of IN bind tighter
        expect(Word::k_in);
        arguments.add(expression());
        break;
    case Word::k_timestampadd:
    case Word::k_timestampdiff:
        unit();
        expect(',');
        expressions();
        break;
    case Word::k_get_format:
        advance();
        expect(',');
        expression();
        break;
    case Word::k_weight_string:
        expression();
        if (accept(Word::k_as))
            cast_type();
        while (!at(')') && !at_end()) // LEVEL 1 DESC, and the like
            advance();
        break;
    case Word::k_values:
    case Word::k_value: { // the value that was to be inserted, which is not read from the table
        const std::size_t references = references_.size();
        column_or_call();
        drop_references(references);
        break;
    }
    case Word::k_json_value:
        json_value_arguments();
        break;
    case Word::k_nextval:
    case Word::k_setval:
    case Word::k_lastval:
        if (!mariadb())
            return std::nullopt;
        sequence_argument(word != Word::k_lastval);
        if (accept(','))
            expressions();
        break;
    default:
        return std::nullopt;
    }
    return Expression{};
}

void Parser::plain_arguments(Expression& whole, Arguments& arguments)
{
    const std::uint64_t hash = whole.value;
    if (at(')'))
        return;
    do {
        if (accept(Word::k_distinct)) // aggregates that are no keywords
            continue;
        const Expression argument = expression();
        if (judging_)
            arguments.add(argument);
        whole = combined(whole, hash, argument);
        if (accept(Word::k_using)) // char(… using utf8mb4)
            name_or_text();
        else if (accept(Word::k_as)) // names of a loadable function's arguments, types of dynamic columns
            cast_type();
        else if (at_name()) // loadable functions again
            name();
        else if (at(TokenKind::string))
            advance();
    } while (accept(','));
}

/// count(*), count(distinct a, b), group_concat(distinct a order by b separator ',').
Expression Parser::aggregate_arguments()
{
    if (accept('*'))
        return {};
    if (!accept(Word::k_distinct))
        accept(Word::k_all);
    const Expression first = expression();
    while (accept(','))
        expression();
    if (at(Word::k_order))
        order_by(nullptr);
    if (accept(Word::k_separator)) {
        if (!at(TokenKind::string) && !at(TokenKind::hex) && !at(TokenKind::bits))
            unexpected();
        else
            advance();
    }
    limit();
    return first;
}

void Parser::trim_arguments(Arguments& arguments)
{
    if (!accept_any(Word::k_both, Word::k_leading, Word::k_trailing)) {
        const Expression text = expression();
        if (accept(Word::k_from))
            expression();
        else if (judging_)
            arguments.add(text);
        return;
    }
    if (!at(Word::k_from))
        expression();
    expect(Word::k_from);
    expression();
}

void Parser::substring_arguments()
{
    expression();
    if (accept(Word::k_from)) {
        expression();
        if (accept(Word::k_for))
            expression();
        return;
    }
    expect(',');
    expressions();
}

/// Gives what is cast where that leaves it what it is: nothing is cut off or rounded, as far as is known.
Expression Parser::cast_arguments(Word word)
{
    Expression inner = expression();
    if (word == Word::k_convert && accept(Word::k_using)) {
        name_or_binary();
        return inner;
    }
    if (word == Word::k_convert) {
        expect(',');
    } else {
        if (accept(Word::k_at)) { // at time zone '+00:00'
            advance();
            advance();
            if (!at(TokenKind::string))
                accept(Word::k_interval);
            string_value();
        }
        expect(Word::k_as);
    }
    const std::string_view type = cur().text;
    const bool cut = next_is(1, '(');
    cast_type();
    static constexpr std::string_view whole[] = {"signed", "unsigned", "integer", "int",   "char", "varchar",
                                                 "nchar",  "binary",   "double",  "float", "real"};
    static constexpr std::string_view texts[] = {"char", "varchar", "nchar", "binary"};
    const auto is_one_of = [type](auto& types) {
        return std::ranges::any_of(types, [type](std::string_view one) { return same_word(type, one); });
    };
    inner.span = cast_span(inner.span, same_word(type, "unsigned"), is_one_of(texts));
    if (!cut && is_one_of(whole))
        return inner;
    Expression changed; // zero stays what it is
    changed.span = inner.span.always_zero() ? inner.span : Span{};
    return changed;
}

/// A type in CAST: words, numbers in parentheses, a character set.
void Parser::cast_type()
{
    if (!at(TokenKind::word) && !at(TokenKind::quoted_name) && !at(TokenKind::string))
        return unexpected();
    while (at(TokenKind::word) || at(TokenKind::quoted_name) || at('(') || at(TokenKind::string)) {
        if (at('('))
            skip_group();
        else
            advance();
    }
}

/// json_value(document, path returning type default 1 on empty …).
void Parser::json_value_arguments()
{
    expressions();
    if (accept(Word::k_returning))
        while ((at(TokenKind::word) && !at(Word::k_null) && !at(Word::k_error) && !at(Word::k_default)) || at('('))
            at('(') ? skip_group() : advance();
    while (!at(')') && !at_end()) {
        if (accept(Word::k_default))
            expression();
        else if (!at(TokenKind::word))
            return unexpected();
        else
            advance(); // null, error, on empty, on error
    }
}

void Parser::sequence_argument(bool writes)
{
    const TableName sequence = table_name();
    if (writes)
        write_column(sequence, "*");
    else
        read_table(sequence, "*");
}

Expression Parser::match_against()
{
    advance();
    const bool group = accept('(');
    do
        column_or_call();
    while (accept(','));
    if (group)
        expect(')');
    expect(Word::k_against);
    expect('(');
    expression(6);            // operands of IN bind tighter
    if (accept(Word::k_in)) { // boolean mode, natural language mode
        while (at(TokenKind::word) && !at(Word::k_with))
            advance();
    }
    if (accept(Word::k_with)) { // query expansion
        advance();
        advance();
    }
    expect(')');
    return unknown_value(mix(hash_of("match"), ++parameters_), true);
}

void Parser::over()
{
    expect(Word::k_over);
    if (at('('))
        window_specification();
    else
        name();
}

/// ([name] [partition by …] [order by …] [rows …]).
void Parser::window_specification()
{
    expect('(');
    if (at_name() && !at(Word::k_partition) && !at(Word::k_rows) && !at(Word::k_range) && !at(Word::k_groups))
        name();
    if (accept(Word::k_partition)) {
        expect(Word::k_by);
        expressions();
    }
    if (at(Word::k_order))
        order_by(nullptr);
    if (accept_any(Word::k_rows, Word::k_range, Word::k_groups)) {
        const bool between = accept(Word::k_between);
        frame_bound();
        if (between) {
            expect(Word::k_and);
            frame_bound();
        }
        if (accept(Word::k_exclude))
            while (at(TokenKind::word))
                advance();
    }
    expect(')');
}

void Parser::frame_bound()
{
    if (at(Word::k_unbounded) || at(Word::k_current))
        advance();
    else
        expression(6); // tighter than the AND of BETWEEN
    if (!accept_any(Word::k_preceding, Word::k_following, Word::k_row))
        unexpected();
}

/// json_table(document, path columns (…)) [as] name, in FROM. Its arguments may name tables before it.
void Parser::json_table()
{
    advance();
    expect('(');
    const std::size_t references = references_.size();
    expression();
    reach_less(references);
    expect(',');
    string_value();
    Item item;
    item.begin = outputs_.size();
    json_columns();
    item.end = outputs_.size();
    item.complete = true;
    expect(')');
    item.alias = alias();
    items_.push_back(std::move(item));
}

void Parser::json_columns()
{
    const Nest nest{*this};
    if (!nest)
        return;
    expect(Word::k_columns);
    expect('(');
    do {
        if (accept(Word::k_nested)) {
            accept(Word::k_path);
            string_value();
            json_columns();
            continue;
        }
        outputs_.push_back({name(), {}});
        while (!at(',') && !at(')') && !at_end()) {
            if (at('('))
                skip_group();
            else if (at(Word::k_default)) {
                advance();
                expression(12);
            } else
                advance(); // its type, path, and what stands for nothing
        }
    } while (accept(','));
    expect(')');
}

} // namespace stepgate::policies::mysql
