#include "proxy/audit/hash.h"

#include <openssl/evp.h>

#include <new>
#include <stdexcept>

namespace stepgate::proxy::audit
{

namespace
{

constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::string_view base64url_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

EVP_MD_CTX* context_of(const std::shared_ptr<void>& pointer)
{
    return static_cast<EVP_MD_CTX*>(pointer.get());
}

} // namespace

Hasher::Hasher() : context_(EVP_MD_CTX_new(), [](void* context) { EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context)); })
{
    if (!context_ || EVP_DigestInit_ex2(context_of(context_), EVP_sha256(), nullptr) != 1)
        throw std::runtime_error("OpenSSL has no SHA-256");
}

Hash Hasher::operator()(std::span<const std::byte> bytes)
{
    Hash hash{};
    EVP_MD_CTX* context = context_of(context_);
    const bool done = EVP_DigestInit_ex2(context, nullptr, nullptr) == 1 &&
                      EVP_DigestUpdate(context, bytes.data(), bytes.size()) == 1 &&
                      EVP_DigestFinal_ex(context, reinterpret_cast<unsigned char*>(hash.data()), nullptr) == 1;
    if (!done)
        throw std::runtime_error("SHA-256 failed"); // only out of memory: nothing may be written with a wrong hash
    return hash;
}

std::string to_hex(std::span<const std::byte> bytes)
{
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const std::byte byte : bytes) {
        text += hex_digits[std::to_integer<unsigned>(byte) >> 4];
        text += hex_digits[std::to_integer<unsigned>(byte) & 15];
    }
    return text;
}

std::optional<std::vector<std::byte>> from_hex(std::string_view text)
{
    std::vector<std::byte> bytes;
    if (text.size() % 2 != 0)
        return std::nullopt;
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const auto high = hex_digits.find(text[i]);
        const auto low = hex_digits.find(text[i + 1]);
        if (high == std::string_view::npos || low == std::string_view::npos)
            return std::nullopt;
        bytes.push_back(static_cast<std::byte>(high << 4 | low));
    }
    return bytes;
}

std::string to_base64url(std::span<const std::byte> bytes)
{
    std::string text;
    text.reserve((bytes.size() * 4 + 2) / 3);
    unsigned window = 0;
    int bits = 0;
    for (const std::byte byte : bytes) {
        window = (window << 8 | std::to_integer<unsigned>(byte)) & 0xFFFFU;
        for (bits += 8; bits >= 6; bits -= 6)
            text += base64url_digits[window >> (bits - 6) & 63];
    }
    if (bits > 0)
        text += base64url_digits[window << (6 - bits) & 63];
    return text;
}

std::optional<std::vector<std::byte>> from_base64url(std::string_view text)
{
    while (text.ends_with('='))
        text.remove_suffix(1);
    std::vector<std::byte> bytes;
    bytes.reserve(text.size() * 3 / 4);
    unsigned window = 0;
    int bits = 0;
    for (const char digit : text) {
        const auto value = base64url_digits.find(digit);
        if (value == std::string_view::npos)
            return std::nullopt;
        window = (window << 6 | static_cast<unsigned>(value)) & 0xFFFFU;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes.push_back(static_cast<std::byte>(window >> bits & 0xFF));
        }
    }
    const bool whole = bits < 6 && (window & ((1U << bits) - 1)) == 0;
    if (!whole)
        return std::nullopt;
    return bytes;
}

} // namespace stepgate::proxy::audit
