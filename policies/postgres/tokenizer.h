#pragma once

#include <cstdint>
#include <string_view>

namespace stepgate::policies::postgres
{

/// What the tokenizer tells apart; every literal has a class of its own because the parser treats them differently.
enum class TokenKind : std::uint8_t {
    word,           // identifier or keyword, not quoted
    quoted_name,    // "…"
    unicode_name,   // U&"…"
    string,         // '…' and N'…', with its continuations on following lines
    escape_string,  // E'…'
    unicode_string, // U&'…'
    bit_string,     // B'…', X'…'
    dollar_string,  // $tag$…$tag$
    integer,        // digits only, at most 9: always a 32-bit integer
    number,         // any other number
    parameter,      // $1
    symbol,         // one character of an operator or punctuation
};

struct Token {
    TokenKind kind = TokenKind::symbol;
    std::size_t begin = 0, end = 0;
    bool gap_before = false;                        // white space or a comment stands before it
    bool has_backslash = false;                     // strings: a backslash is inside
    bool has_comment = false;                       // strings: a comment stands between its parts
    std::size_t content_begin = 0, content_end = 0; // literals: between the outer quotes
};

/// Cuts a text as PostgreSQL's lexer does (docs 4.1), without reading meaning into it. `sound()` turns false, for good,
/// at the first byte it does not vouch for; callers must then not rely on any token seen.
class Tokenizer
{
  public:
    Tokenizer(std::string_view sql, bool backslashes) : sql_(sql), backslashes_(backslashes) {}

    /// False at the end of the text or when it is not sound.
    [[nodiscard]] bool next(Token& token);
    [[nodiscard]] bool sound() const { return sound_; }

  private:
    [[nodiscard]] char at(std::size_t position) const { return position < sql_.size() ? sql_[position] : '\0'; }
    bool skip_gap();
    bool skip_block_comment();
    bool quoted(Token& token, TokenKind kind, std::size_t quote);
    bool quoted_part(std::size_t& position, char quote, bool backslashes, bool& has_backslash);
    [[nodiscard]] std::size_t continuation(std::size_t position, bool& has_comment) const;
    bool dollar(Token& token);
    bool number(Token& token);
    bool word(Token& token);
    bool fail();

    std::string_view sql_;
    std::size_t position_ = 0;
    bool backslashes_;
    bool sound_ = true;
};

/// Both readings of plain literals, with backslashes and without, cut the text alike.
[[nodiscard]] bool readings_agree(std::string_view sql);

} // namespace stepgate::policies::postgres
