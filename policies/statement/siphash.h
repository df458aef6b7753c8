#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace stepgate::policies::statement
{

/// SipHash-2-4 with 128 bits of output (Aumasson and Bernstein): without the secret nobody can look for collisions.
[[nodiscard]] std::array<std::uint64_t, 2> siphash128(std::string_view bytes,
                                                      const std::array<std::uint64_t, 2>& secret);

} // namespace stepgate::policies::statement
