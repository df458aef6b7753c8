#include "policies/mysql/column_type.h"

#include "policies/mysql/one_reading.h"
#include "policies/statement/ascii.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace stepgate::policies::mysql
{
namespace
{

struct Type {
    std::string base;
    int length = -1, decimals = -1; // -1: not written
    bool is_unsigned = false;
    std::vector<std::string> values; // of ENUM and SET
};

using Ranks = std::span<const std::string_view>;

/// Its place in a list of types of which each holds what those before it hold; -1: it is not there.
int rank(Ranks ranks, std::string_view base)
{
    const auto found = std::ranges::find(ranks, base);
    return found == ranks.end() ? -1 : static_cast<int>(found - ranks.begin());
}

constexpr std::array<std::string_view, 5> integers = {"tinyint", "smallint", "mediumint", "int", "bigint"};
constexpr std::array<std::string_view, 4> texts = {"tinytext", "text", "mediumtext", "longtext"};
constexpr std::array<std::string_view, 4> blobs = {"tinyblob", "blob", "mediumblob", "longblob"};
constexpr std::array<long, 4> most_bytes = {255, 65'535, 16'777'215, 4'294'967'295};
constexpr long most_bytes_of_a_character = 4;

bool is_text(std::string_view base)
{
    return base == "char" || base == "varchar" || base == "enum" || base == "set" || rank(texts, base) >= 0;
}

bool holds_text(std::string_view base)
{
    return is_text(base) || rank(blobs, base) >= 0 || base == "binary" || base == "varbinary";
}

/// A text that a definition goes through, token by token.
class Definition
{
  public:
    Definition(Lexer lexer, const Reading& reading) : lexer_{std::move(lexer)}, reading_{&reading} { advance(); }

    [[nodiscard]] const Token& token() const { return token_; }
    [[nodiscard]] bool at_end() const { return token_.kind == TokenKind::end || at(',') || at(';'); }
    [[nodiscard]] bool good() const { return lexer_.trouble().empty() && !token_.in_comment; }
    void advance() { token_ = lexer_.next(); }
    bool accept(std::string_view word)
    {
        const bool is = token_.kind == TokenKind::word && same_word(token_.text, word);
        if (is)
            advance();
        return is;
    }
    bool accept(char c)
    {
        const bool is = at(c);
        if (is)
            advance();
        return is;
    }
    bool accept(TokenKind kind)
    {
        const bool is = token_.kind == kind;
        if (is)
            advance();
        return is;
    }
    bool number(int& value)
    {
        const char* const end = token_.text.data() + token_.text.size();
        const bool is = token_.kind == TokenKind::integer &&
                        std::from_chars(token_.text.data(), end, value) == std::from_chars_result{end, std::errc{}};
        advance();
        return is;
    }
    /// A name or a text; "": something else.
    std::string name()
    {
        const bool is =
            token_.kind == TokenKind::word || token_.kind == TokenKind::quoted_name || token_.kind == TokenKind::string;
        std::string value = is ? lower(unescaped(token_, *reading_)) : std::string{};
        advance();
        return value;
    }
    bool type(Type& made);

  private:
    [[nodiscard]] bool at(char c) const { return token_.kind == TokenKind::symbol && token_.symbol == symbol(c); }
    bool values(std::vector<std::string>& made);

    Lexer lexer_;
    const Reading* reading_;
    Token token_;
};

/// ('a', 'b'), of texts that are the same whoever reads them, in whatever character set.
bool Definition::values(std::vector<std::string>& made)
{
    if (!accept('('))
        return false;
    do {
        if (token_.kind != TokenKind::string || token_.text.find('\\') != std::string_view::npos ||
            !is_ascii(token_.text))
            return false;
        made.push_back(unescaped(token_, *reading_));
        advance();
    } while (accept(','));
    return accept(')');
}

bool Definition::type(Type& made)
{
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 6> other_names{{{"integer", "int"},
                                                                                               {"dec", "decimal"},
                                                                                               {"numeric", "decimal"},
                                                                                               {"fixed", "decimal"},
                                                                                               {"character", "char"},
                                                                                               {"boolean", "bool"}}};
    if (token_.kind != TokenKind::word)
        return false;
    made.base = lower(token_.text);
    advance();
    for (const auto& [other, base] : other_names)
        if (made.base == other)
            made.base = base;
    if (made.base == "bool")
        made.base = "tinyint";
    if (made.base == "enum" || made.base == "set")
        return values(made.values);
    if (accept('(')) {
        if (!number(made.length) || (accept(',') && !number(made.decimals)) || !accept(')'))
            return false;
    }
    for (;;) {
        if (accept("unsigned") || accept("zerofill")) // which is unsigned
            made.is_unsigned = true;
        else if (!accept("signed"))
            return true;
    }
}

bool holds_all(const Type& now, const Type& then)
{
    const auto at_least = [](int one, int other, int unwritten) {
        return (one < 0 ? unwritten : one) >= (other < 0 ? unwritten : other);
    };
    if (const int one = rank(integers, now.base), other = rank(integers, then.base); one >= 0 && other >= 0)
        return now.is_unsigned == then.is_unsigned ? other >= one : now.is_unsigned && other > one;
    if (now.is_unsigned != then.is_unsigned)
        return false;
    if (now.base == "decimal" && then.base == "decimal") {
        const int before = now.length < 0 ? 10 : now.length, after = then.length < 0 ? 10 : then.length;
        const int part = std::max(now.decimals, 0), parts = std::max(then.decimals, 0);
        return parts >= part && after - parts >= before - part;
    }
    if (now.base == "float" && then.base == "double")
        return now.length < 0 && then.length < 0;
    const bool characters = now.base == "char" || now.base == "varchar";
    if (now.base == "char" && then.base == "varchar")
        return at_least(then.length, now.length, 1);
    if (const int other = rank(texts, then.base); other >= 0 && characters && then.length < 0)
        return std::max(now.length, 1) * most_bytes_of_a_character <= most_bytes.at(static_cast<std::size_t>(other));
    for (const Ranks ranks : {Ranks{texts}, Ranks{blobs}})
        if (const int one = rank(ranks, now.base), other = rank(ranks, then.base); one >= 0 && other >= 0)
            return then.length < 0 && other >= one;
    if (now.base != then.base)
        return false;
    if (now.base == "enum" || now.base == "set") // values are kept by their places
        return now.values.size() <= then.values.size() &&
               std::equal(now.values.begin(), now.values.end(), then.values.begin());
    const bool grows = characters || now.base == "varbinary" || now.base == "bit" || now.base == "datetime" ||
                       now.base == "timestamp" || now.base == "time";
    if (grows)
        return at_least(then.length, now.length, now.base == "char" || now.base == "bit" ? 1 : 0);
    return now.length == then.length && now.decimals == then.decimals;
}

Type type_of(const catalog::Column& column)
{
    const Reading reading = common_reading();
    Type made;
    return Definition{Lexer{column.sql_type, reading}, reading}.type(made) ? made : Type{};
}

std::string charset_name(std::string_view name)
{
    return name == "utf8" ? "utf8mb3" : std::string{name};
}

/// What it is beside a number. A text that begins with no digit is 0, and a date that is one is no less than 1.
Span converted_span_of(const Type& type)
{
    constexpr std::uint64_t last_moment = 99'991'231'235'959;
    Span made = Span::up_to(0);
    if (type.base == "enum")
        made = Span::of({false, 1}, {false, type.values.size()});
    else if (type.base == "date" || type.base == "datetime" || type.base == "timestamp")
        made = Span::of({false, 1}, {false, last_moment});
    else if (type.base == "set" || !holds_text(type.base))
        return {};
    made.converted = true;
    return made;
}

} // namespace

Span span_of(const catalog::Column& column)
{
    const Type type = type_of(column);
    constexpr std::array<int, 5> bits = {8, 16, 24, 32, 64};
    const auto largest = [](int width) { return ~std::uint64_t{0} >> (64 - width); };
    if (type.base == "bit")
        return Span::up_to(largest(std::clamp(type.length, 1, 64)));
    if (const Span converted = converted_span_of(type); converted.known)
        return converted;
    const int size = rank(integers, type.base);
    if (size < 0)
        return {};
    const int width = bits.at(static_cast<std::size_t>(size));
    Span made = Span::up_to(largest(type.is_unsigned ? width : width - 1));
    if (column.counts)
        made.low = {false, 1};
    else if (!type.is_unsigned)
        made.low = {true, largest(width - 1) + 1};
    return made;
}

std::uint32_t most_characters_of(const catalog::Column& column)
{
    const Type type = type_of(column);
    return type.base == "char" || type.base == "varchar" ? static_cast<std::uint32_t>(std::max(type.length, 1)) : 0;
}

std::vector<std::string> values_of(const catalog::Column& column)
{
    Type type = type_of(column);
    return type.base == "enum" ? std::move(type.values) : std::vector<std::string>{};
}

bool names_charset(Lexer ahead)
{
    for (Token token = ahead.next(); token.kind != TokenKind::end && token.symbol != symbol(';'); token = ahead.next())
        if (token.kind == TokenKind::word && (same_word(token.text, "charset") || same_word(token.text, "character") ||
                                              same_word(token.text, "collate") || same_word(token.text, "convert")))
            return true;
    return !ahead.trouble().empty();
}

bool only_widens(const catalog::Column& now, std::string_view charset, Lexer ahead, const Reading& reading)
{
    Type before, after;
    Definition old{Lexer{now.sql_type, reading}, reading};
    Definition made{std::move(ahead), reading};
    if (now.generated || !old.type(before) || !made.type(after) || !holds_all(before, after))
        return false;
    std::string characters{charset};
    bool says_null = false;
    while (!made.at_end() && made.good()) {
        if (made.accept("null")) {
            says_null = true;
            continue;
        }
        if (made.accept("first"))
            continue;
        int precision = 0;
        const auto now_or_then = [&] {
            const bool is = made.accept("current_timestamp") || made.accept("now") || made.accept("localtime") ||
                            made.accept("localtimestamp");
            return is && (!made.accept('(') || made.accept(')') || (made.number(precision) && made.accept(')')));
        };
        bool fine = false;
        if (made.accept("not")) {
            fine = made.accept("null") && now.not_null;
        } else if (made.accept("default")) {
            (void)made.accept('-');
            fine = made.accept(TokenKind::string) || made.accept(TokenKind::integer) ||
                   made.accept(TokenKind::number) || made.accept("null") || made.accept("true") ||
                   made.accept("false") || now_or_then();
        } else if (made.accept("comment")) {
            fine = made.accept(TokenKind::string);
        } else if (made.accept("auto_increment")) {
            fine = now.counts; // else rows with 0 are numbered anew
        } else if (made.accept("on")) {
            fine = made.accept("update") && now_or_then();
        } else if (made.accept("after")) {
            fine = !made.name().empty();
        } else if (made.accept("collate")) {
            characters = made.name();
            characters.resize(std::min(characters.find('_'), characters.size()));
            fine = true;
        } else if (made.accept("charset") || (made.accept("character") && made.accept("set"))) {
            characters = made.name();
            fine = true;
        }
        if (!fine)
            return false;
    }
    // Without explicit_defaults_for_timestamp it becomes NOT NULL unless it says NULL: those get the time of then.
    if (after.base == "timestamp" && !now.not_null && !says_null)
        return false;
    if (!made.good() || !is_text(before.base))
        return made.good();
    const bool same = charset_name(characters) == charset_name(now.charset);
    const bool more = characters == "utf8mb4" && !now.charset.empty() && now.charset != "binary" &&
                      (rank(texts, before.base) < 0 || after.base == "longtext"); // in more bytes
    return !characters.empty() && (same || more);
}

} // namespace stepgate::policies::mysql
