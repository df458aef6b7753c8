#include "challenge-web/factors/web_push.h"

#include "challenge-web/challenges/base64url.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>

#include <array>
#include <cstdint>
#include <memory>

namespace stepgate::challenge_web::factors
{

namespace
{

namespace json = boost::json;

template <auto Free>
struct Freed {
    template <class T>
    void operator()(T* what) const
    {
        Free(what);
    }
};
using Number = std::unique_ptr<BIGNUM, Freed<BN_clear_free>>;
using Group = std::unique_ptr<EC_GROUP, Freed<EC_GROUP_free>>;
using Point = std::unique_ptr<EC_POINT, Freed<EC_POINT_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, Freed<EVP_CIPHER_CTX_free>>;
using Signing = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG_free>>;
using ParameterBuild = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM_free>>;

constexpr std::size_t scalar_bytes = 32, digest_bytes = 32, tag_bytes = 16;
constexpr std::uint32_t record_size = 4096;

const unsigned char* octets(std::string_view text)
{
    return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* octets(std::string& text)
{
    return reinterpret_cast<unsigned char*>(text.data());
}

/// A key on P-256: of a private one both halves; null if the bytes are none. The point is checked to be on the curve.
Key make_key(std::string_view public_key, std::string_view private_key)
{
    const ParameterBuild build{OSSL_PARAM_BLD_new()};
    const Number number{BN_bin2bn(octets(private_key), static_cast<int>(private_key.size()), nullptr)};
    if (!build || !number ||
        OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, public_key.data(), public_key.size()) !=
            1)
        return nullptr;
    if (!private_key.empty() && OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_PRIV_KEY, number.get()) != 1)
        return nullptr;
    const Parameters parameters{OSSL_PARAM_BLD_to_param(build.get())};
    const KeyContext context{EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr)};
    EVP_PKEY* made = nullptr;
    if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &made, private_key.empty() ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR,
                          parameters.get()) != 1)
        return nullptr;
    Key key{made};
    const KeyContext check{EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr)};
    return check && EVP_PKEY_public_check(check.get()) == 1 ? std::move(key) : nullptr;
}

std::string hmac(std::string_view key, const std::string& text)
{
    std::string out(digest_bytes, '\0');
    unsigned size = 0;
    if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), octets(text), text.size(), octets(out), &size) ==
        nullptr)
        return {};
    return out;
}

/// HKDF with SHA-256 (RFC 5869) of at most one block.
std::string hkdf(std::string_view salt, const std::string& secret, const std::string& info, std::size_t size)
{
    return hmac(hmac(salt, secret), info + '\x01').substr(0, size);
}

std::string shared_secret(const Key& ours, const Key& theirs)
{
    std::string secret(scalar_bytes, '\0');
    std::size_t size = secret.size();
    const KeyContext context{EVP_PKEY_CTX_new_from_pkey(nullptr, ours.get(), nullptr)};
    if (!context || EVP_PKEY_derive_init(context.get()) != 1 ||
        EVP_PKEY_derive_set_peer(context.get(), theirs.get()) != 1 ||
        EVP_PKEY_derive(context.get(), octets(secret), &size) != 1 || size != scalar_bytes)
        return {};
    return secret;
}

/// AES-128-GCM without associated data; the tag follows the text. "" when it does not work.
std::string seal(const std::string& key, const std::string& nonce, const std::string& text)
{
    std::string out(text.size() + tag_bytes, '\0');
    const Cipher cipher{EVP_CIPHER_CTX_new()};
    int size = 0, rest = 0;
    if (!cipher ||
        EVP_EncryptInit_ex(cipher.get(), EVP_aes_128_gcm(), nullptr, octets(std::string_view{key}),
                           octets(std::string_view{nonce})) != 1 ||
        EVP_EncryptUpdate(cipher.get(), octets(out), &size, octets(std::string_view{text}),
                          static_cast<int>(text.size())) != 1 ||
        EVP_EncryptFinal_ex(cipher.get(), octets(out) + size, &rest) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, tag_bytes, octets(out) + text.size()) != 1)
        return {};
    return out;
}

