#include "policies/postgres/bound_text.h"

#include "policies/postgres/tokenizer.h"
#include "policies/statement/ascii.h"
#include "policies/statement/match_all.h"

#include <algorithm>
#include <charconv>

namespace stepgate::policies::postgres
{

std::optional<std::string> telling_literal(std::string_view value)
{
    constexpr std::size_t most_digits = 9;
    const bool negative = value.starts_with('-');
    const std::string_view digits = value.substr(negative ? 1 : 0);
    if (!digits.empty() && digits.size() <= most_digits && std::ranges::all_of(digits, is_digit))
        return negative ? '(' + std::string{value} + ')' : std::string{value};
    if (!statement::may_match_all(value))
        return std::nullopt;
    return '\'' + std::string{value} + '\''; // no character of it needs an escape
}

std::optional<std::string> with_bound(std::string_view sql, bool backslashes,
                                      const std::function<std::optional<std::string>(std::size_t)>& literal_of)
{
    std::string text;
    std::size_t copied = 0;
    Tokenizer tokens{sql, backslashes};
    for (Token token; tokens.next(token);) {
        std::size_t number = 0;
        const char* const end = sql.data() + token.end;
        if (token.kind != TokenKind::parameter || std::from_chars(sql.data() + token.begin + 1, end, number).ptr != end)
            continue;
        const auto literal = literal_of(number);
        if (!literal)
            continue;
        text.append(sql, copied, token.begin - copied);
        ((text += ' ') += *literal) += ' ';
        copied = token.end;
    }
    if (!tokens.sound() || copied == 0)
        return std::nullopt;
    return text.append(sql, copied);
}

} // namespace stepgate::policies::postgres
