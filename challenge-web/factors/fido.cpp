#include "challenge-web/factors/fido.h"

#include "challenge-web/challenges/digest.h"
#include "challenge-web/factors/webauthn.h"

#include <fido.h>
#include <fido/es256.h>
#include <fido/rs256.h>

#include <memory>
#include <string>

namespace stepgate::challenge_web::factors
{

namespace
{

template <class T, void (*Free)(T**)>
struct Freer {
    void operator()(T* pointer) const { Free(&pointer); }
};
template <class T, void (*Free)(T**)>
using Owned = std::unique_ptr<T, Freer<T, Free>>;

const unsigned char* data(std::string_view bytes)
{
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

bool equal(const unsigned char* bytes, std::size_t size, std::string_view expected)
{
    return bytes != nullptr && std::string_view{reinterpret_cast<const char*>(bytes), size} == expected;
}

bool verify_with_key(const fido_assert_t* assertion, const CoseKey& key)
{
    if (key.algorithm == CoseKey::es256) {
        const Owned<es256_pk_t, es256_pk_free> pk{es256_pk_new()};
        return pk && es256_pk_from_ptr(pk.get(), key.key.data(), key.key.size()) == FIDO_OK &&
               fido_assert_verify(assertion, 0, COSE_ES256, pk.get()) == FIDO_OK;
    }
    const Owned<rs256_pk_t, rs256_pk_free> pk{rs256_pk_new()};
    return pk && rs256_pk_from_ptr(pk.get(), key.key.data(), key.key.size()) == FIDO_OK &&
           fido_assert_verify(assertion, 0, COSE_RS256, pk.get()) == FIDO_OK;
}

/// The key, if all that libfido2 is to decode is sound: it makes room for as many elements as a CBOR array claims to
/// have.
boost::system::result<CoseKey> key_of(std::string_view public_key, std::string_view authenticator_data)
{
    if (const auto sound = parse_authenticator_data(authenticator_data); !sound)
        return sound.error();
    return parse_cose_key(public_key);
}

} // namespace

boost::system::result<void> verify_assertion(const SignedAssertion& in)
{
    const auto key = key_of(in.public_key, in.authenticator_data);
    if (!key)
        return key.error();
    const auto hash = challenges::sha256(in.client_data_json);
    const std::string rp_id{in.rp_id};
    const Owned<fido_assert_t, fido_assert_free> assertion{fido_assert_new()};
    const bool set =
        assertion &&
        fido_assert_set_clientdata_hash(assertion.get(), reinterpret_cast<const unsigned char*>(hash.data()),
                                        hash.size()) == FIDO_OK &&
        fido_assert_set_rp(assertion.get(), rp_id.c_str()) == FIDO_OK &&
        fido_assert_set_up(assertion.get(), FIDO_OPT_TRUE) == FIDO_OK &&
        fido_assert_set_uv(assertion.get(), in.user_verification ? FIDO_OPT_TRUE : FIDO_OPT_OMIT) == FIDO_OK &&
        fido_assert_set_count(assertion.get(), 1) == FIDO_OK &&
        fido_assert_set_authdata_raw(assertion.get(), 0, data(in.authenticator_data), in.authenticator_data.size()) ==
            FIDO_OK &&
        fido_assert_set_sig(assertion.get(), 0, data(in.signature), in.signature.size()) == FIDO_OK;
    if (!set)
        return errc::malformed;
    if (!verify_with_key(assertion.get(), *key))
        return errc::bad_signature;
    return {};
}

boost::system::result<void> verify_attestation(const SignedAttestation& in)
{
    if (in.format != "none" && in.format != "packed" && in.format != "fido-u2f")
        return errc::unsupported;
    const auto key = key_of(in.public_key, in.authenticator_data);
    if (!key)
        return key.error();
    const auto hash = challenges::sha256(in.client_data_json);
    const std::string rp_id{in.rp_id}, format{in.format};
    const Owned<fido_cred_t, fido_cred_free> credential{fido_cred_new()};
    const bool set =
        credential &&
        fido_cred_set_type(credential.get(), key->algorithm == CoseKey::es256 ? COSE_ES256 : COSE_RS256) == FIDO_OK &&
        fido_cred_set_rp(credential.get(), rp_id.c_str(), nullptr) == FIDO_OK &&
        fido_cred_set_clientdata_hash(credential.get(), reinterpret_cast<const unsigned char*>(hash.data()),
                                      hash.size()) == FIDO_OK &&
        fido_cred_set_authdata_raw(credential.get(), data(in.authenticator_data), in.authenticator_data.size()) ==
            FIDO_OK;
    if (!set)
        return errc::malformed;
    if (!equal(fido_cred_id_ptr(credential.get()), fido_cred_id_len(credential.get()), in.credential_id) ||
        !equal(fido_cred_pubkey_ptr(credential.get()), fido_cred_pubkey_len(credential.get()), key->key))
        return errc::malformed;
    if (in.format == "none") {
        const bool empty_statement = in.statement == std::string_view{"\xA0", 1};
        return empty_statement ? boost::system::result<void>{} : boost::system::result<void>{errc::malformed};
    }
    if (fido_cred_set_fmt(credential.get(), format.c_str()) != FIDO_OK ||
        fido_cred_set_attstmt(credential.get(), data(in.statement), in.statement.size()) != FIDO_OK)
        return errc::malformed;
    // Without a certificate the credential signed for itself (8.2.1).
    const int verified = fido_cred_x5c_ptr(credential.get()) == nullptr ? fido_cred_verify_self(credential.get())
                                                                        : fido_cred_verify(credential.get());
    if (verified != FIDO_OK)
        return errc::bad_signature;
    return {};
}

} // namespace stepgate::challenge_web::factors
