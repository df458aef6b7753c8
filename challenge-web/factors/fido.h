#pragma once

#include "challenge-web/factors/errc.h"

#include <boost/system/result.hpp>

#include <string_view>

namespace stepgate::challenge_web::factors
{

// The adapter of libfido2: signatures only. Everything else about a ceremony is checked by the caller (passkey.cpp),
// because the library does not look into client data. Pure functions, safe on any thread.

struct SignedAssertion {
    std::string_view public_key; // COSE_Key bytes
    std::string_view rp_id, client_data_json, authenticator_data, signature;
    bool user_verification = false;
};
/// errc::bad_signature, unsupported, malformed.
[[nodiscard]] boost::system::result<void> verify_assertion(const SignedAssertion& assertion);

struct SignedAttestation {
    std::string_view format, statement; // as in the attestation object
    std::string_view rp_id, client_data_json, authenticator_data;
    std::string_view credential_id, public_key; // what our own parser took from the authenticator data
};
/// Formats "none", "packed" and "fido-u2f"; we ask for none, and trust no attestation more than none. It also makes
/// sure that the library reads the same credential id and key out of the authenticator data as we did.
[[nodiscard]] boost::system::result<void> verify_attestation(const SignedAttestation& attestation);

} // namespace stepgate::challenge_web::factors
