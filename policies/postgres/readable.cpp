#include "policies/postgres/readable.h"

#include "policies/postgres/tokenizer.h"
#include "policies/statement/utf8.h"

#include <array>

namespace stepgate::policies::postgres
{
namespace
{

/// PostgreSQL's scanner reads a run of operator characters again for every token it cuts off it, so a long one costs
/// the square of its length. Lines of dashes, stars or equals signs are no such runs.
bool has_costly_run(std::string_view sql)
{
    static constexpr std::string_view characters = "~!@#^&|`?+-*/%<>=";
    static constexpr auto is_operator = [] {
        std::array<bool, 256> table{};
        for (const char c : characters)
            table[static_cast<unsigned char>(c)] = true;
        return table;
    }();
    constexpr std::size_t longest = 256;
    constexpr int most_comments = 16;
    if (sql.size() <= longest)
        return false;
    for (std::size_t begin = 0; begin < sql.size();) {
        std::size_t end = begin;
        while (end < sql.size() && is_operator[static_cast<unsigned char>(sql[end])])
            ++end;
        if (end - begin > longest) {
            const std::string_view run = sql.substr(begin, end - begin);
            int comments = 0;
            for (std::size_t at = 0; (at = run.find("/*", at)) != std::string_view::npos; at += 2)
                ++comments;
            const bool dashes = run.find_first_not_of('-') == std::string_view::npos;
            if (comments > most_comments || (!dashes && run.find_first_of("+-") != std::string_view::npos))
                return true;
        }
        begin = end + 1;
    }
    return false;
}

/// No server encoding needs more than half as many bytes again as UTF-8 for a character: shorter names are not cut.
constexpr std::size_t surely_whole = 42;

bool is_single_byte(std::string_view encoding)
{
    return !encoding.starts_with("EUC_") && encoding != "MULE_INTERNAL";
}

/// A letter that no locale folds: lower-case ones of Latin, Greek and Cyrillic, and those that have no case.
bool never_folds(unsigned character)
{
    const auto in = [character](unsigned first, unsigned last) { return character >= first && character <= last; };
    if (in(0x100, 0x137) || in(0x14a, 0x177))
        return character % 2 == 1;
    if (in(0x139, 0x148) || in(0x179, 0x17e))
        return character % 2 == 0;
    return in(0xdf, 0xff) || in(0x3ac, 0x3ce) || in(0x430, 0x45f) || in(0x590, 0x6ff) || in(0xe00, 0xe7f);
}

/// `name` is valid UTF-8.
bool may_fold(std::string_view name)
{
    for (std::size_t i = 0; i < name.size();) {
        const auto byte = [&](std::size_t at) { return static_cast<unsigned>(static_cast<unsigned char>(name[at])); };
        const std::size_t size = byte(i) < 0x80 ? 1 : byte(i) < 0xe0 ? 2 : byte(i) < 0xf0 ? 3 : 4;
        const unsigned character = size == 2 ? (byte(i) & 0x1fU) << 6 | (byte(i + 1) & 0x3fU)
                                   : size == 3
                                       ? (byte(i) & 0xfU) << 12 | (byte(i + 1) & 0x3fU) << 6 | (byte(i + 2) & 0x3fU)
                                       : 0;
        if (size > 1 && !never_folds(character))
            return true;
        i += size;
    }
    return false;
}

bool may_differ(std::string_view name, TokenKind kind, std::string_view encoding)
{
    if (kind == TokenKind::unicode_name)
        return name.size() > surely_whole; // escapes are longer than what they stand for
    if (is_ascii(name))
        return false;
    if (name.size() > surely_whole)
        return true;
    // SQL_ASCII knows no characters: its locale may see letters in the bytes of one.
    return kind == TokenKind::word && is_single_byte(encoding) && (encoding == "SQL_ASCII" || may_fold(name));
}

bool names_may_differ(std::string_view sql, std::string_view encoding, bool backslashes)
{
    Tokenizer tokens{sql, backslashes};
    for (Token token; tokens.next(token);) {
        const bool quoted = token.kind == TokenKind::quoted_name || token.kind == TokenKind::unicode_name;
        const auto name = quoted ? sql.substr(token.content_begin, token.content_end - token.content_begin)
                                 : sql.substr(token.begin, token.end - token.begin);
        if ((quoted || token.kind == TokenKind::word) && may_differ(name, token.kind, encoding))
            return true;
    }
    return !tokens.sound();
}

} // namespace

bool names_may_differ(std::string_view sql, std::string_view server_encoding)
{
    const bool escapes = sql.find("U&\"") != std::string_view::npos || sql.find("u&\"") != std::string_view::npos;
    if (is_ascii(sql) && !escapes)
        return false;
    return names_may_differ(sql, server_encoding, false) || names_may_differ(sql, server_encoding, true);
}

std::string refusal(std::string_view sql, const SessionState& state, std::size_t max_bytes)
{
    if (sql.size() > max_bytes)
        return "is larger than " + std::to_string(max_bytes) + " bytes";
    if (sql.find('\0') != std::string_view::npos)
        return "holds a zero byte";
    if (!state.text_is_utf8() && !is_ascii(sql))
        return "holds characters in the client encoding " + state.client_encoding() + ", which stepgate cannot read";
    if (has_costly_run(sql))
        return "holds a very long run of operator characters";
    if (!statement::is_utf8(sql))
        return "is not valid UTF-8";
    if (!state.names_are_utf8() && names_may_differ(sql, state.server_encoding()))
        return "holds a name that may be another one in the database's encoding " + state.server_encoding();
    return {};
}

} // namespace stepgate::policies::postgres
