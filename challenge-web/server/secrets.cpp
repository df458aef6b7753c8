#include "challenge-web/server/secrets.h"

#include "challenge-web/challenges/base64url.h"
#include "challenge-web/challenges/digest.h"
#include "challenge-web/challenges/random.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <span>

namespace stepgate::challenge_web::server
{

namespace
{

using Key = std::array<unsigned char, 32>;

struct Verifier {
    int iterations = 4096;
    std::string salt = "no such user ---"; // 16 bytes, as PostgreSQL makes them
    std::string stored_key;                // empty: matches nothing
};

std::optional<std::string> decode_base64(std::string_view text)
{
    if (text.empty() || text.size() % 4 != 0 || text.size() > 1024)
        return std::nullopt;
    std::string out(text.size() / 4 * 3, '\0');
    const auto length =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                        reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    if (length < 0)
        return std::nullopt;
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    out.resize(static_cast<std::size_t>(length) - padding);
    return out;
}

Verifier parse_verifier(std::string_view text)
{
    constexpr std::string_view prefix = "SCRAM-SHA-256$";
    if (!text.starts_with(prefix))
        return {};
    text.remove_prefix(prefix.size());
    const auto colon = text.find(':');
    const auto dollar = text.find('$');
    const auto last = text.rfind(':');
    if (colon == std::string_view::npos || dollar == std::string_view::npos || colon > dollar || last < dollar)
        return {};
    int iterations = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + colon, iterations);
    if (parsed.ec != std::errc{} || parsed.ptr != text.data() + colon || iterations < 1 || iterations > 10'000'000)
        return {};
    auto salt = decode_base64(text.substr(colon + 1, dollar - colon - 1));
    auto stored = decode_base64(text.substr(dollar + 1, last - dollar - 1));
    if (!salt || !stored || stored->size() != 32)
        return {};
    return {iterations, std::move(*salt), std::move(*stored)};
}

} // namespace

std::optional<std::string> random_token()
{
    static const auto random = challenges::system_random();
    std::array<std::byte, 32> bytes{};
    if (!random(bytes))
        return std::nullopt;
    return challenges::base64url_encode(bytes);
}

std::string token_hash(std::string_view token)
{
    constexpr std::string_view digits = "0123456789abcdef";
    std::string hex;
    for (const auto byte : challenges::sha256(token)) {
        hex.push_back(digits[std::to_integer<std::size_t>(byte) >> 4U]);
        hex.push_back(digits[std::to_integer<std::size_t>(byte) & 15U]);
    }
    return hex;
}

bool same_secret(std::string_view a, std::string_view b)
{
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool password_matches(std::string_view verifier, std::string_view password)
{
    // RFC 5802 section 3: StoredKey = H(HMAC(PBKDF2(password, salt, i), "Client Key")).
    const auto wanted = parse_verifier(verifier);
    Key salted{};
    if (PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                          reinterpret_cast<const unsigned char*>(wanted.salt.data()),
                          static_cast<int>(wanted.salt.size()), wanted.iterations, EVP_sha256(),
                          static_cast<int>(salted.size()), salted.data()) != 1)
        return false;
    Key client_key{};
    unsigned length = 0;
    constexpr std::string_view label = "Client Key";
    const auto* made =
        HMAC(EVP_sha256(), salted.data(), static_cast<int>(salted.size()),
             reinterpret_cast<const unsigned char*>(label.data()), label.size(), client_key.data(), &length);
    OPENSSL_cleanse(salted.data(), salted.size());
    if (made == nullptr)
        return false;
    const auto stored =
        challenges::sha256(std::string_view{reinterpret_cast<const char*>(client_key.data()), client_key.size()});
    return same_secret(std::string_view{reinterpret_cast<const char*>(stored.data()), stored.size()},
                       wanted.stored_key);
}

} // namespace stepgate::challenge_web::server
