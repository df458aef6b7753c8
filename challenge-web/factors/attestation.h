#pragma once

#include "challenge-web/factors/errc.h"
#include "challenge-web/factors/webauthn.h"

#include <boost/system/result.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::challenge_web::factors
{

/// Which authenticators may become passkeys, by their model's AAGUID. An AAGUID is only what the authenticator, and the
/// browser in between, say: software can say any. It is worth something where the maker's certificate vouches for it.
struct AttestationPolicy {
    std::vector<std::string> aaguids; // 16 bytes each; none: any authenticator
    std::string roots;                // PEM: authorities of makers; "" (with AAGUIDs): they are taken on their word

    [[nodiscard]] bool any() const { return aaguids.empty(); }
    bool operator==(const AttestationPolicy&) const = default;
};

/// "ee882879-721c-4913-9775-3dfcce97072a" as its 16 bytes; "" if it is no UUID.
[[nodiscard]] std::string parse_aaguid(std::string_view text);
/// The other way round; `aaguid` has 16 bytes.
[[nodiscard]] std::string format_aaguid(std::string_view aaguid);
/// How many certificates a PEM text has; 0 also if one of them cannot be read.
[[nodiscard]] std::size_t certificates_in(const std::string& pem);

/// May this new credential be enrolled? Its attestation's signature has been verified (fido.h). With roots: "packed"
/// with a certificate for this AAGUID (WebAuthn 8.2.1) that leads to one of them; attestation by the credential itself,
/// and none, are refused. Certificates are not checked for revocation. errc::untrusted.
[[nodiscard]] boost::system::result<void> check_attestation(const AttestationPolicy& policy,
                                                            const AttestationObject& attestation,
                                                            std::string_view aaguid,
                                                            std::chrono::system_clock::time_point now);

} // namespace stepgate::challenge_web::factors
