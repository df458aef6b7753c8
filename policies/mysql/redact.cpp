#include "policies/mysql/redact.h"

#include "policies/mysql/one_reading.h"

namespace stepgate::policies::mysql
{
namespace
{

bool is_literal(TokenKind kind)
{
    switch (kind) {
    case TokenKind::string:
    case TokenKind::national_string:
    case TokenKind::integer:
    case TokenKind::number:
    case TokenKind::hex:
    case TokenKind::bits:
        return true;
    case TokenKind::end:
    case TokenKind::word:
    case TokenKind::quoted_name:
    case TokenKind::user_variable:
    case TokenKind::system_variable:
    case TokenKind::parameter:
    case TokenKind::symbol:
        return false;
    }
    return true;
}

} // namespace

std::string redact(std::string_view sql, const std::function<std::string(std::string_view)>& marker)
{
    if (!has_one_reading(sql))
        return marker(sql);
    const Reading reading = common_reading();
    Lexer tokens{sql, reading};
    std::string out;
    std::size_t end = 0;
    for (auto token = tokens.next(); token.kind != TokenKind::end; token = tokens.next()) {
        if (token.begin > end && !out.empty())
            out += ' ';
        end = token.end;
        if (is_literal(token.kind))
            out.append("'").append(marker(token.text)).append("'");
        else
            out += sql.substr(token.begin, token.end - token.begin);
    }
    return tokens.trouble().empty() ? out : marker(sql);
}

} // namespace stepgate::policies::mysql
