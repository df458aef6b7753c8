#include "policies/mysql/shape.h"

#include "policies/mysql/ascii.h"
#include "policies/statement/siphash.h"

#include <random>
#include <string>

namespace stepgate::policies::mysql
{
namespace
{

void append_sized(std::string& out, std::string_view text)
{
    const std::size_t size = text.size();
    for (int shift = 0; shift < 32; shift += 8)
        out += static_cast<char>(size >> shift & 0xff);
    out += text;
}

/// Every token starts with its kind, so that no two lists of tokens are written alike.
void append(std::string& out, const Token& token)
{
    out += static_cast<char>(token.kind);
    switch (token.kind) {
    case TokenKind::word:
        out += static_cast<char>((token.word != Word::none ? 1 : 0) + (token.call_follows ? 2 : 0));
        out += static_cast<char>(token.text.size());
        out += static_cast<char>(token.text.size() >> 8);
        for (const char c : token.text)
            out += lower(c);
        return;
    case TokenKind::quoted_name:
    case TokenKind::user_variable:
    case TokenKind::system_variable:
        out += static_cast<char>((token.escaped ? 1 : 0) + (token.call_follows ? 2 : 0));
        out += token.quote;
        append_sized(out, token.text);
        return;
    case TokenKind::symbol:
        out += static_cast<char>(token.symbol);
        return;
    case TokenKind::end:
    case TokenKind::string:
    case TokenKind::national_string:
    case TokenKind::integer:
    case TokenKind::number:
    case TokenKind::hex:
    case TokenKind::bits:
    case TokenKind::parameter:
        return;
    }
}

} // namespace

ShapeSecret random_shape_secret()
{
    std::random_device device;
    const auto word = [&device] { return static_cast<std::uint64_t>(device()) << 32 | device(); };
    return {word(), word()};
}

std::optional<statement::FactsCache::Key> shape_of(std::string_view sql, const SessionState& state,
                                                   const ShapeSecret& secret)
{
    constexpr std::size_t kept = 65'536;
    constexpr std::size_t longest_word = 65'535;
    if (state.modes().size() != 1)
        return std::nullopt;
    thread_local std::string normal; // keeps its memory: no allocation for a repeated shape
    normal.clear();
    const Reading reading = state.reading(state.modes().front());
    Lexer lexer{sql, reading};
    bool sound = true;
    for (Token token = lexer.next(); token.kind != TokenKind::end && sound; token = lexer.next()) {
        sound = token.text.size() <= longest_word || token.kind != TokenKind::word;
        append(normal, token);
    }
    std::optional<statement::FactsCache::Key> key;
    if (sound && lexer.trouble().empty()) {
        append_sized(normal, state.settings_key());
        key = statement::siphash128(normal, secret);
    }
    if (normal.capacity() > kept)
        std::string{}.swap(normal);
    return key;
}

} // namespace stepgate::policies::mysql
