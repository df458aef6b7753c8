#pragma once

#include "challenge-web/factors/errc.h"

#include <boost/system/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stepgate::challenge_web::factors
{

// Parsing and checking of what browsers send (WebAuthn level 2), but for signatures. All functions are total: any
// bytes in, a value or errc::malformed out. Section numbers are of https://www.w3.org/TR/webauthn-2/.

/// What the browser says it signed for (5.8.1). Unknown members are ignored: Chromium adds some on purpose.
struct ClientData {
    std::string type;
    std::string challenge; // raw
    std::string origin;
    bool cross_origin = false; // true too if a top origin is named
};
[[nodiscard]] boost::system::result<ClientData> parse_client_data(std::string_view json);

/// 7.1 steps 7 to 9 and 7.2 steps 11 to 13: type, challenge, exact origin, and not inside a frame of another site.
[[nodiscard]] boost::system::result<void> check_client_data(const ClientData& data, std::string_view type,
                                                            std::string_view challenge, std::string_view origin);

/// 6.1.
struct AuthenticatorData {
    static constexpr std::uint8_t user_present = 0x01, user_verified = 0x04, backup_eligible = 0x08, backed_up = 0x10,
                                  attested_data = 0x40, extension_data = 0x80;
    std::string rp_id_hash; // 32 bytes
    std::uint8_t flags = 0;
    std::uint32_t sign_count = 0;
    std::string aaguid; // 16 bytes: the authenticator's model; these three only with `attested_data`
    std::string credential_id;
    std::string public_key; // COSE_Key bytes
    [[nodiscard]] bool has(std::uint8_t flag) const { return (flags & flag) == flag; }
};
[[nodiscard]] boost::system::result<AuthenticatorData> parse_authenticator_data(std::string_view bytes);

/// 7.1 steps 13 to 15 and 7.2 steps 15 to 17: relying party, user present, user verified if asked for.
[[nodiscard]] boost::system::result<void> check_authenticator_data(const AuthenticatorData& data,
                                                                   std::string_view rp_id, bool user_verification);

/// 6.5.4.
struct AttestationObject {
    std::string format;
    std::string statement; // CBOR
    std::string authenticator_data;
};
[[nodiscard]] boost::system::result<AttestationObject> parse_attestation_object(std::string_view bytes);

/// Public keys that passkeys are offered (RFC 8152): ES256 on P-256, and RS256 with 2048 bits.
struct CoseKey {
    static constexpr int es256 = -7, rs256 = -257;
    int algorithm = 0;
    std::string key; // es256: x (32 bytes), y (32); rs256: modulus (256), exponent (3)
};
[[nodiscard]] boost::system::result<CoseKey> parse_cose_key(std::string_view bytes); // malformed, unsupported

} // namespace stepgate::challenge_web::factors
