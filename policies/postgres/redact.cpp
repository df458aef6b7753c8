#include "policies/postgres/redact.h"

#include "policies/postgres/tokenizer.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <vector>

namespace stepgate::policies::postgres
{
namespace
{

constexpr std::size_t shown_bytes = 6; // of the hash: twelve digits

std::span<const std::byte> bytes_of(std::string_view text)
{
    return std::as_bytes(std::span{text.data(), text.size()});
}

bool is_text(TokenKind kind)
{
    switch (kind) {
    case TokenKind::string:
    case TokenKind::escape_string:
    case TokenKind::unicode_string:
    case TokenKind::bit_string:
    case TokenKind::dollar_string:
        return true;
    case TokenKind::word:
    case TokenKind::quoted_name:
    case TokenKind::unicode_name:
    case TokenKind::integer:
    case TokenKind::number:
    case TokenKind::parameter:
    case TokenKind::symbol:
        return false;
    }
    return true;
}

/// The value of a plain literal: doubled quotes are one. Other spellings are hashed as written.
std::string value_of(std::string_view content, TokenKind kind)
{
    std::string value;
    value.reserve(content.size());
    for (std::size_t i = 0; i < content.size(); ++i) {
        value += content[i];
        if (kind == TokenKind::string && content[i] == '\'')
            ++i;
    }
    return value;
}

} // namespace

std::string redaction_marker(std::span<const std::byte> value, std::span<const std::byte> key)
{
    static constexpr std::string_view digits = "0123456789abcdef";
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
    unsigned size = 0;
    const unsigned char* done =
        HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(value.data()), value.size(), hash.data(), &size);
    std::string marker = "‹";
    for (std::size_t i = 0; done != nullptr && i < shown_bytes; ++i) {
        marker += digits[hash[i] >> 4];
        marker += digits[hash[i] & 0xf];
    }
    return marker.append("›");
}

std::string redact(std::string_view sql, std::span<const std::byte> key)
{
    if (!readings_agree(sql))
        return redaction_marker(bytes_of(sql), key);
    std::string out;
    out.reserve(sql.size());
    Tokenizer tokens{sql, false};
    for (Token token; tokens.next(token);) {
        if (token.gap_before && !out.empty())
            out += ' ';
        const std::string_view content = sql.substr(token.content_begin, token.content_end - token.content_begin);
        if (is_text(token.kind)) {
            const std::string value = value_of(content, token.kind);
            out.append("'").append(redaction_marker(bytes_of(value), key)).append("'");
        } else if (token.kind == TokenKind::integer || token.kind == TokenKind::number) {
            out += redaction_marker(bytes_of(content), key);
        } else {
            out += sql.substr(token.begin, token.end - token.begin);
        }
    }
    return out;
}

} // namespace stepgate::policies::postgres
