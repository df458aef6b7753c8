#include "policies/postgres/bound_text.h"

#include "policies/postgres/tokenizer.h"
#include "policies/statement/ascii.h"

#include <charconv>

namespace stepgate::policies::postgres
{

bool may_match_all(std::string_view value)
{
    constexpr std::size_t longest = 1024;
    if (value.size() > longest)
        return false;
    if (value.starts_with('{')) // a pattern beside others
        return value.find_first_of("%*") != value.npos && value.find_first_of("'\\") == value.npos &&
               value.find('\0') == value.npos && is_ascii(value);
    return value.find_first_not_of("%_.*+?^$()|{},\" ") == value.npos;
}

std::optional<std::string> with_bound(std::string_view sql, bool backslashes,
                                      const std::function<std::optional<std::string_view>(std::size_t)>& value_of)
{
    std::string text;
    std::size_t copied = 0;
    Tokenizer tokens{sql, backslashes};
    for (Token token; tokens.next(token);) {
        std::size_t number = 0;
        const char* const end = sql.data() + token.end;
        if (token.kind != TokenKind::parameter || std::from_chars(sql.data() + token.begin + 1, end, number).ptr != end)
            continue;
        const auto value = value_of(number);
        if (!value || !may_match_all(*value))
            continue;
        text.append(sql, copied, token.begin - copied);
        ((text += " '") += *value) += '\''; // no character of it needs an escape
        copied = token.end;
    }
    if (!tokens.sound() || copied == 0)
        return std::nullopt;
    return text.append(sql, copied);
}

} // namespace stepgate::policies::postgres
