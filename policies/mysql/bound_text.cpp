#include "policies/mysql/bound_text.h"

#include "policies/statement/match_all.h"

namespace stepgate::policies::mysql
{

std::optional<std::string> with_bound(std::string_view sql, const Reading& reading,
                                      const std::function<std::optional<std::string_view>(std::size_t)>& value_of)
{
    std::string text;
    std::size_t copied = 0, number = 0;
    Lexer tokens{sql, reading};
    for (Token token = tokens.next(); token.kind != TokenKind::end; token = tokens.next()) {
        if (token.kind != TokenKind::parameter)
            continue;
        const auto value = value_of(++number);
        if (!value || !statement::may_match_all(*value))
            continue;
        text.append(sql, copied, token.begin - copied);
        ((text += " '") += *value) += "' ";
        copied = token.end;
    }
    if (!tokens.trouble().empty() || copied == 0)
        return std::nullopt;
    return text.append(sql, copied);
}

} // namespace stepgate::policies::mysql
