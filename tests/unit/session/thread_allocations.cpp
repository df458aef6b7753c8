#include "thread_allocations.h"

#include <atomic>

namespace
{
std::atomic<std::size_t> counted{0};
thread_local bool counts = false;
} // namespace

bool stepgate::test::can_count_allocations()
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return false;
#else
    return true;
#endif
}

void stepgate::test::count_allocations_of_this_thread()
{
    counts = true;
}

std::size_t stepgate::test::counted_allocations()
{
    return counted;
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// glibc lets a program bring its own; these are its own under other names.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

void* malloc(std::size_t size)
{
    counted += counts ? 1 : 0;
    return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size)
{
    counted += counts ? 1 : 0;
    return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size)
{
    counted += counts ? 1 : 0;
    return __libc_realloc(memory, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size)
{
    counted += counts ? 1 : 0;
    return __libc_memalign(alignment, size);
}
}
#endif
