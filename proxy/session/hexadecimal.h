#pragma once

#include "protocols/wire/bytes.h"

#include <string>
#include <string_view>

namespace stepgate::proxy::session
{

/// Two lower-case digits a byte.
[[nodiscard]] inline std::string hexadecimal(wire::View bytes)
{
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const std::byte byte : bytes) {
        text.push_back(digits[std::to_integer<unsigned>(byte) >> 4]);
        text.push_back(digits[std::to_integer<unsigned>(byte) & 15U]);
    }
    return text;
}

} // namespace stepgate::proxy::session
