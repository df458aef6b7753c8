#pragma once

#include <cstddef>

namespace stepgate
{

/// How often this whole program has called operator new.
[[nodiscard]] std::size_t allocations();

} // namespace stepgate
