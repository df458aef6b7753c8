#include "proxy/audit/verify_passkey.h"

#include "proxy/audit/cbor.h"
#include "proxy/audit/hash.h"
#include "proxy/audit/json_fields.h"

#include <boost/json.hpp>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <map>
#include <memory>

namespace stepgate::proxy::audit
{

namespace
{

namespace json = boost::json;
using Bytes = std::vector<std::byte>;

constexpr int es256 = -7, rs256 = -257;
constexpr unsigned flag_user_present = 0x01, flag_user_verified = 0x04; // Web Authentication, section 6.1

std::optional<Bytes> bytes_at(const json::object& object, std::string_view key)
{
    const std::string text = text_at(object, key);
    auto bytes = from_base64url(text);
    return bytes && !bytes->empty() ? bytes : std::nullopt;
}

std::optional<std::int64_t> number_at(const json::object& object, std::string_view key)
{
    const auto* value = object.if_contains(key);
    if (value && value->is_int64())
        return value->get_int64();
    if (value && value->is_string()) {
        const std::string text = text_at(object, key);
        if (text == "-7" || text == "ES256")
            return es256;
        if (text == "-257" || text == "RS256")
            return rs256;
    }
    return std::nullopt;
}

/// The parameters of a COSE_Key (RFC 9052 section 7): labels to integers or byte strings.
struct CoseKey {
    std::map<std::int64_t, std::int64_t> numbers;
    std::map<std::int64_t, Bytes> bytes;
};

std::optional<CoseKey> parse_cose(std::span<const std::byte> encoded)
{
    cbor::Reader in{encoded};
    CoseKey key;
    for (std::size_t left = in.map(); left > 0 && in.good(); --left) {
        const std::int64_t label = in.integer();
        if (in.peek() == cbor::Major::bytes) {
            const auto value = in.bytes();
            key.bytes[label].assign(value.begin(), value.end());
        } else {
            key.numbers[label] = in.integer();
        }
    }
    if (!in.good() || !in.at_end())
        return std::nullopt;
    return key;
}

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Key build(const char* type, OSSL_PARAM_BLD* builder)
{
    EVP_PKEY* key = nullptr;
    const std::unique_ptr<OSSL_PARAM, decltype(&OSSL_PARAM_free)> parameters{OSSL_PARAM_BLD_to_param(builder),
                                                                             OSSL_PARAM_free};
    const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context{
        EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr), EVP_PKEY_CTX_free};
    if (parameters && context && EVP_PKEY_fromdata_init(context.get()) == 1)
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get());
    return {key, EVP_PKEY_free};
}

const unsigned char* raw(std::span<const std::byte> bytes)
{
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

/// RFC 9053 section 7.1.1 (P-256) and RFC 8230 section 4 (RSA).
Key public_key(const CoseKey& cose, std::int64_t algorithm)
{
    const std::unique_ptr<OSSL_PARAM_BLD, decltype(&OSSL_PARAM_BLD_free)> builder{OSSL_PARAM_BLD_new(),
                                                                                  OSSL_PARAM_BLD_free};
    const auto number = [&](std::int64_t label) { return cose.numbers.contains(label) ? cose.numbers.at(label) : 0; };
    const auto bytes = [&](std::int64_t label) { return cose.bytes.contains(label) ? cose.bytes.at(label) : Bytes{}; };
    const Bytes first = bytes(algorithm == es256 ? -2 : -1), second = bytes(algorithm == es256 ? -3 : -2);
    if (number(3) != algorithm || first.empty() || second.empty())
        return {nullptr, EVP_PKEY_free};
    if (algorithm == es256) {
        if (number(1) != 2 || number(-1) != 1 || first.size() != 32 || second.size() != 32)
            return {nullptr, EVP_PKEY_free};
        Bytes point{std::byte{4}};
        point.insert(point.end(), first.begin(), first.end());
        point.insert(point.end(), second.begin(), second.end());
        OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
        OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
        return build("EC", builder.get());
    }
    if (number(1) != 3)
        return {nullptr, EVP_PKEY_free};
    const std::unique_ptr<BIGNUM, decltype(&BN_free)> n{BN_bin2bn(raw(first), static_cast<int>(first.size()), nullptr),
                                                        BN_free};
    const std::unique_ptr<BIGNUM, decltype(&BN_free)> e{
        BN_bin2bn(raw(second), static_cast<int>(second.size()), nullptr), BN_free};
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
    return build("RSA", builder.get());
}

bool signature_holds(EVP_PKEY* key, std::span<const std::byte> message, std::span<const std::byte> signature)
{
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), EVP_MD_CTX_free};
    return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
           EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(message), message.size()) == 1;
}

