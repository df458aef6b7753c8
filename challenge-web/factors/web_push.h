#pragma once

#include "challenge-web/factors/errc.h"

#include <boost/system/result.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace stepgate::challenge_web::factors
{

// The cryptography of Web Push, on OpenSSL: what goes to a push service, so that only one browser can read it, and so
// that the service knows who sends. Pure, safe on any thread. Keys are raw bytes: a private key is the number (32), a
// public one the uncompressed point (65).

/// Where a browser can be reached, and what is needed to write to it (Push API, PushSubscription).
struct PushSubscription {
    static constexpr std::size_t public_key_bytes = 65, auth_bytes = 16;
    std::string endpoint;
    std::string public_key; // "p256dh"
    std::string auth;
};

inline constexpr std::size_t push_salt_bytes = 16;

/// A new private key on P-256; nullopt: no randomness.
[[nodiscard]] std::optional<std::string> new_push_key();
/// Its public key; errc::malformed.
[[nodiscard]] boost::system::result<std::string> push_public_key(std::string_view private_key);

/// Longest text that push services have to take (RFC 8030 section 7.2: 4096 bytes) after encryption.
inline constexpr std::size_t longest_push = 3993;

/// RFC 8291: aes128gcm (RFC 8188) in one record. `sender_key` and `salt` (16 bytes) are new for every message.
/// errc::malformed: a key is none, or the text is too long.
[[nodiscard]] boost::system::result<std::string> encrypt_push(std::string_view text,
                                                              const PushSubscription& subscription,
                                                              std::string_view sender_key, std::string_view salt);

/// The value of Authorization for a push service (RFC 8292 "vapid"): `audience` is the endpoint's origin, `subject` an
/// address where the service's people can ask about us.
[[nodiscard]] boost::system::result<std::string> vapid_authorization(const std::string& audience,
                                                                     const std::string& subject,
                                                                     std::string_view private_key,
                                                                     std::chrono::system_clock::time_point expires);

} // namespace stepgate::challenge_web::factors
