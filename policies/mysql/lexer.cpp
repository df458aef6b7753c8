#include "policies/mysql/lexer.h"

#include "policies/statement/ascii.h"

namespace stepgate::policies::mysql
{
namespace
{

bool is_control(char c)
{
    return (static_cast<unsigned char>(c) < 0x20) || c == '\x7f';
}

bool is_hex_digit(char c)
{
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

bool is_high(char c)
{
    return static_cast<unsigned char>(c) >= 0x80;
}

/// Bytes of the UTF-8 character at the front; 0 if there is none. Names hold characters of at most three bytes.
std::size_t character_size(std::string_view text)
{
    const auto byte = [text](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : static_cast<unsigned char>(0);
    };
    const auto follows = [byte](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
    const unsigned char first = byte(0);
    if (first >= 0xc2 && first <= 0xdf && follows(1))
        return 2;
    if (first >= 0xe0 && first <= 0xef && follows(1) && follows(2) && !(first == 0xe0 && byte(1) < 0xa0) &&
        !(first == 0xed && byte(1) >= 0xa0))
        return 3;
    return 0;
}

char unescaped_character(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    case 'b':
        return '\b';
    case '0':
        return '\0';
    case 'Z':
        return '\x1a';
    default:
        return c;
    }
}

} // namespace

bool Lexer::is_space(char c) const
{
    return c == ' ' || (c >= '\t' && c <= '\r') || (c == '\xa0' && reading_->charset == Charset::latin1);
}

/// Bytes of the character of a name at this position; 0 if none may stand in one.
std::size_t Lexer::name_character(std::size_t position) const
{
    const char c = at(position);
    if (is_letter(c) || is_digit(c) || c == '_' || c == '$')
        return 1;
    const bool utf8 = reading_->charset == Charset::utf8mb4 || reading_->charset == Charset::utf8mb3;
    return is_high(c) && utf8 ? character_size(sql_.substr(position)) : 0;
}

std::size_t Lexer::name_end(std::size_t position) const
{
    while (const std::size_t size = name_character(position))
        position += size;
    return position;
}

Token Lexer::fail(std::string_view why)
{
    if (trouble_.empty())
        trouble_ = why;
    Token token;
    token.begin = token.end = static_cast<std::uint32_t>(position_);
    return token;
}

void Lexer::restart(std::size_t position)
{
    position_ = position;
    in_comment_ = false;
    after_point_ = false;
    point_follows_ = false;
}

void Lexer::look_from(const Token& token)
{
    position_ = token.begin;
    in_comment_ = token.in_comment;
    after_point_ = false;
    point_follows_ = false;
}

/// Skips white space and comments; false at trouble.
bool Lexer::skip_gap()
{
    for (;;) {
        while (position_ < sql_.size() && is_space(sql_[position_]))
            ++position_;
        const char c = at(position_);
        if (c == '#') {
            if (!line_comment())
                return false;
        } else if (c == '-' && at(position_ + 1) == '-' &&
                   (position_ + 2 >= sql_.size() || is_space(sql_[position_ + 2]) || is_control(sql_[position_ + 2]))) {
            ++position_;
            if (!line_comment())
                return false;
        } else if (c == '/' && at(position_ + 1) == '*') {
            if (!skip_comment())
                return false;
        } else if (c == '*' && at(position_ + 1) == '/' && in_comment_) {
            position_ += 2;
            in_comment_ = false;
        } else {
            return true;
        }
    }
}

/// To the end of the line. The server ends such a comment at a zero byte too, and then finds no token.
bool Lexer::line_comment()
{
    while (position_ < sql_.size() && sql_[position_] != '\n') {
        if (sql_[position_] == '\0' && position_ > 0) {
            fail("holds a zero byte in a comment that ends with its line");
            return false;
        }
        ++position_;
    }
    return true;
}

/// At "/*". What it skips has no meaning; a conditional comment that runs is entered.
bool Lexer::skip_comment()
{
    const bool maria_only = at(position_ + 2) == 'M' && at(position_ + 3) == '!' && reading_->version.mariadb;
    if (at(position_ + 2) == '!')
        return conditional(position_ + 3, false);
    if (maria_only)
        return conditional(position_ + 4, true);
    if (at(position_ + 2) == '+' && !reading_->version.mariadb)
        return hint();
    position_ += 2;
    return skip_raw(false);
}

/// Optimizer hints may quote names, in which "*/" ends nothing.
bool Lexer::hint()
{
    const std::size_t begin = position_ + 2;
    position_ = begin;
    if (!skip_raw(false))
        return false;
    if (sql_.substr(begin, position_ - begin).find_first_of("`\"'") == std::string_view::npos)
        return true;
    fail("holds an optimizer hint with quotes");
    return false;
}

/// Inside a comment, to after its "*/", whatever stands there. A conditional comment that does not run may hold
/// another comment, but none inside that.
bool Lexer::skip_raw(bool nested)
{
    int depth = 1;
    while (position_ < sql_.size()) {
        if (at(position_) == '*' && at(position_ + 1) == '/') {
            position_ += 2;
            if (--depth == 0)
                return true;
        } else if (nested && depth == 1 && at(position_) == '/' && at(position_ + 1) == '*') {
            position_ += 2;
            ++depth;
        } else {
            ++position_;
        }
    }
    fail("holds a comment without end");
    return false;
}

/// "/*!" and "/*M!": five or six digits say from which version on the server runs what is inside; without them it
/// always does. MariaDB leaves those of MySQL 5.7 to 9.99 alone.
bool Lexer::conditional(std::size_t digits_at, bool maria_only)
{
    std::size_t digits = 0;
    unsigned five = 0, six = 0;
    while (digits < 6 && is_digit(at(digits_at + digits))) {
        six = six * 10 + static_cast<unsigned>(at(digits_at + digits) - '0');
        if (++digits == 5)
            five = six;
    }
    if (digits < 5) {
        position_ = digits_at;
        in_comment_ = true;
        return true;
    }
    const ServerVersion& version = reading_->version;
    bool runs_low = false, runs_high = false;
    std::size_t used = digits;
    if (version.mariadb) {
        const bool of_mysql = six >= 50700 && six <= 99999 && !maria_only;
        runs_low = six <= version.low && !of_mysql;
        runs_high = six <= version.high && !of_mysql;
        runs_high = runs_high || six == 99997; // Galera nodes run it
    } else {
        // Six digits count since 8.4, if white space follows; before, the sixth belongs to what is inside. In between,
        // and without white space, it is not certain.
        const bool old_low = version.low < 80400 || (digits == 6 && !is_space(at(digits_at + 6)));
        const bool old_high = version.high < 80100;
        runs_low = (old_low ? five : six) <= version.low;
        runs_high = (old_high ? five : six) <= version.high || (old_low && five <= version.high);
        if (digits == 6 && (runs_low || runs_high) && old_low != old_high) {
            fail("holds a conditional comment that server versions read differently");
            return false;
        }
        used = old_high ? 5 : digits;
    }
    if (runs_low != runs_high) {
        fail("holds a conditional comment that only some server versions run");
        return false;
    }
    if (runs_low) {
        position_ = digits_at + used;
        in_comment_ = true;
        return true;
    }
    position_ = digits_at;
    return skip_raw(true);
}

Token Lexer::next()
{
    if (!trouble_.empty())
        return fail(trouble_);
    Token token;
    const bool continues = after_point_ && name_character(position_) != 0;
    after_point_ = false;
    if (!continues && !skip_gap())
        return fail(trouble_);
    token.begin = token.end = static_cast<std::uint32_t>(position_);
    token.in_comment = in_comment_;
    // Some programs (mariadb-slap) send the zero byte behind their text too, which ends it for the server as well.
    if (position_ >= sql_.size() || (position_ + 1 == sql_.size() && sql_[position_] == '\0'))
        return in_comment_ ? fail("holds a conditional comment without end") : token;
    token = continues ? after_point(token) : one(token);
    position_ = token.end;
    return trouble_.empty() ? token : fail(trouble_);
}

Token Lexer::one(Token token)
{
    const char c = sql_[position_];
    const char following = at(position_ + 1);
    const bool point = point_follows_; // of a name directly before, so that "t.5a" is a name
    point_follows_ = false;
    if (c == '\'' || (c == '"' && !reading_->mode.ansi_quotes))
        return string(token, TokenKind::string, position_);
    if (c == '`' || c == '"')
        return quoted_name(token, position_, TokenKind::quoted_name);
    if (lower(c) == 'n' && following == '\'')
        return string(token, TokenKind::national_string, position_ + 1);
    if (lower(c) == 'x' && following == '\'')
        return radix_literal(token, TokenKind::hex);
    if (lower(c) == 'b' && following == '\'')
        return radix_literal(token, TokenKind::bits);
    if (is_digit(c))
        return number(token);
    if (name_character(position_) != 0)
        return word(token);
    if (c == '.' && is_digit(following) && !point)
        return fraction(token, position_);
    if (c == '@')
        return variable(token);
    if (c == '\\' && following == 'N' && reading_->version.mariadb) { // NULL
        token.kind = TokenKind::word;
        token.word = Word::k_null;
        token.text = sql_.substr(position_, 2);
        token.end = static_cast<std::uint32_t>(position_ + 2);
        return token;
    }
    return punctuation(token);
}

bool Lexer::calls(std::size_t end) const
{
    if (reading_->mode.ignore_space)
        while (end < sql_.size() && is_space(sql_[end]))
            ++end;
    return at(end) == '(';
}

Token Lexer::word(Token token)
{
    token.kind = TokenKind::word;
    const std::size_t end = name_end(position_);
    token.end = static_cast<std::uint32_t>(end);
    token.text = sql_.substr(position_, end - position_);
    // Where the dollar sign may open a quoted text (MySQL 9) and where it may not is a matter of versions. One that
    // only begins where the text ends would be an error: `select $$`, with which MySQL's client finds out.
    const auto second = token.text.front() == '$' ? token.text.find('$', 1) : std::string_view::npos;
    const bool unfinished = second + 1 == token.text.size() && end == sql_.size();
    if (second != std::string_view::npos && !unfinished && !reading_->version.mariadb)
        return fail("holds a name that may be a dollar quote");
    point_follows_ = at(end) == '.' && name_character(end + 1) != 0;
    if (point_follows_)
        return token; // never a keyword
    token.call_follows = calls(end);
    token.word = word_of(token.text);
    if (only_before_call(token.word) && !token.call_follows)
        token.word = Word::none;
    return token;
}

/// Directly after a point: a name even if it starts with digits or spells a keyword.
Token Lexer::after_point(Token token)
{
    token.kind = TokenKind::word;
    token.end = static_cast<std::uint32_t>(name_end(position_));
    token.text = sql_.substr(position_, token.end - position_);
    token.call_follows = calls(token.end);
    point_follows_ = at(token.end) == '.' && name_character(token.end + 1) != 0;
    return token;
}

/// A number, or a name that starts like one ("1st", "0x", "1e").
Token Lexer::number(Token token)
{
    std::size_t end = position_;
    const auto literal = [&](TokenKind kind, std::size_t to) {
        token.kind = kind;
        token.end = static_cast<std::uint32_t>(to);
        token.text = sql_.substr(position_, to - position_);
        return token;
    };
    if (sql_[position_] == '0' && (at(position_ + 1) == 'x' || at(position_ + 1) == 'b')) {
        const bool hex = at(position_ + 1) == 'x';
        end += 2;
        while (hex ? is_hex_digit(at(end)) : at(end) == '0' || at(end) == '1')
            ++end;
        if (end - position_ >= 3 && name_character(end) == 0)
            return literal(hex ? TokenKind::hex : TokenKind::bits, end);
        return after_point(token);
    }
    while (is_digit(at(end)))
        ++end;
    if (name_character(end) == 0) {
        if (at(end) == '.' && !(at(end + 1) == '.' && reading_->version.mariadb))
            return fraction(token, end);
        return literal(TokenKind::integer, end);
    }
    if (lower(at(end)) == 'e') {
        std::size_t exponent = end + 1;
        if (at(exponent) == '+' || at(exponent) == '-')
            ++exponent;
        if (is_digit(at(exponent))) {
            while (is_digit(at(exponent)))
                ++exponent;
            return literal(TokenKind::number, exponent);
        }
    }
    return after_point(token);
}

/// From the point of a number on.
Token Lexer::fraction(Token token, std::size_t point)
{
    std::size_t end = point + 1;
    while (is_digit(at(end)))
        ++end;
    if (lower(at(end)) == 'e') {
        ++end;
        if (at(end) == '+' || at(end) == '-')
            ++end;
        if (!is_digit(at(end)))
            return fail("holds a number with half an exponent");
        while (is_digit(at(end)))
            ++end;
    }
    token.kind = TokenKind::number;
    token.end = static_cast<std::uint32_t>(end);
    token.text = sql_.substr(position_, end - position_);
    return token;
}

/// x'1f' and b'101'.
Token Lexer::radix_literal(Token token, TokenKind kind)
{
    std::size_t end = position_ + 2;
    while (kind == TokenKind::hex ? is_hex_digit(at(end)) : at(end) == '0' || at(end) == '1')
        ++end;
    if (at(end) != '\'' || (kind == TokenKind::hex && (end - position_) % 2 != 0))
        return fail("holds a hexadecimal or bit literal that is none");
    token.kind = kind;
    token.text = sql_.substr(position_ + 2, end - position_ - 2);
    token.end = static_cast<std::uint32_t>(end + 1);
    return token;
}

Token Lexer::string(Token token, TokenKind kind, std::size_t quote)
{
    const char mark = sql_[quote];
    for (std::size_t end = quote + 1; end < sql_.size(); ++end) {
        if (sql_[end] == '\\' && !reading_->mode.no_backslash_escapes) {
            token.escaped = true;
            ++end;
        } else if (sql_[end] == mark) {
            if (at(end + 1) == mark && end + 1 < sql_.size()) {
                token.escaped = true;
                ++end;
                continue;
            }
            token.kind = kind;
            token.quote = mark;
            token.text = sql_.substr(quote + 1, end - quote - 1);
            token.end = static_cast<std::uint32_t>(end + 1);
            return token;
        }
    }
    return fail("holds a string without end");
}

Token Lexer::quoted_name(Token token, std::size_t quote, TokenKind kind)
{
    const char mark = sql_[quote];
    for (std::size_t end = quote + 1; end < sql_.size() && sql_[end] != '\0'; ++end) {
        if (sql_[end] != mark)
            continue;
        if (at(end + 1) == mark) {
            token.escaped = true;
            ++end;
            continue;
        }
        token.kind = kind;
        token.quote = mark;
        token.text = sql_.substr(quote + 1, end - quote - 1);
        token.end = static_cast<std::uint32_t>(end + 1);
        token.call_follows = calls(token.end);
        return token;
    }
    return fail("holds a quoted name without end");
}

/// @name, @'name', @@name. A host may stand behind an account's "@": letters, digits, points. The name may be empty.
Token Lexer::variable(Token token)
{
    const bool system = at(position_ + 1) == '@';
    const std::size_t name = position_ + (system ? 2 : 1);
    const char c = at(name);
    if (c == '`' || (!system && c == '"' && reading_->mode.ansi_quotes))
        return quoted_name(token, name, system ? TokenKind::system_variable : TokenKind::user_variable);
    if (!system && (c == '\'' || c == '"'))
        return string(token, TokenKind::user_variable, name);
    std::size_t end = name;
    while (is_letter(at(end)) || is_digit(at(end)) || at(end) == '_' || at(end) == '$' || (!system && at(end) == '.'))
        ++end;
    if (is_high(at(end)) && !is_space(at(end)))
        return fail("holds a variable whose name is not ASCII");
    if (system && end == name)
        return fail("holds a system variable without name");
    token.kind = system ? TokenKind::system_variable : TokenKind::user_variable;
    token.text = sql_.substr(name, end - name);
    token.end = static_cast<std::uint32_t>(end);
    return token;
}

/// Runs of <, >, = and !. Some that the server's lexer swallows whole are no operators: it does not vouch for them.
Token Lexer::comparison(Token token)
{
    static constexpr std::string_view marks = "<>=!";
    std::size_t end = position_ + 1;
    if (marks.find(at(end)) != std::string_view::npos && end < sql_.size()) {
        ++end;
        const char third = at(end);
        if (sql_[position_] == '<' && (third == '>' || third == '=' || third == '!') && end < sql_.size())
            ++end;
    }
    const std::string_view text = sql_.substr(position_, end - position_);
    token.end = static_cast<std::uint32_t>(end);
    token.text = text;
    if (text.size() == 1)
        token.symbol = symbol(text.front());
    else if (text == "<=>")
        token.symbol = Symbol::null_safe_equal;
    else if (text == "<=")
        token.symbol = Symbol::less_equal;
    else if (text == ">=")
        token.symbol = Symbol::greater_equal;
    else if (text == "<>" || text == "!=")
        token.symbol = Symbol::not_equal;
    else if (text == "<<")
        token.symbol = Symbol::shift_left;
    else if (text == ">>")
        token.symbol = Symbol::shift_right;
    else
        return fail("holds a run of comparison signs that is no operator");
    return token;
}

Token Lexer::punctuation(Token token)
{
    const char c = sql_[position_];
    const char following = at(position_ + 1);
    token.kind = TokenKind::symbol;
    if (c == '<' || c == '>' || c == '=' || c == '!')
        return comparison(token);
    const auto two = [&](Symbol made) {
        token.symbol = made;
        token.end = static_cast<std::uint32_t>(position_ + 2);
        token.text = sql_.substr(position_, 2);
        return token;
    };
    if ((c == '&' || c == '|') && following == c)
        return two(c == '&' ? Symbol::and_and : Symbol::or_or);
    if (c == ':' && following == '=')
        return two(Symbol::assign);
    if (c == '.' && following == '.' && reading_->version.mariadb)
        return two(Symbol::dots);
    if (c == '-' && following == '>' && !reading_->version.mariadb) {
        two(Symbol::arrow);
        if (at(position_ + 2) == '>') {
            token.symbol = Symbol::long_arrow;
            ++token.end;
        }
        return token;
    }
    static constexpr std::string_view single = "()+-*/%^~&|,;.{}[]:?";
    if (c == '\0' || single.find(c) == std::string_view::npos)
        return fail("holds a character that means nothing here");
    token.symbol = symbol(c);
    token.end = static_cast<std::uint32_t>(position_ + 1);
    token.text = sql_.substr(position_, 1);
    after_point_ = c == '.';
    if (c == '?') {
        if (name_character(position_ + 1) != 0)
            return fail("holds a parameter that runs into a name");
        token.kind = TokenKind::parameter;
    }
    return token;
}

std::string unescaped(const Token& token, const Reading& reading)
{
    if (!token.escaped)
        return std::string{token.text};
    const bool backslashes = (token.kind == TokenKind::string || token.kind == TokenKind::national_string ||
                              token.kind == TokenKind::user_variable) &&
                             token.quote != '`' && !(token.quote == '"' && reading.mode.ansi_quotes) &&
                             !reading.mode.no_backslash_escapes;
    std::string out;
    out.reserve(token.text.size());
    for (std::size_t i = 0; i < token.text.size(); ++i) {
        const char c = token.text[i];
        if (c == '\\' && backslashes && i + 1 < token.text.size()) {
            const char escaped = token.text[++i];
            if (escaped == '%' || escaped == '_') // kept for LIKE
                out += c;
            out += unescaped_character(escaped);
        } else {
            out += c;
            if (c == token.quote)
                ++i; // doubled
        }
    }
    return out;
}

} // namespace stepgate::policies::mysql
