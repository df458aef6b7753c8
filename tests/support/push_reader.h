#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stepgate::tests
{

/// A browser's half of Web Push (RFC 8291): has a subscription's keys and reads what is encrypted to them.
class PushReader
{
  public:
    PushReader();
    [[nodiscard]] const std::string& public_key() const { return public_key_; }
    [[nodiscard]] const std::string& auth() const { return auth_; }
    /// nullopt: it is not for this browser, or damaged.
    [[nodiscard]] std::optional<std::string> read(std::string_view body) const;

  private:
    std::string private_key_, public_key_, auth_;
};

} // namespace stepgate::tests
