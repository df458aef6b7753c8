#pragma once

#include "challenge-web/factors/errc.h"

#include <boost/system/result.hpp>

#include <string>
#include <string_view>

namespace stepgate::challenge_web::factors
{

// The adapter of cjose: the signature of a token (RFC 7515, compact) against a set of public keys (RFC 7517). What the
// token says is checked by the caller. Pure, safe on any thread.

struct SignedToken {
    std::string payload;
    std::string key; // the JWK that verified it, for the audit
};

/// RS256, PS256 and ES256 and nothing else, with a key of the right type: never "none", never a MAC under a public key.
/// The key is the one with the token's "kid"; without a kid, the only one that fits. errc::malformed, unsupported,
/// unknown_credential (no such key: it may be newer than the set), bad_signature.
[[nodiscard]] boost::system::result<SignedToken> verify_token(std::string_view token, std::string_view keys);

} // namespace stepgate::challenge_web::factors
