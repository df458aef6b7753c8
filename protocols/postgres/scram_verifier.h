#pragma once

#include "protocols/postgres/errc.h"
#include "protocols/wire/bytes.h"

#include <array>
#include <string>
#include <string_view>

namespace stepgate::protocols::postgres
{

inline constexpr int scram_default_iterations = 4096; // as PostgreSQL's scram_iterations
inline constexpr std::string_view scram_sha_256 = "SCRAM-SHA-256";
inline constexpr std::string_view scram_sha_256_plus = "SCRAM-SHA-256-PLUS";

using Sha256 = std::array<std::byte, 32>;

/// What a server keeps instead of a password (RFC 5803, in PostgreSQL's form).
struct ScramVerifier {
    int iterations = scram_default_iterations;
    wire::Bytes salt;
    Sha256 stored_key{};
    Sha256 server_key{};
};

/// "SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>", the last three in base64. errc::invalid_verifier.
[[nodiscard]] result<ScramVerifier> parse_verifier(std::string_view text);
[[nodiscard]] std::string format_verifier(const ScramVerifier& verifier);

/// `salt`: 16 random bytes. Takes some milliseconds (PBKDF2). errc: crypto_failure;
/// invalid_verifier for an empty salt or no rounds.
[[nodiscard]] result<ScramVerifier> make_verifier(std::string_view password, wire::View salt,
                                                  int iterations = scram_default_iterations);

/// Whether the verifier was made of this password: for protocols that carry the password itself. As slow as
/// make_verifier. errc::crypto_failure.
[[nodiscard]] result<bool> is_password(const ScramVerifier& verifier, std::string_view password);

/// A verifier that no password matches, always the same for a user name: so that a stranger cannot tell unknown users
/// from wrong passwords. `secret`: random bytes that only this installation knows and that survive its restarts.
/// `iterations`: as real verifiers here have it. errc::crypto_failure.
[[nodiscard]] result<ScramVerifier> mock_verifier(std::string_view user, wire::View secret,
                                                  int iterations = scram_default_iterations);

/// The password as SCRAM hashes it: SASLprep (RFC 4013) if it is valid UTF-8 that SASLprep accepts, else its bytes as
/// they are. PostgreSQL does the same, so that passwords in other encodings work.
[[nodiscard]] std::string prepare_password(std::string_view password);

} // namespace stepgate::protocols::postgres
