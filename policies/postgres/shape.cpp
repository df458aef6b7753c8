#include "policies/postgres/shape.h"

#include "policies/postgres/tokenizer.h"
#include "policies/statement/ascii.h"
#include "policies/statement/shape_text.h"
#include "policies/statement/siphash.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <random>
#include <vector>

namespace stepgate::policies::postgres
{
namespace
{

// Marks in the normal form. They cannot stand in it otherwise: the tokenizer passes no control bytes but in quotes, and
// what is quoted is preceded by its length.
constexpr char mark_string = '\x01';
constexpr char mark_integer = '\x02';
constexpr char mark_verbatim = '\x03';

constexpr std::array<char, 256> lower_case = [] {
    std::array<char, 256> table{};
    for (std::size_t c = 0; c < table.size(); ++c)
        table[c] = lower(static_cast<char>(c));
    return table;
}();

/// Where the normal form is written: memory that the thread keeps, so that a repeated shape allocates nothing; memory
/// of its own for a long text.
class NormalForm
{
  public:
    NormalForm(std::size_t sql_bytes, std::size_t salt_bytes)
    {
        // At worst ""$1""$1 and so on: two bytes, a mark and four bytes of length for every two bytes.
        const std::size_t most = 4 * sql_bytes + salt_bytes + 16;
        static thread_local std::vector<char> kept(kept_bytes);
        if (most > kept.size())
            own_.resize(most);
        begin_ = end_ = own_.empty() ? kept.data() : own_.data();
    }

    [[nodiscard]] bool empty() const { return begin_ == end_; }
    [[nodiscard]] std::string_view text() const { return {begin_, static_cast<std::size_t>(end_ - begin_)}; }

    [[nodiscard]] bool has_literals() const { return has_literals_; }

    void put(char c) { *end_++ = c; }
    void put_literal(char mark)
    {
        put(mark);
        has_literals_ = true;
    }
    void put_lower(std::string_view text)
    {
        for (const char c : text)
            *end_++ = lower_case[static_cast<unsigned char>(c)];
    }
    void put_verbatim(std::string_view text)
    {
        put(mark_verbatim);
        for (int shift = 0; shift < 32; shift += 8)
            put(static_cast<char>(text.size() >> shift & 0xff));
        end_ = std::copy(text.begin(), text.end(), end_); // also of no text at all, unlike memcpy
    }

  private:
    static constexpr std::size_t kept_bytes = 65536;
    std::vector<char> own_;
    char* begin_ = nullptr;
    char* end_ = nullptr;
    bool has_literals_ = false;
};

bool is_float_type(std::string_view word)
{
    return same_word(word, "float");
}

/// Writes the normal form; false when the text's shape says too little about its parse.
bool normalise(std::string_view sql, Lexing lexing, NormalForm& out)
{
    Tokenizer tokens{sql, lexing == Lexing::backslashes};
    for (Token token; tokens.next(token);) {
        const std::string_view text = sql.substr(token.begin, token.end - token.begin);
        if (token.gap_before && !out.empty())
            out.put(' ');
        switch (token.kind) {
        case TokenKind::word:
            if (is_float_type(text)) // the grammar looks at the number in float(n)
                return false;
            out.put_lower(text);
            break;
        case TokenKind::symbol:
            out.put(text.front());
            break;
        case TokenKind::integer:
            out.put_literal(mark_integer);
            break;
        case TokenKind::string:
            // libpg_query takes no comment between a literal's parts, where the server does
            if (token.has_comment || (token.has_backslash && lexing != Lexing::standard))
                return false;
            out.put_literal(mark_string);
            break;
        case TokenKind::parameter:
        case TokenKind::number:
        case TokenKind::quoted_name:
        case TokenKind::bit_string:
        case TokenKind::dollar_string:
            out.put_verbatim(text);
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

/// The highest $n of the text.
unsigned highest_parameter(std::string_view sql)
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
    NormalForm normal{sql.size(), salt.size()};
    Shape shape;
    shape.sound = normalise(sql, lexing, normal);
    if (shape.sound) {
        normal.put_verbatim(salt);
        const auto hash = statement::siphash128(normal.text(), secret);
        shape.key = {hash[0], hash[1]};
        shape.has_literals = normal.has_literals();
    }
    return shape;
}

std::string shape_text(std::string_view sql, std::size_t max_bytes)
{
    using statement::ShapeText;
    if (!readings_agree(sql))
        return std::string{ShapeText::hidden};
    unsigned next = highest_parameter(sql);
    ShapeText out{max_bytes};
    Tokenizer tokens{sql, false};
    for (Token token; !out.full() && tokens.next(token);) {
        if (token.gap_before)
            out.gap();
        const std::string_view text = sql.substr(token.begin, token.end - token.begin);
        if (is_literal(token.kind))
            out.add("$" + std::to_string(++next));
        else if (token.kind == TokenKind::word)
            out.word(text);
        else if (token.kind == TokenKind::quoted_name)
            out.name(text, text.substr(1, text.size() - 2));
        else if (token.kind == TokenKind::unicode_name)
            out.add(ShapeText::hidden);
        else
            out.add(text);
    }
    return out.take();
}

} // namespace stepgate::policies::postgres
