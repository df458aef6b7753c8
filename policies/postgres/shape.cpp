#include "policies/postgres/shape.h"

#include "policies/postgres/siphash.h"
#include "policies/postgres/tokenizer.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <random>

namespace stepgate::policies::postgres
{
namespace
{

// Marks in the normal form. They cannot stand in it otherwise: the tokenizer passes no control bytes but in quotes, and
// what is quoted is preceded by its length.
constexpr char mark_string = '\x01';
constexpr char mark_integer = '\x02';
constexpr char mark_verbatim = '\x03';

char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

void append_lower(std::string& out, std::string_view text)
{
    for (const char c : text)
        out += lower(c);
}

void append_verbatim(std::string& out, std::string_view text)
{
    const std::size_t size = text.size();
    out += mark_verbatim;
    for (int shift = 0; shift < 32; shift += 8)
        out += static_cast<char>(size >> shift & 0xff);
    out += text;
}

bool is_float_type(std::string_view word)
{
    return word.size() == 5 && std::ranges::equal(word, std::string_view{"float"}, {}, lower);
}

/// Writes the normal form; false when the text's shape says too little about its parse.
bool normalise(std::string_view sql, Lexing lexing, std::string& out)
{
    Tokenizer tokens{sql, lexing == Lexing::backslashes};
    for (Token token; tokens.next(token);) {
        const std::string_view text = sql.substr(token.begin, token.end - token.begin);
        if (token.gap_before && !out.empty())
            out += ' ';
        switch (token.kind) {
        case TokenKind::word:
            if (is_float_type(text)) // the grammar looks at the number in float(n)
                return false;
            append_lower(out, text);
            break;
        case TokenKind::symbol:
            out += text.front();
            break;
        case TokenKind::integer:
            out += mark_integer;
            break;
        case TokenKind::string:
            if (token.has_backslash && lexing != Lexing::standard)
                return false;
            out += mark_string;
            break;
        case TokenKind::parameter:
        case TokenKind::number:
        case TokenKind::quoted_name:
        case TokenKind::bit_string:
        case TokenKind::dollar_string:
            append_verbatim(out, text);
            break;
        case TokenKind::escape_string:
        case TokenKind::unicode_string:
        case TokenKind::unicode_name:
            return false; // escapes may be wrong, UESCAPE may follow
        }
    }
    return tokens.sound();
}

bool is_literal(TokenKind kind)
{
    switch (kind) {
    case TokenKind::string:
    case TokenKind::escape_string:
    case TokenKind::unicode_string:
    case TokenKind::bit_string:
    case TokenKind::dollar_string:
    case TokenKind::integer:
    case TokenKind::number:
        return true;
    case TokenKind::word:
    case TokenKind::quoted_name:
    case TokenKind::unicode_name:
    case TokenKind::parameter:
    case TokenKind::symbol:
        return false;
    }
    return false;
}

/// The highest $n of the text, or nothing if it cannot be cut into tokens.
std::optional<unsigned> highest_parameter(std::string_view sql)
{
    unsigned highest = 0;
    Tokenizer tokens{sql, false};
    for (Token token; tokens.next(token);) {
        if (token.kind != TokenKind::parameter)
            continue;
        unsigned number = 0;
        std::from_chars(sql.data() + token.begin + 1, sql.data() + token.end, number);
        highest = std::max(highest, std::min(number, 65535U));
    }
    if (!tokens.sound())
        return std::nullopt;
    return highest;
}

} // namespace

ShapeSecret random_shape_secret()
{
    std::random_device device;
    const auto word = [&device] { return static_cast<std::uint64_t>(device()) << 32 | device(); };
    return {word(), word()};
}

Shape shape_of(std::string_view sql, Lexing lexing, const ShapeSecret& secret, std::string_view salt)
{
    constexpr std::size_t kept = 65536;
    thread_local std::string normal; // keeps its memory: no allocation for a repeated shape
    normal.clear();
    Shape shape;
    shape.sound = normalise(sql, lexing, normal);
    if (shape.sound) {
        append_verbatim(normal, salt);
        const auto hash = siphash128(normal, secret);
        shape.key = {hash[0], hash[1]};
    }
    if (normal.capacity() > kept)
        std::string{}.swap(normal);
    return shape;
}

std::string shape_text(std::string_view sql, std::size_t max_bytes)
{
    static constexpr std::string_view cut = "…";
    const std::optional<unsigned> highest = highest_parameter(sql);
    if (!highest)
        return std::string{cut};
    unsigned next = *highest;
    std::string out;
    Tokenizer tokens{sql, false};
    for (Token token; tokens.next(token);) {
        if (token.gap_before && !out.empty())
            out += ' ';
        const std::string_view text = sql.substr(token.begin, token.end - token.begin);
        if (is_literal(token.kind))
            out.append("$").append(std::to_string(++next));
        else if (token.kind == TokenKind::word)
            append_lower(out, text);
        else
            out += text;
        if (out.size() > max_bytes) {
            out.resize(max_bytes);
            while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xc0) == 0x80) // a character cut in two
                out.pop_back();
            if (!out.empty() && static_cast<unsigned char>(out.back()) >= 0xc0)
                out.pop_back();
            return out.append(cut);
        }
    }
    return out;
}

} // namespace stepgate::policies::postgres
