#include "tests/unit/postgres_protocol/allocations.h"

#include <atomic>
#include <cstdlib>
#include <new>

// In a file of its own: inlined into others, the pair of malloc and free looks like a mismatch to the compiler.
namespace
{
std::atomic<std::size_t> calls{0};
}

std::size_t stepgate::allocations()
{
    return calls;
}

void* operator new(std::size_t size)
{
    ++calls;
    if (void* memory = std::malloc(size))
        return memory;
    throw std::bad_alloc{};
}

void operator delete(void* memory) noexcept
{
    std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept
{
    std::free(memory);
}
