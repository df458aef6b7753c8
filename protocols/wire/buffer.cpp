#include "protocols/wire/buffer.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace stepgate::wire
{

Buffer::Buffer(Buffer&& other) noexcept
    : memory_{std::move(other.memory_)}, capacity_{std::exchange(other.capacity_, 0)},
      begin_{std::exchange(other.begin_, 0)}, end_{std::exchange(other.end_, 0)}, maximum_{other.maximum_}
{
}

Buffer& Buffer::operator=(Buffer&& other) noexcept
{
    memory_ = std::move(other.memory_);
    capacity_ = std::exchange(other.capacity_, 0);
    begin_ = std::exchange(other.begin_, 0);
    end_ = std::exchange(other.end_, 0);
    maximum_ = other.maximum_;
    return *this;
}

std::span<std::byte> Buffer::prepare(std::size_t count)
{
    if (count > maximum_ || size() > maximum_ - count)
        return {};
    if (capacity_ - end_ < count)
        grow(size() + count);
    const std::size_t room = std::min(capacity_ - end_, maximum_ - size());
    return {memory_.get() + end_, room};
}

void Buffer::commit(std::size_t count)
{
    end_ += std::min(count, capacity_ - end_);
}

void Buffer::consume(std::size_t count)
{
    begin_ += std::min(count, size());
    if (begin_ != end_)
        return;
    begin_ = end_ = 0;
    if (capacity_ > keep)
        release();
}

bool Buffer::append(View bytes)
{
    if (bytes.empty())
        return true;
    const auto room = prepare(bytes.size());
    if (room.size() < bytes.size())
        return false;
    std::memcpy(room.data(), bytes.data(), bytes.size());
    commit(bytes.size());
    return true;
}

void Buffer::release()
{
    if (!empty())
        return;
    memory_.reset();
    capacity_ = begin_ = end_ = 0;
}

/// Makes room for `needed` bytes in all: by moving the data to the front if that is enough and cheap, else in memory
/// of at least twice the size, so that bytes are copied a constant number of times.
void Buffer::grow(std::size_t needed)
{
    if (needed <= capacity_ && size() <= capacity_ / 2) {
        std::memmove(memory_.get(), memory_.get() + begin_, size());
    } else {
        const std::size_t wanted = std::max({needed, 2 * size(), smallest});
        auto memory = std::make_unique_for_overwrite<std::byte[]>(wanted);
        if (!empty())
            std::memcpy(memory.get(), memory_.get() + begin_, size());
        memory_ = std::move(memory);
        capacity_ = wanted;
    }
    end_ = size();
    begin_ = 0;
}

} // namespace stepgate::wire
