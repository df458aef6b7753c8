#include "proxy/session/postgres_cancel_call.h"

#include "policies/postgres/tokenizer.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace stepgate::proxy::session
{

namespace pg = protocols::postgres;
using policies::postgres::Token;
using policies::postgres::Tokenizer;
using policies::postgres::TokenKind;

namespace
{

constexpr std::string_view cancel = "pg_cancel_backend";

bool calls_cancel(const policies::statement::Facts& facts)
{
    return std::ranges::any_of(facts.statements, [](const auto& statement) {
        return std::ranges::any_of(statement.calls, [](const std::string& call) { return call.ends_with(cancel); });
    });
}

bool is_cancel(std::string_view sql, const Token& token)
{
    if (token.kind == TokenKind::quoted_name)
        return sql.substr(token.begin, token.end - token.begin) == "\"pg_cancel_backend\"";
    return token.kind == TokenKind::word && token.end - token.begin == cancel.size() &&
           std::ranges::equal(sql.substr(token.begin, cancel.size()), cancel,
                              [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
}

std::optional<std::int32_t> number(std::string_view text)
{
    std::int32_t value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

std::optional<std::int32_t> parameter(const pg::Bind* bind, std::string_view name)
{
    const auto index = number(name.substr(1));
    if (bind == nullptr || !index || *index < 1 || static_cast<std::size_t>(*index) > bind->parameters.size())
        return std::nullopt;
    const auto at = static_cast<std::size_t>(*index - 1);
    const auto value = *std::next(bind->parameters.begin(), static_cast<std::ptrdiff_t>(at));
    if (!value)
        return std::nullopt;
    const auto& formats = bind->parameter_formats;
    const bool binary = !formats.empty() && formats[formats.size() == 1 ? 0 : at] == 1;
    if (!binary)
        return number(wire::as_text(*value));
    if (value->size() != sizeof(std::int32_t))
        return std::nullopt;
    wire::Cursor in{*value};
    return in.int32();
}

} // namespace

Processes cancelled_processes(std::string_view sql, const policies::statement::Facts& facts, const pg::Bind* bind)
{
    if (!calls_cancel(facts))
        return nullptr;
    std::vector<std::int32_t> processes;
    Tokenizer tokens{sql, false};
    Token token;
    while (tokens.next(token)) {
        if (!is_cancel(sql, token) || !tokens.next(token) || sql[token.begin] != '(' || !tokens.next(token))
            continue;
        std::optional<std::int32_t> process;
        if (token.kind == TokenKind::integer)
            process = number(sql.substr(token.begin, token.end - token.begin));
        else if (token.kind == TokenKind::string)
            process = number(sql.substr(token.content_begin, token.content_end - token.content_begin));
        else if (token.kind == TokenKind::parameter)
            process = parameter(bind, sql.substr(token.begin, token.end - token.begin));
        // `1 + 2` is another process than 1; `1::int` is not.
        if (process && tokens.next(token) && (sql[token.begin] == ')' || sql[token.begin] == ':'))
            processes.push_back(*process);
    }
    if (processes.empty())
        return nullptr;
    return std::make_shared<const std::vector<std::int32_t>>(std::move(processes));
}

} // namespace stepgate::proxy::session
