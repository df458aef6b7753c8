#include "protocols/postgres/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace stepgate::protocols::postgres
{

namespace
{

unsigned char* raw(Sha256& digest)
{
    return reinterpret_cast<unsigned char*>(digest.data());
}

const unsigned char* raw(wire::View data)
{
    return reinterpret_cast<const unsigned char*>(data.data());
}

} // namespace

result<Sha256> sha256(wire::View data)
{
    Sha256 digest;
    unsigned int size = 0;
    if (EVP_Digest(data.data(), data.size(), raw(digest), &size, EVP_sha256(), nullptr) != 1 || size != digest.size())
        return errc::crypto_failure;
    return digest;
}

result<Sha256> hmac_sha256(wire::View key, std::string_view data)
{
    Sha256 digest;
    unsigned int size = 0;
    const auto* done = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), raw(wire::as_bytes(data)),
                            data.size(), raw(digest), &size);
    if (done == nullptr || size != digest.size())
        return errc::crypto_failure;
    return digest;
}

result<Sha256> pbkdf2_sha256(std::string_view password, wire::View salt, int iterations)
{
    Sha256 key;
    if (PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), raw(salt), static_cast<int>(salt.size()),
                          iterations, EVP_sha256(), static_cast<int>(key.size()), raw(key)) != 1)
        return errc::crypto_failure;
    return key;
}

bool equal_secretly(const Sha256& a, const Sha256& b)
{
    return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Sha256 exclusive_or(const Sha256& a, const Sha256& b)
{
    Sha256 both;
    for (std::size_t i = 0; i < both.size(); ++i)
        both[i] = a[i] ^ b[i];
    return both;
}

void wipe(Sha256& secret)
{
    OPENSSL_cleanse(secret.data(), secret.size());
}

void wipe(std::string& secret)
{
    OPENSSL_cleanse(secret.data(), secret.size());
    secret.clear();
}

std::string encode_base64(wire::View data)
{
    std::string text((data.size() + 2) / 3 * 4 + 1, '\0'); // OpenSSL writes a NUL, too
    const int size =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), raw(data), static_cast<int>(data.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

bool decode_base64(std::string_view text, wire::Bytes& out)
{
    out.clear();
    if (text.empty())
        return true;
    out.resize(text.size() / 4 * 3);
    const auto* input = reinterpret_cast<const unsigned char*>(text.data());
    if (text.size() % 4 != 0 ||
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), input, static_cast<int>(text.size())) < 0)
        return false;
    const std::size_t padding = text.ends_with("==") ? 2U : text.ends_with('=') ? 1U : 0U;
    out.resize(out.size() - padding);
    return encode_base64(out) == text; // OpenSSL skips white space and ignores stray bits
}

} // namespace stepgate::protocols::postgres
