#include "policies/rules/cidr.h"

#include <arpa/inet.h>

#include <charconv>
#include <string>

namespace stepgate::policies::rules
{

std::optional<Address> parse_address(std::string_view text)
{
    if (const auto zone = text.find('%'); zone != std::string_view::npos && text.find(':') != std::string_view::npos)
        text = text.substr(0, zone);
    const std::string terminated{text};
    if (terminated.size() != text.size() || terminated.find('\0') != std::string::npos)
        return std::nullopt;
    Address address{};
    if (inet_pton(AF_INET6, terminated.c_str(), address.data()) == 1)
        return address;
    address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (inet_pton(AF_INET, terminated.c_str(), address.data() + 12) == 1)
        return address;
    return std::nullopt;
}

std::optional<Cidr> Cidr::parse(std::string_view text)
{
    const auto slash = text.find('/');
    const std::string_view host = text.substr(0, slash);
    const auto address = parse_address(host);
    if (!address)
        return std::nullopt;
    const int width = host.find(':') == std::string_view::npos ? 32 : 128;
    int bits = width;
    if (slash != std::string_view::npos) {
        const std::string_view prefix = text.substr(slash + 1);
        const auto [end, error] = std::from_chars(prefix.data(), prefix.data() + prefix.size(), bits);
        if (error != std::errc{} || end != prefix.data() + prefix.size() || bits < 0 || bits > width)
            return std::nullopt;
    }
    Cidr cidr;
    cidr.network_ = *address;
    cidr.bits_ = bits + 128 - width;
    return cidr;
}

bool Cidr::contains(const Address& address) const
{
    int left = bits_;
    for (std::size_t i = 0; i < address.size() && left > 0; ++i, left -= 8) {
        const int keep = left >= 8 ? 8 : left;
        const auto mask = static_cast<std::uint8_t>(0xff << (8 - keep));
        if (((address[i] ^ network_[i]) & mask) != 0)
            return false;
    }
    return true;
}

} // namespace stepgate::policies::rules
