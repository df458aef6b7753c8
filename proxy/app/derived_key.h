#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace stepgate::proxy::app
{

/// A key for one purpose from the installation's secret: HMAC-SHA-256 over the purpose. The same over restarts.
[[nodiscard]] std::array<std::byte, 32> derived_key(std::span<const std::byte, 32> secret, std::string_view purpose);

} // namespace stepgate::proxy::app
