#include "policies/mysql/user_variables.h"

namespace stepgate::policies::mysql
{

std::vector<std::string> user_variables(std::string_view sql, const Reading& reading)
{
    std::vector<std::string> names;
    Lexer lexer{sql, reading};
    for (auto token = lexer.next(); token.kind != TokenKind::end; token = lexer.next())
        if (token.kind == TokenKind::user_variable)
            names.push_back(unescaped(token, reading));
    return names;
}

} // namespace stepgate::policies::mysql
