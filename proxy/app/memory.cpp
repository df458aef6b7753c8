#include "proxy/app/memory.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace stepgate::proxy::app
{
namespace
{

/// Private pages in memory: what is resident without what is backed by files.
std::size_t resident_bytes()
{
    std::ifstream file("/proc/self/statm");
    std::size_t size = 0, resident = 0, shared = 0;
    if (!(file >> size >> resident >> shared) || shared > resident)
        return 0;
    return (resident - shared) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

} // namespace

void give_large_blocks_back()
{
    constexpr int large = 1024 * 1024;
    mallopt(M_MMAP_THRESHOLD, large); // setting it also ends its growing
}

std::size_t MemoryKeeper::idle_bytes()
{
    const auto info = mallinfo2();
    const std::size_t used = info.uordblks + info.hblkhd;
    const std::size_t resident = resident_bytes();
    return std::min(info.fordblks, resident > used ? resident - used : 0);
}

bool MemoryKeeper::tick(Time now)
{
    if (now < next_)
        return false;
    const auto before = idle_bytes();
    if (before < worthwhile) {
        pause_ = shortest;
        next_ = now + pause_;
        return false;
    }
    malloc_trim(0);
    const bool helped = idle_bytes() < before / 2;
    pause_ = helped ? shortest : std::min(pause_ * 2, longest);
    next_ = now + pause_;
    return true;
}

} // namespace stepgate::proxy::app
