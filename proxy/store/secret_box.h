#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

namespace stepgate::proxy::store
{

/// Seals small secrets with libsodium's secretbox (XSalsa20-Poly1305) under a key file of 32 random bytes.
class SecretBox
{
  public:
    /// Reads the key file, or makes it (mode 0600) if `may_create`. nullopt: `error` says why.
    [[nodiscard]] static std::optional<SecretBox> open(const std::filesystem::path& key_file, bool may_create,
                                                       std::string& error);

    /// `context` is bound to the secret: a sealed secret that was moved to another row does not open.
    [[nodiscard]] std::string seal(const std::string& context, const std::string& secret) const;
    [[nodiscard]] std::optional<std::string> unseal(const std::string& context, const std::string& sealed) const;

  private:
    std::array<unsigned char, 32> key_{};
};

} // namespace stepgate::proxy::store
