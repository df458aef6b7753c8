#pragma once

#include <string>

namespace stepgate::proxy::outbound
{

/// 16 random bytes in hexadecimal; "" without randomness.
[[nodiscard]] std::string random_hex();

} // namespace stepgate::proxy::outbound
