#pragma once

#include "protocols/mysql/crypto.h"
#include "protocols/mysql/handshake.h"

#include <string_view>

namespace stepgate::protocols::mysql
{

inline constexpr std::string_view caching_sha2_password = "caching_sha2_password";
inline constexpr std::string_view mysql_native_password = "mysql_native_password";
inline constexpr std::string_view mysql_clear_password = "mysql_clear_password";
inline constexpr std::string_view client_ed25519 = "client_ed25519";

/// SHA256(SHA256(password)): what proves the fast answer of caching_sha2_password. Who has it cannot log in with it,
/// but can test guesses fast: it is kept in memory only.
[[nodiscard]] result<Sha256> sha2_digest(std::string_view password);
/// SHA1(SHA1(password)): the same for mysql_native_password.
[[nodiscard]] result<Sha1> native_digest(std::string_view password);

/// What a client answers to a nonce.
[[nodiscard]] result<Sha256> sha2_answer(std::string_view password, const Nonce& nonce);
[[nodiscard]] result<Sha1> native_answer(std::string_view password, const Nonce& nonce);

/// The answer was made with the password of this digest. errc::crypto_failure.
[[nodiscard]] result<bool> answers(wire::View answer, const Sha256& digest, const Nonce& nonce);
[[nodiscard]] result<bool> answers(wire::View answer, const Sha1& digest, const Nonce& nonce);

/// client_ed25519 (MariaDB): the signature of the server's 32 bytes with the key that the password stands for.
using Ed25519Signature = std::array<std::byte, 64>;
[[nodiscard]] result<Ed25519Signature> ed25519_answer(std::string_view password, wire::View challenge);

} // namespace stepgate::protocols::mysql
