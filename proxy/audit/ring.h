#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

namespace stepgate::proxy::audit
{

/// Queue of byte messages between exactly one producer and one consumer thread. Messages are contiguous; a gap at the
/// end of the buffer is skipped. Positions only grow, so they can be compared and remembered.
class Ring
{
  public:
    explicit Ring(std::size_t bytes)
        : size_(std::bit_ceil(std::max<std::size_t>(bytes, 4096))), buffer_(std::make_unique<std::byte[]>(size_))
    {
    }

    /// Producer: room for a message of this size, or nullptr when the ring is full. `publish` makes it visible.
    [[nodiscard]] std::byte* reserve(std::size_t bytes)
    {
        const std::size_t need = footprint(bytes);
        const std::size_t offset = static_cast<std::size_t>(write_local_) & (size_ - 1);
        const std::size_t gap = offset + need > size_ ? size_ - offset : 0;
        if (!fits(gap + need))
            return nullptr;
        if (gap > 0) {
            put_length(offset, skip);
            write_local_ += gap;
        }
        reserved_ = need;
        const std::size_t start = static_cast<std::size_t>(write_local_) & (size_ - 1);
        put_length(start, static_cast<std::uint32_t>(bytes));
        return buffer_.get() + start + length_bytes;
    }
    void publish()
    {
        write_local_ += reserved_;
        write_.store(write_local_, std::memory_order_release);
    }
    /// Producer: would `reserve` succeed, wherever the gap falls?
    [[nodiscard]] bool roomy(std::size_t bytes) const
    {
        return write_local_ - read_.load(std::memory_order_acquire) + 2 * footprint(bytes) <= size_;
    }

    /// Any thread: how far the producer got, and how much waits.
    [[nodiscard]] std::uint64_t written() const { return write_.load(std::memory_order_acquire); }
    [[nodiscard]] std::size_t used() const
    {
        const std::uint64_t read = read_.load(std::memory_order_acquire);
        return static_cast<std::size_t>(written() - read);
    }
    [[nodiscard]] std::size_t size() const { return size_; }

    /// Consumer: hands every message before position `until` to `take`, then frees them.
    template <class Take>
    void consume(std::uint64_t until, Take&& take)
    {
        read_.store(look(until, take), std::memory_order_release);
    }
    /// Consumer: shows every message before position `until` and frees none. Returns where it stopped.
    template <class Show>
    std::uint64_t look(std::uint64_t until, Show&& show) const
    {
        std::uint64_t read = read_.load(std::memory_order_relaxed);
        while (read < until) {
            const std::size_t offset = static_cast<std::size_t>(read) & (size_ - 1);
            std::uint32_t length = 0;
            std::memcpy(&length, buffer_.get() + offset, sizeof length);
            if (length == skip) {
                read += size_ - offset;
                continue;
            }
            show(std::span<const std::byte>{buffer_.get() + offset + length_bytes, length});
            read += footprint(length);
        }
        return read;
    }

  private:
    static constexpr std::size_t length_bytes = 8; // keeps messages aligned
    static constexpr std::uint32_t skip = 0xFFFFFFFF;

    static std::size_t footprint(std::size_t bytes) { return length_bytes + ((bytes + 7) & ~std::size_t{7}); }
    bool fits(std::size_t need)
    {
        if (write_local_ + need - read_cached_ <= size_)
            return true;
        read_cached_ = read_.load(std::memory_order_acquire);
        return write_local_ + need - read_cached_ <= size_;
    }
    void put_length(std::size_t offset, std::uint32_t length)
    {
        std::memcpy(buffer_.get() + offset, &length, sizeof length);
    }

    const std::size_t size_;
    const std::unique_ptr<std::byte[]> buffer_;
    // The producer's and the consumer's sides on cache lines of their own.
    alignas(64) std::atomic<std::uint64_t> write_{0};
    std::uint64_t write_local_ = 0, read_cached_ = 0;
    std::size_t reserved_ = 0;
    alignas(64) std::atomic<std::uint64_t> read_{0};
};

} // namespace stepgate::proxy::audit
