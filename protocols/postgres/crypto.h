#pragma once

#include "protocols/postgres/scram_verifier.h"

#include <string>
#include <string_view>

namespace stepgate::protocols::postgres
{

// What the SCRAM machines need of OpenSSL and base64. All give crypto_failure if OpenSSL fails.

[[nodiscard]] result<Sha256> sha256(wire::View data);
[[nodiscard]] result<Sha256> hmac_sha256(wire::View key, std::string_view data);
[[nodiscard]] result<Sha256> pbkdf2_sha256(std::string_view password, wire::View salt, int iterations);

/// Takes the same time wherever they differ.
[[nodiscard]] bool equal_secretly(const Sha256& a, const Sha256& b);
[[nodiscard]] Sha256 exclusive_or(const Sha256& a, const Sha256& b);
/// Overwrites secrets that are not needed any more.
void wipe(Sha256& secret);
void wipe(std::string& secret);

[[nodiscard]] std::string encode_base64(wire::View data);
/// Strict: no white space, padded, and no other text for the same bytes. False: not base64.
[[nodiscard]] bool decode_base64(std::string_view text, wire::Bytes& out);

} // namespace stepgate::protocols::postgres
