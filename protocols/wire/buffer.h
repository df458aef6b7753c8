#pragma once

#include "protocols/wire/bytes.h"

#include <memory>

namespace stepgate::wire
{

/// Contiguous bytes between a socket and a framer: read into prepare(), commit() what arrived, look at data(),
/// consume() what was handled. Never holds more than its maximum.
///
/// Small memory is kept while bytes flow, so a busy session does not allocate; it is given back by release(), which the
/// owner calls before it waits for a peer that has nothing to say, and memory beyond `keep` goes as soon as the buffer
/// runs empty. Spans from prepare() and data() are valid until the next call that is not const.
class Buffer
{
  public:
    static constexpr std::size_t smallest = 8 * 1024;
    static constexpr std::size_t keep = 64 * 1024;

    explicit Buffer(std::size_t maximum) : maximum_{maximum} {}
    Buffer(Buffer&& other) noexcept;
    Buffer& operator=(Buffer&& other) noexcept;

    [[nodiscard]] std::size_t size() const { return end_ - begin_; }
    [[nodiscard]] bool empty() const { return begin_ == end_; }
    [[nodiscard]] std::size_t capacity() const { return capacity_; }
    [[nodiscard]] std::size_t maximum() const { return maximum_; }
    [[nodiscard]] View data() const { return {memory_.get() + begin_, size()}; }

    /// Room for at least `count` bytes after data() (as much as there is without growing more than needed); empty if
    /// size() + count is more than the maximum.
    [[nodiscard]] std::span<std::byte> prepare(std::size_t count);

    /// The first `count` bytes of what prepare() gave are data now.
    void commit(std::size_t count);

    /// Drops the first `count` bytes of data().
    void consume(std::size_t count);

    /// Copies bytes to the end; false, and nothing changed, if they do not fit.
    [[nodiscard]] bool append(View bytes);

    /// Drops all bytes, keeps the memory.
    void clear() { consume(size()); }

    /// Gives the memory back if the buffer is empty.
    void release();

  private:
    void grow(std::size_t needed);

    std::unique_ptr<std::byte[]> memory_;
    std::size_t capacity_ = 0, begin_ = 0, end_ = 0;
    std::size_t maximum_;
};

} // namespace stepgate::wire
