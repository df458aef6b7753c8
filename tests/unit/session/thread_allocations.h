#pragma once

#include <cstddef>

namespace stepgate::test
{

/// False where a sanitizer has an allocator of its own.
[[nodiscard]] bool can_count_allocations();

/// From now on this thread's requests for memory (malloc and its kin, whoever calls them) count.
void count_allocations_of_this_thread();
[[nodiscard]] std::size_t counted_allocations();

} // namespace stepgate::test
