#include "policies/mysql/bound_text.h"

#include "policies/statement/match_all.h"

#include <charconv>

namespace stepgate::policies::mysql
{
namespace
{

bool is_number(std::string_view value)
{
    constexpr std::size_t most_characters = 40;
    if (value.size() > most_characters || value.find_first_not_of("0123456789.eE+-") != value.npos)
        return false;
    double number = 0;
    const char* const end = value.data() + value.size();
    return std::from_chars(value.data(), end, number) == std::from_chars_result{end, std::errc{}};
}

} // namespace

std::optional<std::string> telling_literal(std::string_view value)
{
    if (is_number(value)) // a text too: beside numbers it is one
        return std::string{value};
    return statement::may_match_all(value) ? std::optional{"'" + std::string{value} + "'"} : std::nullopt;
}

std::optional<std::string> with_bound(std::string_view sql, const Reading& reading,
                                      const std::function<std::optional<std::string>(std::size_t)>& literal_of)
{
    std::string text;
    std::size_t copied = 0, number = 0;
    Lexer tokens{sql, reading};
    for (Token token = tokens.next(); token.kind != TokenKind::end; token = tokens.next()) {
        if (token.kind != TokenKind::parameter)
            continue;
        const auto literal = literal_of(++number);
        if (!literal)
            continue;
        text.append(sql, copied, token.begin - copied);
        ((text += ' ') += *literal) += ' ';
        copied = token.end;
    }
    if (!tokens.trouble().empty() || copied == 0)
        return std::nullopt;
    return text.append(sql, copied);
}

} // namespace stepgate::policies::mysql
