#include "proxy/net/buffer.h"

#include <algorithm>

namespace stepgate::proxy::net
{

void Buffer::borrow()
{
    memory_ = pool_->take();
    capacity_ = BufferPool::chunk_bytes;
    begin_ = end_ = 0;
}

void Buffer::make_room(std::size_t wanted)
{
    const std::size_t held = size();
    if (held + wanted <= capacity_) {
        std::memmove(memory_.get(), memory_.get() + begin_, held);
        begin_ = 0;
        end_ = held;
        return;
    }
    const std::size_t capacity = std::max(held + wanted, capacity_ * 2);
    auto larger = std::make_unique_for_overwrite<std::byte[]>(capacity);
    std::memcpy(larger.get(), memory_.get() + begin_, held);
    if (capacity_ == BufferPool::chunk_bytes)
        pool_->give(std::move(memory_));
    memory_ = std::move(larger);
    capacity_ = capacity;
    begin_ = 0;
    end_ = held;
}

void Buffer::release()
{
    if (memory_ && capacity_ == BufferPool::chunk_bytes)
        pool_->give(std::move(memory_));
    memory_.reset();
    capacity_ = begin_ = end_ = 0;
}

} // namespace stepgate::proxy::net
