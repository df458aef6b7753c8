#include "policies/postgres/bound_text.h"

#include "policies/postgres/tokenizer.h"
#include "policies/statement/ascii.h"
#include "policies/statement/match_all.h"

#include <algorithm>
#include <charconv>

namespace stepgate::policies::postgres
{
namespace
{

/// 12345678901, -0.5, 1e30, -Infinity.
bool is_number(std::string_view value)
{
    constexpr std::size_t most_characters = 40;
    if (value.starts_with('+'))
        value.remove_prefix(1);
    const std::size_t sign = value.starts_with('-') ? 1 : 0;
    const bool begins =
        value.size() > sign && (is_digit(value[sign]) || value[sign] == '.' || lower(value[sign]) == 'i');
    if (!begins || value.size() > most_characters)
        return false;
    long double number = 0;
    const char* const end = value.data() + value.size();
    return std::from_chars(value.data(), end, number).ptr == end;
}

std::string_view without_spaces(std::string_view value)
{
    const std::size_t begin = value.find_first_not_of(' ');
    return begin == value.npos ? value : value.substr(begin, value.find_last_not_of(' ') + 1 - begin);
}

} // namespace

std::optional<std::string> telling_literal(std::string_view value)
{
    constexpr std::size_t most_digits = 9;
    const std::string_view number = without_spaces(value);
    const bool negative = number.starts_with('-');
    const std::string_view digits = number.substr(negative ? 1 : 0);
    if (!digits.empty() && digits.size() <= most_digits && std::ranges::all_of(digits, is_digit))
        return negative ? '(' + std::string{number} + ')' : std::string{number};
    if (!is_number(number) && !statement::may_match_all(value))
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
