#include "tests/support/soft_authenticator.h"

#include "challenge-web/challenges/base64url.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include <stdexcept>

namespace stepgate::tests
{

namespace json = boost::json;
using challenge_web::challenges::base64url_decode;
using challenge_web::challenges::base64url_encode;

namespace
{

std::string sha256(std::string_view bytes)
{
    std::string out(32, '\0');
    SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
           reinterpret_cast<unsigned char*>(out.data()));
    return out;
}

std::string big_endian(std::uint64_t value, int size)
{
    std::string out;
    for (int i = size - 1; i >= 0; --i)
        out += static_cast<char>(value >> (8 * i) & 0xFF);
    return out;
}

// CBOR, as far as an attestation object and a COSE key need it.
std::string head(unsigned major, std::uint64_t value)
{
    const auto first = [&](unsigned info) { return std::string(1, static_cast<char>(major << 5 | info)); };
    if (value < 24)
        return first(static_cast<unsigned>(value));
    if (value < 256)
        return first(24) + big_endian(value, 1);
    return first(25) + big_endian(value, 2);
}
std::string cbor_int(int value)
{
    return value >= 0 ? head(0, static_cast<std::uint64_t>(value)) : head(1, static_cast<std::uint64_t>(-1 - value));
}
std::string cbor_bytes(std::string_view bytes)
{
    return head(2, bytes.size()) + std::string{bytes};
}
std::string cbor_text(std::string_view text)
{
    return head(3, text.size()) + std::string{text};
}

EVP_PKEY* generate(int algorithm)
{
    EVP_PKEY* key = algorithm == SoftAuthenticator::es256 ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048);
    if (key == nullptr)
        throw std::runtime_error("cannot make a key");
    return key;
}

std::string number(const EVP_PKEY* key, const char* name, int size)
{
    BIGNUM* value = nullptr;
    std::string out(static_cast<std::size_t>(size), '\0');
    if (EVP_PKEY_get_bn_param(key, name, &value) != 1 ||
        BN_bn2binpad(value, reinterpret_cast<unsigned char*>(out.data()), size) != size)
        throw std::runtime_error("cannot read a key");
    BN_free(value);
    return out;
}

std::string member(const json::object& object, std::string_view name)
{
    return std::string{object.at(name).as_string()};
}

} // namespace

struct SoftAuthenticator::Impl {
    std::string origin;
    int algorithm;
    EVP_PKEY* key;
    std::string id, rp_id, user_handle;
    std::uint32_t counter = 0;

    Impl(std::string from, int with) : origin(std::move(from)), algorithm(with), key(generate(with)), id(32, '\0')
    {
        RAND_bytes(reinterpret_cast<unsigned char*>(id.data()), static_cast<int>(id.size()));
    }
    ~Impl() { EVP_PKEY_free(key); }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    [[nodiscard]] std::string public_key() const
    {
        if (algorithm == es256)
            return head(5, 5) + cbor_int(1) + cbor_int(2) + cbor_int(3) + cbor_int(es256) + cbor_int(-1) + cbor_int(1) +
                   cbor_int(-2) + cbor_bytes(number(key, OSSL_PKEY_PARAM_EC_PUB_X, 32)) + cbor_int(-3) +
                   cbor_bytes(number(key, OSSL_PKEY_PARAM_EC_PUB_Y, 32));
        return head(5, 4) + cbor_int(1) + cbor_int(3) + cbor_int(3) + cbor_int(rs256) + cbor_int(-1) +
               cbor_bytes(number(key, OSSL_PKEY_PARAM_RSA_N, 256)) + cbor_int(-2) +
               cbor_bytes(number(key, OSSL_PKEY_PARAM_RSA_E, 3));
    }

