#pragma once

#include "policies/mysql/charset.h"
#include "policies/mysql/server_version.h"
#include "policies/mysql/sql_mode.h"
#include "policies/mysql/words.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace stepgate::policies::mysql
{

/// All that decides how bytes become tokens.
struct Reading {
    ServerVersion version;
    SqlMode mode;
    Charset charset = Charset::utf8mb4;
};

enum class TokenKind : std::uint8_t {
    end,             // of the text, or nothing more that is vouched for: see Lexer::trouble
    word,            // identifier or keyword, not quoted
    quoted_name,     // `…`, and "…" where that is a name
    string,          // '…', "…"
    national_string, // N'…'
    integer,
    number,          // with a point or an exponent
    hex,             // 0x1f, x'1f'
    bits,            // 0b1, b'1'
    user_variable,   // @name, @'name', or a bare @; also the host of an account
    system_variable, // @@name up to the first point
    parameter,       // ?
    symbol,
};

/// An operator or a punctuation mark; those of one character are that character.
enum class Symbol : unsigned char {
    none = 0,
    less_equal = 1,
    greater_equal,
    not_equal,
    null_safe_equal,
    shift_left,
    shift_right,
    and_and,
    or_or,
    assign,
    arrow,      // -> of MySQL
    long_arrow, // ->> of MySQL
    dots,       // .. of MariaDB
    percent = '%',
    ampersand = '&',
    star = '*',
    plus = '+',
    minus = '-',
    slash = '/',
    less = '<',
    equal = '=',
    greater = '>',
    caret = '^',
    pipe = '|',
};
constexpr Symbol symbol(char c)
{
    return static_cast<Symbol>(c);
}

struct Token {
    TokenKind kind = TokenKind::end;
    Word word = Word::none; // of words that are keywords here
    Symbol symbol = Symbol::none;
    bool call_follows = false; // words: "(" follows as a function's must
    bool in_comment = false;   // inside a conditional comment that runs
    bool escaped = false;      // quoted: `text` holds doubled quotes or backslashes
    char quote = 0;            // quoted: the character around it
    std::uint32_t begin = 0, end = 0;
    std::string_view text; // without quotes, @ or @@
};

/// Cuts a text into tokens exactly as the server that `Reading` describes does (MySQL and MariaDB: sql/sql_lex.cc).
/// Whatever it does not vouch for ends the tokens, with a reason; the text is then opaque. A plain value: copy it to
/// look ahead. The text must outlive it.
class Lexer
{
  public:
    Lexer(std::string_view sql, const Reading& reading) : sql_(sql), reading_(&reading) {}

    [[nodiscard]] Token next();
    /// Why the tokens ended before the text did; empty if they did not.
    [[nodiscard]] std::string_view trouble() const { return trouble_; }
    [[nodiscard]] std::size_t position() const { return position_; }
    /// Goes on at a position, as the server does after the ";" of a statement.
    void restart(std::size_t position);
    /// Goes back (or on) to a token, to read it again.
    void look_from(const Token& token);

  private:
    [[nodiscard]] char at(std::size_t position) const { return position < sql_.size() ? sql_[position] : '\0'; }
    [[nodiscard]] bool is_space(char c) const;
    [[nodiscard]] std::size_t name_character(std::size_t position) const;
    [[nodiscard]] std::size_t name_end(std::size_t position) const;
    Token fail(std::string_view why);
    bool skip_gap();
    bool skip_comment();
    bool skip_raw(bool nested);
    bool conditional(std::size_t digits_at, bool maria_only);
    bool line_comment();
    bool hint();
    Token one(Token token);
    Token word(Token token);
    Token after_point(Token token);
    Token number(Token token);
    Token fraction(Token token, std::size_t at);
    Token radix_literal(Token token, TokenKind kind);
    Token string(Token token, TokenKind kind, std::size_t quote);
    Token quoted_name(Token token, std::size_t quote, TokenKind kind);
    Token variable(Token token);
    Token comparison(Token token);
    Token punctuation(Token token);
    [[nodiscard]] bool calls(std::size_t end) const;

    std::string_view sql_;
    const Reading* reading_;
    std::size_t position_ = 0;
    std::string_view trouble_;
    bool in_comment_ = false;    // inside a conditional comment that runs
    bool after_point_ = false;   // the next character continues a dotted name
    bool point_follows_ = false; // directly behind a name, before another
};

/// The value of a string token, or the name of a quoted one: doubled quotes and backslashes undone.
[[nodiscard]] std::string unescaped(const Token& token, const Reading& reading);

} // namespace stepgate::policies::mysql
