#include "policies/postgres/tokenizer.h"

#include <array>

namespace stepgate::policies::postgres
{
namespace
{

/// Classes of characters, looked up: comparing costs several times as much, and every statement's bytes come here.
enum : std::uint8_t { space = 1, newline = 2, digit = 4, word_start = 8, word_part = 16, symbol = 32 };

constexpr std::array<std::uint8_t, 256> classes = [] {
    std::array<std::uint8_t, 256> table{};
    const auto add = [&table](std::string_view characters, unsigned to) {
        for (const char c : characters)
            table[static_cast<unsigned char>(c)] |= static_cast<std::uint8_t>(to);
    };
    add(" \t\n\r\f", space);
    add("\n\r", newline);
    add("0123456789", digit | word_part);
    add("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_", word_start | word_part);
    add("$", word_part);
    add("~!@#^&|`?+-*/%<>=,()[].;:", symbol);
    for (std::size_t high = 0x80; high < table.size(); ++high)
        table[high] = word_start | word_part;
    return table;
}();

bool is(char c, unsigned wanted)
{
    return (classes[static_cast<unsigned char>(c)] & wanted) != 0;
}

bool is_space(char c)
{
    return is(c, space);
}

bool is_newline(char c)
{
    return is(c, newline);
}

bool is_digit(char c)
{
    return is(c, digit);
}

bool starts_word(char c)
{
    return is(c, word_start);
}

bool continues_word(char c)
{
    return is(c, word_part);
}

bool is_symbol(char c)
{
    return is(c, symbol);
}

constexpr std::size_t longest_plain_integer = 9; // of digits that always fit 32 bits

} // namespace

bool Tokenizer::fail()
{
    sound_ = false;
    return false;
}

bool Tokenizer::skip_block_comment()
{
    int depth = 0;
    while (position_ < sql_.size()) {
        if (at(position_) == '/' && at(position_ + 1) == '*') {
            ++depth;
            position_ += 2;
        } else if (at(position_) == '*' && at(position_ + 1) == '/') {
            position_ += 2;
            if (--depth == 0)
                return true;
        } else {
            ++position_;
        }
    }
    return fail();
}

bool Tokenizer::skip_gap()
{
    const std::size_t begin = position_;
    while (position_ < sql_.size()) {
        const char c = sql_[position_];
        if (is_space(c)) {
            ++position_;
        } else if (c == '-' && at(position_ + 1) == '-') {
            while (position_ < sql_.size() && !is_newline(sql_[position_]))
                ++position_;
        } else if (c == '/' && at(position_ + 1) == '*') {
            if (!skip_block_comment())
                return false;
        } else {
            break;
        }
    }
    return position_ != begin;
}

/// From behind the opening quote to behind the closing one.
bool Tokenizer::quoted_part(std::size_t& position, char quote, bool backslashes, bool& has_backslash)
{
    while (position < sql_.size()) {
        const char c = sql_[position++];
        if (c == quote) {
            if (at(position) != quote)
                return true;
            ++position;
        } else if (c == '\\') {
            has_backslash = true;
            if (backslashes)
                ++position;
        } else if (c == '\0') {
            return fail();
        }
    }
    return fail();
}

/// Where the next part of a literal opens, 0 if the literal ends here: parts are separated by white space and --
/// comments with a line end among them.
std::size_t Tokenizer::continuation(std::size_t position, bool& has_comment) const
{
    bool line_end = false, comment = false;
    while (position < sql_.size()) {
        if (is_space(sql_[position])) {
            line_end = line_end || is_newline(sql_[position]);
            ++position;
        } else if (sql_[position] == '-' && at(position + 1) == '-') {
            comment = true;
            while (position < sql_.size() && !is_newline(sql_[position]))
                ++position;
        } else {
            break;
        }
    }
    if (!line_end || at(position) != '\'')
        return 0;
    has_comment = has_comment || comment;
    return position + 1;
}

bool Tokenizer::quoted(Token& token, TokenKind kind, std::size_t quote)
{
    const char mark = sql_[quote];
    const bool backslashes = kind == TokenKind::escape_string || (kind == TokenKind::string && backslashes_);
    std::size_t position = quote + 1;
    token.kind = kind;
    token.content_begin = position;
    for (std::size_t next = position; next != 0; next = mark == '\'' ? continuation(position, token.has_comment) : 0) {
        position = next;
        if (!quoted_part(position, mark, backslashes, token.has_backslash))
            return false;
    }
    if (position > sql_.size())
        return fail();
    token.content_end = position - 1;
    token.end = position_ = position;
    return true;
}

bool Tokenizer::dollar(Token& token)
{
    std::size_t position = position_ + 1;
    if (is_digit(at(position))) {
        while (is_digit(at(position)))
            ++position;
        if (continues_word(at(position)))
            return fail();
        token.kind = TokenKind::parameter;
        token.end = position_ = position;
        return true;
    }
    if (starts_word(at(position)))
        while (position < sql_.size() && (starts_word(sql_[position]) || is_digit(sql_[position])))
            ++position;
    if (at(position) != '$')
        return fail();
    const std::string_view tag = sql_.substr(position_, position + 1 - position_);
    const std::size_t close = sql_.find(tag, position + 1);
    if (close == std::string_view::npos)
        return fail();
    token.kind = TokenKind::dollar_string;
    token.content_begin = position + 1;
    token.content_end = close;
    token.end = position_ = close + tag.size();
    return true;
}

bool Tokenizer::number(Token& token)
{
    std::size_t position = position_;
    const auto digits = [&] {
        const std::size_t begin = position;
        while (is_digit(at(position)))
            ++position;
        return position - begin;
    };
    const std::size_t whole = digits();
    bool plain = true;
    if (at(position) == '.' && at(position + 1) != '.') {
        plain = false;
        ++position;
        digits();
    }
    if (at(position) == 'e' || at(position) == 'E') {
        plain = false;
        ++position;
        if (at(position) == '+' || at(position) == '-')
            ++position;
        if (digits() == 0)
            return fail();
    }
    if (continues_word(at(position)))
        return fail();
    token.kind = plain && whole <= longest_plain_integer ? TokenKind::integer : TokenKind::number;
    token.content_begin = position_;
    token.content_end = token.end = position_ = position;
    return true;
}

bool Tokenizer::word(Token& token)
{
    const char first = static_cast<char>(sql_[position_] | 0x20);
    const char second = at(position_ + 1);
    if (second == '\'') {
        if (first == 'e')
            return quoted(token, TokenKind::escape_string, position_ + 1);
        if (first == 'n')
            return quoted(token, TokenKind::string, position_ + 1);
        if (first == 'b' || first == 'x')
            return quoted(token, TokenKind::bit_string, position_ + 1);
    }
    if (first == 'u' && second == '&' && at(position_ + 2) == '\'')
        return quoted(token, TokenKind::unicode_string, position_ + 2);
    if (first == 'u' && second == '&' && at(position_ + 2) == '"')
        return quoted(token, TokenKind::unicode_name, position_ + 2);
    std::size_t position = position_;
    while (position < sql_.size() && continues_word(sql_[position]))
        ++position;
    token.kind = TokenKind::word;
    token.end = position_ = position;
    return true;
}

bool Tokenizer::next(Token& token)
{
    if (!sound_)
        return false;
    token = {};
    token.gap_before = skip_gap();
    if (!sound_ || position_ >= sql_.size())
        return false;
    token.begin = position_;
    const char c = sql_[position_];
    if (starts_word(c))
        return word(token);
    if (c == '\'')
        return quoted(token, TokenKind::string, position_);
    if (c == '"')
        return quoted(token, TokenKind::quoted_name, position_);
    if (c == '$')
        return dollar(token);
    if (is_digit(c) || (c == '.' && is_digit(at(position_ + 1))))
        return number(token);
    if (!is_symbol(c))
        return fail();
    token.kind = TokenKind::symbol;
    token.end = ++position_;
    return true;
}

bool readings_agree(std::string_view sql)
{
    Tokenizer standard{sql, false};
    Tokenizer backslashes{sql, true};
    Token one;
    Token other;
    while (true) {
        const bool more = standard.next(one);
        if (more != backslashes.next(other))
            return false;
        if (!more)
            return standard.sound() && backslashes.sound();
        if (one.begin != other.begin || one.end != other.end)
            return false;
    }
}

} // namespace stepgate::policies::postgres
