#include "tests/support/push_reader.h"

#include "challenge-web/factors/web_push.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <array>

namespace stepgate::tests
{

namespace
{

unsigned char* bytes(std::string& text)
{
    return reinterpret_cast<unsigned char*>(text.data());
}

std::string hkdf(std::string salt, std::string secret, std::string info, std::size_t size)
{
    EVP_KDF* kdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
    EVP_KDF_CTX* context = EVP_KDF_CTX_new(kdf);
    std::string digest = "SHA256", out(size, '\0');
    const std::array<OSSL_PARAM, 5> parameters{
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt.data(), salt.size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret.data(), secret.size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.data(), info.size()), OSSL_PARAM_construct_end()};
    (void)EVP_KDF_derive(context, bytes(out), size, parameters.data());
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    return out;
}

EVP_PKEY* key_of(const std::string& public_key, const std::string& private_key)
{
    OSSL_PARAM_BLD* build = OSSL_PARAM_BLD_new();
    BIGNUM* number = BN_bin2bn(reinterpret_cast<const unsigned char*>(private_key.data()),
                               static_cast<int>(private_key.size()), nullptr);
    OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, public_key.data(), public_key.size());
    if (!private_key.empty())
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, number);
    OSSL_PARAM* parameters = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr);
    EVP_PKEY* key = nullptr;
    EVP_PKEY_fromdata_init(context);
    EVP_PKEY_fromdata(context, &key, private_key.empty() ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR, parameters);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    BN_free(number);
    OSSL_PARAM_BLD_free(build);
    return key;
}

std::string agree(EVP_PKEY* ours, EVP_PKEY* theirs)
{
    std::string out(32, '\0');
    std::size_t size = out.size();
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_pkey(nullptr, ours, nullptr);
    EVP_PKEY_derive_init(context);
    EVP_PKEY_derive_set_peer(context, theirs);
    EVP_PKEY_derive(context, bytes(out), &size);
    EVP_PKEY_CTX_free(context);
    return out;
}

std::optional<std::string> open(std::string key, std::string nonce, std::string sealed)
{
    constexpr std::size_t tag = 16;
    std::string out(sealed.size() - tag, '\0');
    EVP_CIPHER_CTX* cipher = EVP_CIPHER_CTX_new();
    int size = 0;
    EVP_DecryptInit_ex(cipher, EVP_aes_128_gcm(), nullptr, bytes(key), bytes(nonce));
    EVP_DecryptUpdate(cipher, bytes(out), &size, bytes(sealed), static_cast<int>(out.size()));
    EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, tag, bytes(sealed) + out.size());
    const bool good = EVP_DecryptFinal_ex(cipher, bytes(out) + size, &size) == 1;
    EVP_CIPHER_CTX_free(cipher);
    return good ? std::optional{out} : std::nullopt;
}

} // namespace

PushReader::PushReader()
    : private_key_(challenge_web::factors::new_push_key().value()),
      public_key_(challenge_web::factors::push_public_key(private_key_).value()), auth_(16, '\0')
{
    (void)RAND_bytes(bytes(auth_), 16);
}

std::optional<std::string> PushReader::read(std::string_view body) const
{
    constexpr std::size_t head = 16 + 4 + 1 + 65;
    if (body.size() < head + 17 || static_cast<unsigned char>(body[20]) != 65)
        return std::nullopt;
    const std::string salt{body.substr(0, 16)}, sender{body.substr(21, 65)};
    EVP_PKEY* ours = key_of(public_key_, private_key_);
    EVP_PKEY* theirs = key_of(sender, {});
    const auto shared = agree(ours, theirs);
    EVP_PKEY_free(theirs);
    EVP_PKEY_free(ours);
    const auto secret = hkdf(auth_, shared, std::string{"WebPush: info"} + '\0' + public_key_ + sender, 32);
    auto text =
        open(hkdf(salt, secret, std::string{"Content-Encoding: aes128gcm"} + '\0', 16),
             hkdf(salt, secret, std::string{"Content-Encoding: nonce"} + '\0', 12), std::string{body.substr(head)});
    if (!text || text->empty() || text->back() != '\x02')
        return std::nullopt;
    text->pop_back();
    return text;
}

} // namespace stepgate::tests
