#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace stepgate::wire
{

/// A FIFO whose elements have absolute numbers: the first ever pushed is 0, and numbers are never used again. Grows
/// once to what is needed and does not allocate after that. T is default constructible and movable.
template <class T>
class Ring
{
  public:
    [[nodiscard]] bool empty() const { return begin_ == end_; }
    [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(end_ - begin_); }
    /// Numbers of the oldest element, and of the next one to be pushed.
    [[nodiscard]] std::uint64_t begin() const { return begin_; }
    [[nodiscard]] std::uint64_t end() const { return end_; }

    /// `number` is in [begin(), end()).
    [[nodiscard]] T& at(std::uint64_t number) { return slots_[slot(number)]; }
    [[nodiscard]] const T& at(std::uint64_t number) const { return slots_[slot(number)]; }
    [[nodiscard]] T& front() { return at(begin_); }
    [[nodiscard]] const T& front() const { return at(begin_); }
    [[nodiscard]] T& back() { return at(end_ - 1); }

    std::uint64_t push(T value)
    {
        if (size() == slots_.size())
            grow();
        slots_[slot(end_)] = std::move(value);
        return end_++;
    }

    T pop()
    {
        T value = std::exchange(front(), T{});
        ++begin_;
        return value;
    }

    /// Gives the memory back if the ring is empty.
    void release()
    {
        if (empty())
            slots_ = {};
    }

  private:
    [[nodiscard]] std::size_t slot(std::uint64_t number) const
    {
        return static_cast<std::size_t>(number) & (slots_.size() - 1); // the size is a power of two
    }

    void grow()
    {
        // From one on: who asks one thing at a time uses the same slot again.
        std::vector<T> larger(slots_.empty() ? 1 : 2 * slots_.size());
        for (std::uint64_t number = begin_; number != end_; ++number)
            larger[static_cast<std::size_t>(number) & (larger.size() - 1)] = std::move(at(number));
        slots_ = std::move(larger);
    }

    std::vector<T> slots_;
    std::uint64_t begin_ = 0, end_ = 0;
};

} // namespace stepgate::wire
