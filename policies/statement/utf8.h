#pragma once

#include "policies/statement/ascii.h"

#include <cstddef>
#include <string_view>

namespace stepgate::policies::statement
{

/// Well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
[[nodiscard]] inline bool is_utf8(std::string_view text)
{
    if (is_ascii(text))
        return true;
    const auto byte = [text](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    const auto follows = [&byte](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
    for (std::size_t i = 0; i < text.size();) {
        const unsigned lead = byte(i);
        const unsigned next = byte(i + 1);
        if (lead < 0x80) {
            ++i;
        } else if (lead >= 0xc2 && lead <= 0xdf && follows(i + 1)) {
            i += 2;
        } else if (lead >= 0xe0 && lead <= 0xef && follows(i + 1) && follows(i + 2) && (lead != 0xe0 || next >= 0xa0) &&
                   (lead != 0xed || next <= 0x9f)) {
            i += 3;
        } else if (lead >= 0xf0 && lead <= 0xf4 && follows(i + 1) && follows(i + 2) && follows(i + 3) &&
                   (lead != 0xf0 || next >= 0x90) && (lead != 0xf4 || next <= 0x8f)) {
            i += 4;
        } else {
            return false;
        }
    }
    return true;
}

} // namespace stepgate::policies::statement
