#include "proxy/audit/cbor.h"
#include "proxy/audit/hash.h"
#include "proxy/audit/verify_passkey.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include <functional>
#include <memory>
#include <string>

namespace stepgate::proxy::audit
{
namespace passkey_test
{

namespace json = boost::json;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

/// An authenticator of our own, so that every part of the evidence can be made wrong.
struct Assertion {
    int algorithm = -7;
    std::string type = "webauthn.get", origin = "https://stepgate.example", rp_id = "stepgate.example";
    std::string evidence_origin = origin;
    std::string challenge;
    bool cross_origin = false;
    unsigned char flags = 0x05;
};

cbor::Buffer number(EVP_PKEY* key, const char* name)
{
    BIGNUM* value = nullptr;
    EVP_PKEY_get_bn_param(key, name, &value);
    const std::unique_ptr<BIGNUM, decltype(&BN_free)> owned{value, BN_free};
    const int size =
        std::string{name} == OSSL_PKEY_PARAM_RSA_E ? BN_num_bytes(value) : std::max(32, BN_num_bytes(value));
    cbor::Buffer bytes(static_cast<std::size_t>(size));
    BN_bn2binpad(value, reinterpret_cast<unsigned char*>(bytes.data()), size);
    return bytes;
}

cbor::Buffer cose(EVP_PKEY* key, int algorithm)
{
    cbor::Buffer out;
    const bool elliptic = algorithm == -7;
    cbor::put_head(out, cbor::Major::map, elliptic ? 5 : 4);
    const auto pair = [&](int label, int value) {
        cbor::put_integer(out, label);
        cbor::put_integer(out, value);
    };
    const auto bytes = [&](int label, const cbor::Buffer& value) {
        cbor::put_integer(out, label);
        cbor::put_bytes(out, value);
    };
    pair(1, elliptic ? 2 : 3);
    pair(3, algorithm);
    if (elliptic)
        pair(-1, 1);
    bytes(elliptic ? -2 : -1, number(key, elliptic ? OSSL_PKEY_PARAM_EC_PUB_X : OSSL_PKEY_PARAM_RSA_N));
    bytes(elliptic ? -3 : -2, number(key, elliptic ? OSSL_PKEY_PARAM_EC_PUB_Y : OSSL_PKEY_PARAM_RSA_E));
    return out;
}

json::object evidence(const Assertion& assertion, EVP_PKEY* key)
{
    const std::string client_data = json::serialize(json::object{{"type", assertion.type},
                                                                 {"challenge", assertion.challenge},
                                                                 {"origin", assertion.origin},
                                                                 {"crossOrigin", assertion.cross_origin},
                                                                 {"other_keys_can_be_added_here", "x"}});
    const Hash rp = Hasher{}(as_bytes(assertion.rp_id));
    cbor::Buffer data{rp.begin(), rp.end()};
    data.push_back(static_cast<std::byte>(assertion.flags));
    data.resize(37);
    cbor::Buffer message = data;
    const Hash client = Hasher{}(as_bytes(client_data));
    message.insert(message.end(), client.begin(), client.end());
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), EVP_MD_CTX_free};
    std::vector<std::byte> signature(512);
    std::size_t size = signature.size();
    EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key);
    EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                   reinterpret_cast<const unsigned char*>(message.data()), message.size());
    signature.resize(size);
    return {{"type", "webauthn"},
            {"credential_id", "AAAA"},
            {"public_key", to_base64url(cose(key, assertion.algorithm))},
            {"algorithm", assertion.algorithm},
            {"client_data_json", to_base64url(as_bytes(client_data))},
            {"authenticator_data", to_base64url(data)},
            {"signature", to_base64url(signature)},
            {"origin", assertion.evidence_origin},
            {"rp_id", "stepgate.example"}};
}

TEST(Passkey, EvidenceHoldsOrSaysWhatIsWrong)
{
    const Hash digest = Hasher{}(as_bytes("the statement"));
    struct Row {
        const char* name;
        std::function<void(Assertion&)> make;
        std::function<void(json::object&)> change;
        const char* wrong; // "" if it holds
        bool verification = true;
    };
    const auto keep = [](json::object&) {};
    const auto same = [](Assertion&) {};
    const auto flip = [](json::object& e, const char* key) {
        auto bytes = *from_base64url(std::string{e[key].as_string()});
        bytes.back() ^= std::byte{1};
        e[key] = to_base64url(bytes);
    };
    const Row rows[] = {
        {"good", same, keep, ""},
        {"algorithm as text", same, [](json::object& e) { e["algorithm"] = "-7"; }, ""},
        {"other type", [](Assertion& a) { a.type = "webauthn.create"; }, keep, "not of an assertion"},
        {"other challenge", [](Assertion& a) { a.challenge = "AAAA"; }, keep, "another challenge"},
        {"other origin", [](Assertion& a) { a.origin = "https://evil.example"; }, keep, "another origin"},
        {"no origin", [](Assertion& a) { a.origin = a.evidence_origin = ""; }, keep, "another origin"},
        {"embedded", [](Assertion& a) { a.cross_origin = true; }, keep, "inside a page"},
        {"other relying party", [](Assertion& a) { a.rp_id = "evil.example"; }, keep, "relying party"},
        {"nobody present", [](Assertion& a) { a.flags = 0x04; }, keep, "no user was present"},
        {"not verified", [](Assertion& a) { a.flags = 0x01; }, keep, "not verified"},
        {"not verified, not asked", [](Assertion& a) { a.flags = 0x01; }, keep, "", false},
        {"signature changed", same, [&](json::object& e) { flip(e, "signature"); }, "signature does not hold"},
        {"counter changed", same, [&](json::object& e) { flip(e, "authenticator_data"); }, "signature does not hold"},
        {"client data changed", same, [&](json::object& e) { flip(e, "client_data_json"); }, "not JSON"},
        {"key truncated", same, [](json::object& e) { e["public_key"] = "pQEC"; }, "public key"},
        {"no signature", same, [](json::object& e) { e.erase("signature"); }, "not complete"},
        {"algorithm none", same, [](json::object& e) { e["algorithm"] = 0; }, "algorithm"},
    };
    for (const int algorithm : {-7, -257}) {
        const Key key{algorithm == -7 ? EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")
                                      : EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048}),
                      EVP_PKEY_free};
        for (const Row& row : rows) {
            SCOPED_TRACE(std::string{row.name} + " " + std::to_string(algorithm));
            Assertion assertion;
            assertion.algorithm = algorithm;
            assertion.challenge = to_base64url(digest);
            row.make(assertion);
            json::object object = evidence(assertion, key.get());
            if (algorithm != -7 && row.name == std::string{"algorithm as text"})
                continue;
            row.change(object);
            const auto wrong = check_passkey_evidence(json::serialize(object), digest, row.verification);
            const std::string said = wrong.value_or("");
            if (std::string{row.wrong}.empty())
                EXPECT_EQ(said, "");
            else
                EXPECT_NE(said.find(row.wrong), std::string::npos) << said;
        }
    }
    EXPECT_TRUE(check_passkey_evidence("[]", digest, false));
    EXPECT_TRUE(check_passkey_evidence("{", digest, false));
}

} // namespace passkey_test
} // namespace stepgate::proxy::audit
