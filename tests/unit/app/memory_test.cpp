#include "proxy/app/memory.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STEPGATE_OTHER_ALLOCATOR
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STEPGATE_OTHER_ALLOCATOR
#endif

namespace stepgate::proxy::app
{
namespace memory_test
{

using Small = std::unique_ptr<char[]>;

/// As a parse tree does: many small blocks, of which the last one stays, so that the heap does not shrink by itself.
Small churn(std::size_t bytes)
{
    constexpr std::size_t each = 256;
    std::vector<Small> blocks;
    for (std::size_t done = 0; done < bytes; done += each)
        blocks.push_back(std::make_unique<char[]>(each)); // written: resident
    return std::move(blocks.back());
}

TEST(Memory, OfALargeStatementIsGivenBackAndOnlyThen)
{
#ifdef STEPGATE_OTHER_ALLOCATOR
    GTEST_SKIP() << "this build's allocator is not glibc's";
#endif
    MemoryKeeper keeper;
    const MemoryKeeper::Time start{std::chrono::hours{1}};
    EXPECT_FALSE(keeper.tick(start)); // nothing to give back
    Small kept;
    std::thread{[&] { kept = churn(4 * MemoryKeeper::worthwhile); }}.join();
    const auto before = MemoryKeeper::idle_bytes();
    EXPECT_GT(before, 3 * MemoryKeeper::worthwhile);
    EXPECT_FALSE(keeper.tick(start + std::chrono::seconds{1})); // not all the time
    EXPECT_TRUE(keeper.tick(start + std::chrono::seconds{10}));
    EXPECT_LT(MemoryKeeper::idle_bytes(), MemoryKeeper::worthwhile);
    EXPECT_FALSE(keeper.tick(start + std::chrono::seconds{30}));
}

} // namespace memory_test
} // namespace stepgate::proxy::app
