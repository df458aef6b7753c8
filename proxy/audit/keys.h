#pragma once

#include "proxy/audit/errc.h"

#include <boost/system/result.hpp>

#include <array>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace stepgate::proxy::audit
{

/// Keys the hashes of redacted literals (HMAC-SHA-256): equal values can be compared, none can be read back.
using RedactionKey = std::array<std::byte, 32>;
using Signature = std::array<std::byte, 64>;

/// Reads `redaction.key` of an audit directory, or makes it (32 random bytes, mode 0600).
[[nodiscard]] boost::system::result<RedactionKey, Problem> load_redaction_key(const std::filesystem::path& directory);

/// An Ed25519 public key: checks checkpoints.
class PublicKey
{
  public:
    [[nodiscard]] static boost::system::result<PublicKey, Problem> load(const std::filesystem::path& pem);
    /// `from` is what errors call the place of the text.
    [[nodiscard]] static boost::system::result<PublicKey, Problem> parse(std::string_view pem, const std::string& from);
    [[nodiscard]] bool verify(std::span<const std::byte> message, const Signature& signature) const;
    /// First 16 hex digits of the SHA-256 of the raw key: names the key in records and to people.
    [[nodiscard]] const std::string& id() const { return id_; }

  private:
    friend class SigningKey;
    explicit PublicKey(std::shared_ptr<void> key);
    std::shared_ptr<void> key_; // EVP_PKEY
    std::string id_;
};

/// The journal's Ed25519 key pair: `audit.key` (PEM, 0600) and `audit.pub`, made together on first use.
class SigningKey
{
  public:
    /// Makes the pair only if `may_create`: a journal that has records and no key is a Problem, not a new key.
    [[nodiscard]] static boost::system::result<SigningKey, Problem> load(const std::filesystem::path& directory,
                                                                         bool may_create);
    [[nodiscard]] std::optional<Signature> sign(std::span<const std::byte> message) const;
    [[nodiscard]] const PublicKey& public_key() const { return public_; }

  private:
    explicit SigningKey(std::shared_ptr<void> key);
    std::shared_ptr<void> key_;
    PublicKey public_;
};

} // namespace stepgate::proxy::audit