/// ES256 (RFC 7518 section 3.4): both numbers in 32 bytes each. "" when it does not work.
std::string sign(const Key& key, const std::string& text)
{
    const Signing signing{EVP_MD_CTX_new()};
    std::size_t size = 0;
    if (!signing || EVP_DigestSignInit(signing.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
        EVP_DigestSign(signing.get(), nullptr, &size, octets(std::string_view{text}), text.size()) != 1)
        return {};
    std::string der(size, '\0');
    if (EVP_DigestSign(signing.get(), octets(der), &size, octets(std::string_view{text}), text.size()) != 1)
        return {};
    const auto* from = octets(std::string_view{der});
    const Signature signature{d2i_ECDSA_SIG(nullptr, &from, static_cast<long>(size))};
    std::string out(2 * scalar_bytes, '\0');
    if (!signature || BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), octets(out), scalar_bytes) < 0 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), octets(out) + scalar_bytes, scalar_bytes) < 0)
        return {};
    return out;
}

} // namespace

std::optional<std::string> new_push_key()
{
    const Key key{EVP_EC_gen("P-256")};
    BIGNUM* read = nullptr;
    if (!key || EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_PRIV_KEY, &read) != 1)
        return std::nullopt;
    const Number number{read};
    std::string out(scalar_bytes, '\0');
    if (BN_bn2binpad(number.get(), octets(out), scalar_bytes) < 0)
        return std::nullopt;
    return out;
}

boost::system::result<std::string> push_public_key(std::string_view private_key)
{
    const Number number{BN_bin2bn(octets(private_key), static_cast<int>(private_key.size()), nullptr)};
    const Group group{EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1)};
    const Point point{group ? EC_POINT_new(group.get()) : nullptr};
    if (private_key.size() != scalar_bytes || !number || !point || BN_is_zero(number.get()) ||
        BN_cmp(number.get(), EC_GROUP_get0_order(group.get())) >= 0 ||
        EC_POINT_mul(group.get(), point.get(), number.get(), nullptr, nullptr, nullptr) != 1)
        return errc::malformed;
    std::string out(PushSubscription::public_key_bytes, '\0');
    if (EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED, octets(out), out.size(), nullptr) !=
        out.size())
        return errc::malformed;
    return out;
}

boost::system::result<std::string> encrypt_push(std::string_view text, const PushSubscription& subscription,
                                                std::string_view sender_key, std::string_view salt)
{
    const auto sender_public = push_public_key(sender_key);
    if (!sender_public || text.size() > longest_push || salt.size() != push_salt_bytes ||
        subscription.auth.size() != PushSubscription::auth_bytes ||
        subscription.public_key.size() != PushSubscription::public_key_bytes)
        return errc::malformed;
    const auto ours = make_key(*sender_public, sender_key), theirs = make_key(subscription.public_key, {});
    const auto shared = ours && theirs ? shared_secret(ours, theirs) : std::string{};
    if (shared.empty())
        return errc::malformed;
    // RFC 8291 section 3.4, then RFC 8188 sections 2.2 and 2.3; the names end with a zero byte.
    const std::string info = std::string{"WebPush: info"} + '\0' + subscription.public_key + *sender_public;
    const auto secret = hkdf(subscription.auth, shared, info, digest_bytes);
    const auto key = hkdf(salt, secret, std::string{"Content-Encoding: aes128gcm"} + '\0', 16);
    const auto nonce = hkdf(salt, secret, std::string{"Content-Encoding: nonce"} + '\0', 12);
    if (key.empty() || nonce.empty())
        return errc::malformed;
    const auto sealed = seal(key, nonce, std::string{text} + '\x02'); // the last record, and no padding
    if (sealed.empty())
        return errc::malformed;
    std::string out{salt};
    for (int shift = 24; shift >= 0; shift -= 8)
        out += static_cast<char>(record_size >> static_cast<unsigned>(shift) & 255U);
    out += static_cast<char>(sender_public->size());
    return out + *sender_public + sealed;
}

boost::system::result<std::string> vapid_authorization(const std::string& audience, const std::string& subject,
                                                       std::string_view private_key,
                                                       std::chrono::system_clock::time_point expires)
{
    const auto public_key = push_public_key(private_key);
    const auto key = public_key ? make_key(*public_key, private_key) : nullptr;
    if (!key)
        return errc::malformed;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(expires.time_since_epoch()).count();
    const auto header = json::serialize(json::object{{"typ", "JWT"}, {"alg", "ES256"}});
    const auto claims = json::serialize(json::object{{"aud", audience}, {"exp", seconds}, {"sub", subject}});
    const auto signed_text = challenges::base64url_encode(header) + '.' + challenges::base64url_encode(claims);
    const auto signature = sign(key, signed_text);
    if (signature.empty())
        return errc::malformed;
    return "vapid t=" + signed_text + '.' + challenges::base64url_encode(signature) +
           ", k=" + challenges::base64url_encode(*public_key);
}

} // namespace stepgate::challenge_web::factors
