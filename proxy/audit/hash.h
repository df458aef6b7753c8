#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::proxy::audit
{

using Hash = std::array<std::byte, 32>;

/// SHA-256 with one context that is kept: a record is a few hundred bytes, setting up would cost as much as hashing.
/// Not thread-safe.
class Hasher
{
  public:
    Hasher();
    [[nodiscard]] Hash operator()(std::span<const std::byte> bytes);

  private:
    std::shared_ptr<void> context_; // EVP_MD_CTX
};

[[nodiscard]] std::string to_hex(std::span<const std::byte> bytes);
[[nodiscard]] std::optional<std::vector<std::byte>> from_hex(std::string_view text);
/// base64url without padding (RFC 4648 section 5); decoding also takes padding, and nothing else that is not canonical.
[[nodiscard]] std::string to_base64url(std::span<const std::byte> bytes);
[[nodiscard]] std::optional<std::vector<std::byte>> from_base64url(std::string_view text);

[[nodiscard]] inline std::span<const std::byte> as_bytes(std::string_view text)
{
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

} // namespace stepgate::proxy::audit
