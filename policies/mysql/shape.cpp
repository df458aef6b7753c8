#include "policies/mysql/shape.h"

#include "policies/statement/ascii.h"
#include "policies/statement/siphash.h"

#include <algorithm>
#include <random>
#include <string>

namespace stepgate::policies::mysql
{
namespace
{

/// The normal form of a text. It keeps its memory: no allocation for a repeated shape.
class Normal
{
  public:
    void clear()
    {
        if (bytes_.size() > kept)
            std::string{}.swap(bytes_);
        size_ = 0;
    }
    [[nodiscard]] std::string_view text() const { return {bytes_.data(), size_}; }

    /// Every token starts with its kind, and what is not of fixed size with its length, so that no two lists of tokens
    /// are written alike.
    void put(const Token& token, bool mariadb)
    {
        char* out = room(token.text.size());
        *out++ = static_cast<char>(token.kind);
        switch (token.kind) {
        case TokenKind::word:
            *out++ = static_cast<char>((token.word != Word::none ? 1 : 0) + (token.call_follows ? 2 : 0));
            out = put_size(out, token.text.size());
            if (!is_reserved(token.word, mariadb)) { // it may name a table, whose case matters
                out = std::copy(token.text.begin(), token.text.end(), out);
                break;
            }
            for (const char c : token.text)
                *out++ = lower(c);
            break;
        case TokenKind::quoted_name:
        case TokenKind::user_variable:
        case TokenKind::system_variable:
            *out++ = static_cast<char>((token.escaped ? 1 : 0) + (token.call_follows ? 2 : 0));
            *out++ = token.quote;
            out = put_text(out, token.text);
            break;
        case TokenKind::symbol:
            *out++ = static_cast<char>(token.symbol);
            break;
        case TokenKind::end:
        case TokenKind::string:
        case TokenKind::national_string:
        case TokenKind::integer:
        case TokenKind::number:
        case TokenKind::hex:
        case TokenKind::bits:
        case TokenKind::parameter:
            break;
        }
        size_ = static_cast<std::size_t>(out - bytes_.data());
    }

    void put(std::string_view text)
    {
        size_ = static_cast<std::size_t>(put_text(room(text.size()), text) - bytes_.data());
    }

  private:
    static constexpr std::size_t kept = 65'536;
    static constexpr std::size_t overhead = 16; // of a token besides its text

    char* room(std::size_t text)
    {
        if (bytes_.size() - size_ < text + overhead)
            bytes_.resize(2 * bytes_.size() + text + 512);
        return bytes_.data() + size_;
    }

    static char* put_size(char* out, std::size_t size)
    {
        for (int shift = 0; shift < 32; shift += 8)
            *out++ = static_cast<char>(size >> shift & 0xff);
        return out;
    }

    static char* put_text(char* out, std::string_view text)
    {
        out = put_size(out, text.size());
        return std::copy(text.begin(), text.end(), out);
    }

    std::string bytes_;
    std::size_t size_ = 0;
};

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
    if (state.modes().size() != 1)
        return std::nullopt;
    thread_local Normal normal;
    normal.clear();
    const Reading reading = state.reading(state.modes().front());
    Lexer lexer{sql, reading};
    for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next())
        normal.put(token, reading.version.mariadb);
    if (!lexer.trouble().empty())
        return std::nullopt;
    normal.put(state.settings_key());
    return statement::FactsCache::Key{statement::siphash128(normal.text(), secret)};
}

} // namespace stepgate::policies::mysql
