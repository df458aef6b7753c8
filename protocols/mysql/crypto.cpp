#include "protocols/mysql/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <memory>

namespace stepgate::protocols::mysql
{

namespace
{

template <std::size_t size>
result<std::array<std::byte, size>> digest_of(const EVP_MD* algorithm, std::initializer_list<wire::View> parts)
{
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
    bool good = context && EVP_DigestInit_ex(context.get(), algorithm, nullptr) == 1;
    for (const wire::View part : parts)
        good = good && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
    std::array<std::byte, size> digest;
    unsigned int written = 0;
    good = good && EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(digest.data()), &written) == 1 &&
           written == size;
    if (!good)
        return errc::crypto_failure;
    return digest;
}

} // namespace

result<Sha1> sha1(std::initializer_list<wire::View> parts)
{
    return digest_of<20>(EVP_sha1(), parts);
}

result<Sha256> sha256(std::initializer_list<wire::View> parts)
{
    return digest_of<32>(EVP_sha256(), parts);
}

bool equal_secretly(wire::View a, wire::View b)
{
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void wipe(std::span<std::byte> secret)
{
    OPENSSL_cleanse(secret.data(), secret.size());
}

void wipe(std::string& secret)
{
    OPENSSL_cleanse(secret.data(), secret.size());
    secret.clear();
}

} // namespace stepgate::protocols::mysql
