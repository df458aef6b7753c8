#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

namespace stepgate::proxy::net
{

/// Free list of equal chunks for the buffers of one thread's sessions. Not thread-safe; outlives its buffers.
class BufferPool
{
  public:
    static constexpr std::size_t chunk_bytes = 16 * 1024;

    [[nodiscard]] std::unique_ptr<std::byte[]> take()
    {
        if (free_.empty())
            return std::make_unique_for_overwrite<std::byte[]>(chunk_bytes);
        auto chunk = std::move(free_.back());
        free_.pop_back();
        return chunk;
    }

    void give(std::unique_ptr<std::byte[]> chunk)
    {
        if (free_.size() < kept_chunks)
            free_.push_back(std::move(chunk));
    }

  private:
    static constexpr std::size_t kept_chunks = 64;
    std::vector<std::unique_ptr<std::byte[]>> free_;
};

/// Bytes read but not yet handled. Holds memory only while there are some: an idle session has none.
/// One chunk of the pool in steady state; grows on its own heap block for a message that is larger.
class Buffer
{
  public:
    explicit Buffer(BufferPool& pool) : pool_(&pool) {}
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() { release(); }

    [[nodiscard]] std::span<const std::byte> data() const { return {memory_.get() + begin_, end_ - begin_}; }
    [[nodiscard]] std::size_t size() const { return end_ - begin_; }
    [[nodiscard]] bool empty() const { return begin_ == end_; }

    /// Room for new bytes behind `data`; at least `wanted` of them if given. Invalidates `data`.
    [[nodiscard]] std::span<std::byte> room(std::size_t wanted = 1)
    {
        if (!memory_)
            borrow();
        if (capacity_ - end_ < wanted)
            make_room(wanted);
        return {memory_.get() + end_, capacity_ - end_};
    }

    void commit(std::size_t bytes) { end_ += bytes; }

    void consume(std::size_t bytes)
    {
        begin_ += bytes;
        if (begin_ == end_)
            begin_ = end_ = 0;
    }

    void append(std::span<const std::byte> bytes)
    {
        if (bytes.empty())
            return;
        auto place = room(bytes.size());
        std::memcpy(place.data(), bytes.data(), bytes.size());
        commit(bytes.size());
    }

    /// Gives the memory back if nothing is in it. Called before waiting.
    void release_if_empty()
    {
        if (empty())
            release();
    }

  private:
    void borrow();
    void make_room(std::size_t wanted);
    void release();

    BufferPool* pool_;
    std::unique_ptr<std::byte[]> memory_;
    std::size_t capacity_ = 0, begin_ = 0, end_ = 0;
};

} // namespace stepgate::proxy::net
