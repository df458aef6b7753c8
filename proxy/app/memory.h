#pragma once

#include <chrono>
#include <cstddef>

namespace stepgate::proxy::app
{

/// Before threads start: large blocks, such as the text of a statement of megabytes, go back to the system as soon as
/// they are free. (glibc otherwise learns from the first one to keep such blocks.)
void give_large_blocks_back();

/// The allocator keeps what a large statement took in small blocks (its parse tree) for good. This gives it back, now
/// and then and only where there is much of it: the walk takes the allocator's locks for some milliseconds.
/// For one thread that relays nothing.
class MemoryKeeper
{
  public:
    using Time = std::chrono::steady_clock::time_point;

    static constexpr std::size_t worthwhile = std::size_t{32} << 20;

    /// Call it about once a second. True: it gave memory back.
    bool tick(Time now);

    /// Resident bytes that nobody uses, as far as the allocator and the system know.
    [[nodiscard]] static std::size_t idle_bytes();

  private:
    static constexpr std::chrono::seconds shortest{10}, longest{600};

    Time next_{};
    std::chrono::seconds pause_ = shortest; // longer where giving back did not help: the blocks are in pieces
};

} // namespace stepgate::proxy::app
