#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace stepgate::proxy::net
{

/// Bytes of which a missing, doubled or moved piece is seen.
inline std::string pattern(std::size_t size)
{
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        text[i] = static_cast<char>('a' + i % 23 + i / 1000 % 3);
    return text;
}

inline std::span<const std::byte> bytes_of(const std::string& text)
{
    return std::as_bytes(std::span{text});
}

} // namespace stepgate::proxy::net
