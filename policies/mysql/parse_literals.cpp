#include "policies/mysql/operators.h"
#include "policies/mysql/parser.h"
#include "policies/mysql/pattern.h"
#include "policies/statement/ascii.h"

#include <algorithm>
#include <charconv>

namespace stepgate::policies::mysql
{
namespace
{

using Form = Expression::Form;

/// Between which whole numbers it is.
Span fraction(double value)
{
    const auto floor = static_cast<std::uint64_t>(value);
    return static_cast<double>(floor) == value ? Span::of({false, floor}, {false, floor})
                                               : Span::between({false, floor}, {false, floor + 1});
}

/// 5, 1e3, b'101', 0x1f, '5', '0.5' and 'abc', which is 0.
Span number_in(const Token& token)
{
    const bool bits = token.kind == TokenKind::bits, hex = token.kind == TokenKind::hex;
    const bool text = token.kind == TokenKind::string, number = token.kind == TokenKind::number;
    if (text && !token.escaped && !token.text.empty() && is_letter(token.text.front()))
        return Span::up_to(0);
    constexpr std::size_t most_digits = 15; // that a text compares with as they are
    if ((!bits && !hex && !text && !number && token.kind != TokenKind::integer) ||
        (text && token.text.size() > most_digits))
        return {};
    std::string_view digits = token.text;
    const bool negative = text && digits.starts_with('-');
    digits.remove_prefix(negative ? 1 : 0);
    if (bits && (digits.starts_with("0b") || digits.starts_with("0B")))
        digits.remove_prefix(2);
    if (hex && !digits.starts_with("0x")) // x'31' is a text on MariaDB
        return {};
    digits.remove_prefix(hex ? 2 : 0);
    std::uint64_t value = 0;
    const char* const end = digits.data() + digits.size();
    const auto read = std::from_chars(digits.data(), end, value, bits ? 2 : hex ? 16 : 10);
    if (read == std::from_chars_result{end, std::errc{}})
        return Span::of({negative, value}, {negative, value});
    if (bits || hex || digits.find_first_not_of("0123456789.eE+-") != digits.npos)
        return {};
    double real = 0;
    if (std::from_chars(digits.data(), end, real) != std::from_chars_result{end, std::errc{}})
        return {};
    constexpr double exact = 9007199254740992.0, beyond = 18446744073709551616.0; // 2^53, 2^64
    const Span made = real >= beyond ? Span::between({false, ~std::uint64_t{0}}, {false, ~std::uint64_t{0}})
                      : real < exact ? fraction(real)
                                     : Span{};
    return negative ? -made : made;
}

Span written_number(const Token& token)
{
    Span made = number_in(token);
    made.converted = token.kind == TokenKind::string;
    return made;
}

/// What 0x25, x'25' and b'100101' are as texts.
std::string bytes_of(const Token& token)
{
    const bool bits = token.kind == TokenKind::bits;
    std::string_view digits = token.text;
    if (digits.starts_with("0x") || digits.starts_with("0b") || digits.starts_with("0B"))
        digits.remove_prefix(2);
    const std::size_t of_a_byte = bits ? 8 : 2;
    std::string padded((of_a_byte - digits.size() % of_a_byte) % of_a_byte, '0');
    padded += digits;
    std::string made;
    for (std::size_t i = 0; i < padded.size(); i += of_a_byte) {
        unsigned value = 0;
        std::from_chars(padded.data() + i, padded.data() + i + of_a_byte, value, bits ? 2 : 16);
        made += static_cast<char>(value);
    }
    return made;
}

} // namespace

void Parser::take_pattern(Expression& made, std::string_view text) const
{
    made.everything = like_matches_all(text);
    made.anything = judging_ && regexp_matches_all(text);
}

Expression Parser::literal(bool text)
{
    const Token token = cur();
    Expression made;
    made.literal = true;
    made.form = text ? Form::text : Form::other;
    made.always = made.never = true;
    made.shape = mix(static_cast<std::uint64_t>(token.kind), value_seed);
    made.value = mix(exact_hash_of(token.text), made.shape);
    made.not_null = true;
    const bool bytes = judging_ && (token.kind == TokenKind::hex || token.kind == TokenKind::bits);
    if (bytes) // 0x25 is '%' to LIKE
        made.text = names_.emplace_back(bytes_of(token));
    else if (!token.escaped && (text || token.kind == TokenKind::integer))
        made.text = token.text;
    if (text || bytes)
        take_pattern(made, bytes ? made.text : token.text);
    const bool zero = !text && token.text.find_first_not_of("0.") == std::string_view::npos;
    const bool one = !text && (token.text == "1" || token.text == "1.0");
    const bool more = token.kind == TokenKind::integer && token.text.front() != '0' && !one;
    const bool empty = text && token.text.empty();
    made.neutral = zero    ? Expression::Neutral::zero
                   : one   ? Expression::Neutral::one
                   : more  ? Expression::Neutral::more
                   : empty ? Expression::Neutral::empty
                           : Expression::Neutral::none;
    made.truth = zero || one;
    made.plain = !empty;
    made.span = written_number(token);
    advance();
    if (text && at(TokenKind::string))
        join_literals(made, token);
    return made;
}

/// 'a' 'b' is one string.
void Parser::join_literals(Expression& made, const Token& first)
{
    std::string whole{first.text};
    Token token = first;
    for (; at(TokenKind::string); advance()) {
        made.value = mix(made.value, exact_hash_of(cur().text));
        token.escaped = token.escaped || cur().escaped;
        whole += cur().text;
    }
    token.text = names_.emplace_back(std::move(whole));
    take_pattern(made, token.text);
    made.text = token.escaped ? std::string_view{} : token.text;
    made.neutral = token.text.empty() ? Expression::Neutral::empty : Expression::Neutral::none;
    made.plain = !token.text.empty();
    made.span = written_number(token);
}

/// Of a parameter or a variable: the same for every row, and maybe NULL.
Expression Parser::open_value(std::uint64_t what)
{
    Expression made = unknown_value(what, false);
    made.open = true;
    return made;
}

/// The number or pattern that a user variable is known to have: only what makes it hold for more rows.
void Parser::give_known(Expression& made, std::string_view variable)
{
    out_.names_consulted = true;
    const std::string* const known = state_->variable(variable);
    if (known == nullptr)
        return;
    Token text;
    text.kind = TokenKind::string;
    text.text = *known;
    made.span = written_number(text);
    if (known->empty() || !is_letter(known->front())) // it may be no text
        made.span = made.span.as_number();
    made.everything = like_matches_all(*known);
    made.anything = regexp_matches_all(*known);
    if (made.everything || made.anything)
        made.form = Form::text;
}

Expression Parser::user_variable()
{
    const Token token = cur();
    advance();
    const std::string_view variable =
        token.escaped ? std::string_view{names_.emplace_back(unescaped(token, reading_))} : token.text;
    Expression made = open_value(hash_of(variable));
    if (!accept(Symbol::assign)) {
        if (loops_ > 0)
            give_each(made, {}, "@" + std::string{variable});
        else if (judging_ && blocks_ == 0)
            give_known(made, variable);
        return made;
    }
    const Expression value = expression();
    set_effect("@" + std::string{variable}, std::nullopt);
    return combined(made, value_seed, value);
}

Expression Parser::system_variable()
{
    std::uint64_t hash = hash_of(cur().text);
    advance();
    while (accept('.')) {
        hash = mix(hash, hash_of(cur().text));
        if (!at(TokenKind::word) && !at(TokenKind::quoted_name))
            unexpected();
        advance();
    }
    return unknown_value(hash, false);
}

} // namespace stepgate::policies::mysql