    [[nodiscard]] std::string sign(std::string_view bytes) const
    {
        EVP_MD_CTX* context = EVP_MD_CTX_new();
        std::size_t size = 0;
        const auto* in = reinterpret_cast<const unsigned char*>(bytes.data());
        EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key);
        EVP_DigestSign(context, nullptr, &size, in, bytes.size());
        std::string out(size, '\0');
        EVP_DigestSign(context, reinterpret_cast<unsigned char*>(out.data()), &size, in, bytes.size());
        EVP_MD_CTX_free(context);
        out.resize(size);
        return out;
    }

    [[nodiscard]] std::string client_data(std::string type, const json::object& options,
                                          const AuthenticatorKnobs& knobs) const
    {
        json::object out{{"type", knobs.type.value_or(std::move(type))},
                         {"challenge", knobs.challenge.value_or(member(options, "challenge"))},
                         {"origin", knobs.origin.value_or(origin)},
                         {"crossOrigin", knobs.cross_origin.value_or(false)}};
        if (knobs.top_origin)
            out["topOrigin"] = *knobs.top_origin;
        auto text = json::serialize(out);
        if (!knobs.extra_client_data.empty())
            text.insert(text.size() - 1, "," + knobs.extra_client_data);
        return text;
    }

    [[nodiscard]] std::string authenticator_data(bool attested, const AuthenticatorKnobs& knobs)
    {
        counter = knobs.counter.value_or(counter + 1);
        const unsigned flags =
            (knobs.user_present ? 1u : 0u) | (knobs.user_verified ? 4u : 0u) | (attested ? 0x40u : 0u);
        std::string out = sha256(knobs.rp_id.value_or(rp_id)) + big_endian(flags, 1) + big_endian(counter, 4);
        if (attested)
            out += knobs.aaguid.value_or(std::string(16, '\0')) + big_endian(id.size(), 2) + id + public_key();
        return out + knobs.extra_auth_data;
    }
};

SoftAuthenticator::SoftAuthenticator(std::string origin, int algorithm)
    : impl_(std::make_unique<Impl>(std::move(origin), algorithm))
{
}
SoftAuthenticator::~SoftAuthenticator() = default;

std::string SoftAuthenticator::create(std::string_view text, const AuthenticatorKnobs& knobs)
{
    const auto options = json::parse(text).as_object();
    impl_->rp_id = member(options.at("rp").as_object(), "id");
    impl_->user_handle = base64url_decode(member(options.at("user").as_object(), "id")).value();
    const auto client_data = impl_->client_data("webauthn.create", options, knobs);
    const auto data = impl_->authenticator_data(true, knobs);
    const auto format = knobs.format.value_or("none");
    std::string statement = head(5, 0);
    if (knobs.statement) {
        statement = knobs.statement(data + sha256(client_data));
    } else if (format == "packed") { // self attestation, WebAuthn 8.2
        auto signature = impl_->sign(data + sha256(client_data));
        if (knobs.break_signature)
            signature.back() = static_cast<char>(signature.back() ^ 1);
        statement =
            head(5, 2) + cbor_text("alg") + cbor_int(impl_->algorithm) + cbor_text("sig") + cbor_bytes(signature);
    }
    const auto object = head(5, 3) + cbor_text("fmt") + cbor_text(format) + cbor_text("attStmt") + statement +
                        cbor_text("authData") + cbor_bytes(data);
    const auto id = base64url_encode(knobs.credential_id.value_or(impl_->id));
    return json::serialize(json::object{{"id", id},
                                        {"rawId", id},
                                        {"type", "public-key"},
                                        {"response",
                                         {{"clientDataJSON", base64url_encode(client_data)},
                                          {"attestationObject", base64url_encode(object)},
                                          {"transports", json::array{"internal"}}}},
                                        {"clientExtensionResults", json::object{}}});
}

std::string SoftAuthenticator::get(std::string_view text, const AuthenticatorKnobs& knobs)
{
    const auto options = json::parse(text).as_object();
    const auto client_data = impl_->client_data("webauthn.get", options, knobs);
    const auto data = impl_->authenticator_data(false, knobs);
    auto signature = impl_->sign(data + sha256(client_data));
    if (knobs.break_signature)
        signature.back() = static_cast<char>(signature.back() ^ 1);
    const auto id = base64url_encode(knobs.credential_id.value_or(impl_->id));
    json::object response{{"clientDataJSON", base64url_encode(client_data)},
                          {"authenticatorData", base64url_encode(data)},
                          {"signature", base64url_encode(signature)}};
    const auto handle = knobs.user_handle.value_or(impl_->user_handle);
    if (!handle.empty())
        response["userHandle"] = base64url_encode(handle);
    return json::serialize(json::object{{"id", id},
                                        {"rawId", id},
                                        {"type", "public-key"},
                                        {"response", std::move(response)},
                                        {"clientExtensionResults", json::object{}}});
}

const std::string& SoftAuthenticator::credential_id() const
{
    return impl_->id;
}

std::string SoftAuthenticator::public_key() const
{
    return impl_->public_key();
}

} // namespace stepgate::tests
