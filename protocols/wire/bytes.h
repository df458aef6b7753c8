#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::wire
{

/// Bytes that are being written.
using Bytes = std::vector<std::byte>;

/// Bytes that are being read: they belong to someone else.
using View = std::span<const std::byte>;

/// The same bytes as text: valid as long as `bytes` is.
[[nodiscard]] inline std::string_view as_text(View bytes)
{
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The same text as bytes: valid as long as `text` is.
[[nodiscard]] inline View as_bytes(std::string_view text)
{
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

} // namespace stepgate::wire
