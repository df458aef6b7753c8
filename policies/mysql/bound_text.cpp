#include "policies/mysql/bound_text.h"

#include "policies/statement/match_all.h"

namespace stepgate::policies::mysql
{
namespace
{

bool is_whole_number(std::string_view value)
{
    constexpr std::size_t most_digits = 20; // of BIGINT UNSIGNED
    if (value.starts_with('-'))
        value.remove_prefix(1);
    return !value.empty() && value.size() <= most_digits && value.find_first_not_of("0123456789") == value.npos;
}

} // namespace

std::optional<std::string> telling_literal(std::string_view value)
{
    if (is_whole_number(value)) // a text too: beside numbers it is one
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
