#include "policies/postgres/bound_text.h"

#include "policies/postgres/tokenizer.h"
#include "policies/statement/match_all.h"

#include <charconv>

namespace stepgate::policies::postgres
{

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
        if (!value || !statement::may_match_all(*value))
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
