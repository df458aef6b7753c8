#include "policies/mysql/shape_text.h"

#include "policies/mysql/one_reading.h"
#include "policies/statement/shape_text.h"

namespace stepgate::policies::mysql
{

std::string shape_text(std::string_view sql, std::size_t max_bytes)
{
    using statement::ShapeText;
    if (!has_one_reading(sql))
        return std::string{ShapeText::hidden};
    const Reading reading = common_reading();
    Lexer tokens{sql, reading};
    ShapeText out{max_bytes};
    std::size_t end = 0;
    for (auto token = tokens.next(); token.kind != TokenKind::end && !out.full(); token = tokens.next()) {
        if (token.begin > end)
            out.gap();
        end = token.end;
        const auto written = sql.substr(token.begin, token.end - token.begin);
        const bool quoted = token.kind == TokenKind::quoted_name || token.kind == TokenKind::user_variable ||
                            token.kind == TokenKind::system_variable;
        if (token.kind == TokenKind::word)
            out.word(written);
        else if (quoted)
            out.name(written, token.text);
        else
            out.add(token.kind == TokenKind::symbol ? written : "?");
    }
    // What stands behind the limit is not looked at; before it, the tokens do not depend on what follows.
    return tokens.trouble().empty() ? out.take() : std::string{ShapeText::hidden};
}

} // namespace stepgate::policies::mysql
