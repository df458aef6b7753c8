#pragma once

#include "protocols/mysql/errc.h"
#include "protocols/mysql/handshake.h"

#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;

namespace stepgate::protocols::mysql
{

/// An RSA key with which caching_sha2_password carries a password where there is no TLS: the password and a 0,
/// exclusive-or'ed with the nonce, in RSA-OAEP. Any thread may use it, many at a time.
class RsaKey
{
  public:
    static constexpr int smallest_bits = 2048;

    /// From PEM. errc::invalid_key.
    [[nodiscard]] static result<RsaKey> from_private_pem(std::string_view pem);
    [[nodiscard]] static result<RsaKey> from_public_pem(std::string_view pem);
    /// A new pair: some 100 ms. errc::crypto_failure.
    [[nodiscard]] static result<RsaKey> generate(int bits = smallest_bits);

    /// What a client asks for.
    [[nodiscard]] const std::string& public_pem() const { return public_pem_; }

    /// errc: wrong_password for what was not encrypted with this key's public half, malformed_auth for what is no
    /// password; crypto_failure.
    [[nodiscard]] result<std::string> decrypt(wire::View encrypted, const Nonce& nonce) const;
    /// errc::crypto_failure.
    [[nodiscard]] result<wire::Bytes> encrypt(std::string_view password, const Nonce& nonce) const;

  private:
    using Key = std::shared_ptr<evp_pkey_st>;
    static result<RsaKey> of(Key key);
    RsaKey(Key key, std::string public_pem) : key_{std::move(key)}, public_pem_{std::move(public_pem)} {}

    Key key_;
    std::string public_pem_;
};

} // namespace stepgate::protocols::mysql
