#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace stepgate::policies::rules
{

/// An IPv4 or IPv6 address as 16 bytes; IPv4 is mapped (::ffff:a.b.c.d), so both spellings of one host are equal.
using Address = std::array<std::uint8_t, 16>;
/// "10.1.2.3", "2001:db8::1", "fe80::1%eth0" (the zone is dropped). nullopt: not an address.
[[nodiscard]] std::optional<Address> parse_address(std::string_view text);

/// A network: "10.0.0.0/8", "2001:db8::/32", or one address.
class Cidr
{
  public:
    /// nullopt: not an address, or a prefix too long.
    [[nodiscard]] static std::optional<Cidr> parse(std::string_view text);
    [[nodiscard]] bool contains(const Address& address) const;

  private:
    Address network_{};
    int bits_ = 128; // of the mapped form
};

} // namespace stepgate::policies::rules
