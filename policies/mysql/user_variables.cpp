#include "policies/mysql/user_variables.h"

#include "policies/statement/ascii.h"

#include <algorithm>

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

std::set<std::string> session_variables(std::string_view sql, const Reading& reading)
{
    std::set<std::string> names;
    Lexer lexer{sql, reading};
    for (auto token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
        if (token.kind != TokenKind::system_variable)
            continue;
        std::string name = lower(unescaped(token, reading));
        Lexer ahead = lexer;
        const Token point = ahead.next();
        if (point.kind == TokenKind::symbol && point.symbol == symbol('.')) {
            if (name != "session" && name != "local")
                continue; // @@global.a, and what belongs to a key cache or a component
            name = lower(unescaped(ahead.next(), reading));
        }
        if (std::ranges::all_of(name, [](char c) { return is_letter(c) || is_digit(c) || c == '_'; }))
            names.insert(std::move(name)); // others there are none
    }
    return names;
}

} // namespace stepgate::policies::mysql
