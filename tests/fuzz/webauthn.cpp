// What a browser may send: the first byte picks the parser, the rest is its input. Nothing here may crash, hang or read
// out of bounds; and what was parsed must keep the promises that callers rely on.

#include "challenge-web/factors/webauthn.h"
#include "challenge-web/challenges/base64url.h"
#include "challenge-web/challenges/digest.h"
#include "challenge-web/factors/fido.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace factors = stepgate::challenge_web::factors;
namespace challenges = stepgate::challenge_web::challenges;

namespace
{

void require(bool promise)
{
    if (!promise)
        std::abort();
}

void authenticator_data(std::string_view in)
{
    const auto data = factors::parse_authenticator_data(in);
    if (!data)
        return;
    require(data->rp_id_hash.size() == 32);
    require(data->has(factors::AuthenticatorData::attested_data) == !data->credential_id.empty());
    if (const auto key = factors::parse_cose_key(data->public_key); key)
        (void)factors::verify_attestation(
            {"none", "\xA0", "stepgate.example", "{}", in, data->credential_id, data->public_key});
}

void attestation_object(std::string_view in)
{
    const auto object = factors::parse_attestation_object(in);
    if (!object)
        return;
    authenticator_data(object->authenticator_data);
    const auto data = factors::parse_authenticator_data(object->authenticator_data);
    if (data)
        (void)factors::verify_attestation({object->format, object->statement, "stepgate.example", "{}",
                                           object->authenticator_data, data->credential_id, data->public_key});
}

void cose_key(std::string_view in)
{
    const auto key = factors::parse_cose_key(in);
    if (!key)
        return;
    require(key->key.size() == (key->algorithm == factors::CoseKey::es256 ? 64u : 259u));
    (void)factors::verify_assertion({in, "stepgate.example", "{}", in, in, false});
}

void base64url(std::string_view in)
{
    if (const auto bytes = challenges::base64url_decode(in))
        require(challenges::base64url_encode(*bytes) == in);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const std::string_view in{reinterpret_cast<const char*>(data) + 1, size - 1};
    switch (data[0] % 6) {
    case 0:
        (void)factors::parse_client_data(in);
        break;
    case 1:
        authenticator_data(in);
        break;
    case 2:
        attestation_object(in);
        break;
    case 3:
        cose_key(in);
        break;
    case 4:
        base64url(in);
        break;
    case 5:
        (void)challenges::parse_digest_input(in);
        break;
    }
    return 0;
}