std::optional<std::string> check_client_data(std::span<const std::byte> client_data, std::span<const std::byte> digest,
                                             const std::string& origin)
{
    boost::system::error_code error;
    const json::value parsed =
        json::parse({reinterpret_cast<const char*>(client_data.data()), client_data.size()}, error);
    const auto* object = error ? nullptr : parsed.if_object();
    if (!object)
        return "the client data is not JSON";
    if (text_at(*object, "type") != "webauthn.get")
        return "the client data is not of an assertion";
    if (text_at(*object, "challenge") != to_base64url(digest))
        return "the passkey signed another challenge than this digest";
    if (origin.empty() || text_at(*object, "origin") != origin)
        return "the passkey was used on another origin";
    const auto* cross = object->if_contains("crossOrigin");
    if (cross && cross->is_bool() && cross->get_bool())
        return "the passkey was used inside a page of another origin";
    return std::nullopt;
}

std::optional<std::string> check_authenticator_data(std::span<const std::byte> data, const std::string& rp_id,
                                                    bool verification)
{
    constexpr std::size_t hash_size = 32, least = 37;
    if (data.size() < least)
        return "the authenticator data is too short";
    const Hash expected = Hasher{}(as_bytes(rp_id));
    if (rp_id.empty() || !std::equal(expected.begin(), expected.end(), data.begin()))
        return "the passkey is of another relying party";
    const auto flags = std::to_integer<unsigned>(data[hash_size]);
    if ((flags & flag_user_present) == 0)
        return "no user was present";
    if (verification && (flags & flag_user_verified) == 0)
        return "the user was not verified";
    return std::nullopt;
}

} // namespace

std::string evidence_text(std::string_view evidence_json, std::string_view key)
{
    boost::system::error_code error;
    const json::value parsed = json::parse(evidence_json, error);
    const auto* evidence = error ? nullptr : parsed.if_object();
    return evidence ? text_at(*evidence, key) : std::string{};
}

std::optional<std::string> check_passkey_evidence(std::string_view evidence_json, std::span<const std::byte> digest,
                                                  bool user_verification_required)
{
    boost::system::error_code error;
    const json::value parsed = json::parse(evidence_json, error);
    const auto* evidence = error ? nullptr : parsed.if_object();
    if (!evidence)
        return "the evidence is not JSON";
    const auto cose_bytes = bytes_at(*evidence, "public_key");
    const auto client_data = bytes_at(*evidence, "client_data_json");
    const auto authenticator_data = bytes_at(*evidence, "authenticator_data");
    const auto signature = bytes_at(*evidence, "signature");
    const auto algorithm = number_at(*evidence, "algorithm");
    if (!cose_bytes || !client_data || !authenticator_data || !signature || !algorithm)
        return "the evidence is not complete";
    if (*algorithm != es256 && *algorithm != rs256)
        return "the algorithm is not known";
    if (auto wrong = check_client_data(*client_data, digest, text_at(*evidence, "origin")))
        return wrong;
    if (auto wrong =
            check_authenticator_data(*authenticator_data, text_at(*evidence, "rp_id"), user_verification_required))
        return wrong;
    const auto cose = parse_cose(*cose_bytes);
    const Key key = cose ? public_key(*cose, *algorithm) : Key{nullptr, EVP_PKEY_free};
    if (!key)
        return "the public key cannot be read";
    Bytes message = *authenticator_data;
    const Hash client_hash = Hasher{}(*client_data);
    message.insert(message.end(), client_hash.begin(), client_hash.end());
    if (!signature_holds(key.get(), message, *signature))
        return "the passkey's signature does not hold";
    return std::nullopt;
}

} // namespace stepgate::proxy::audit
