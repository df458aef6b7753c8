#pragma once

#include "policies/mysql/lexer.h"

#include <algorithm>
#include <compare>
#include <cstdint>
#include <optional>

namespace stepgate::policies::mysql
{

/// A whole number, of BIGINT or BIGINT UNSIGNED.
class Whole
{
  public:
    constexpr Whole() = default;
    constexpr Whole(bool negative, std::uint64_t magnitude)
        : negative_{negative && magnitude != 0}, magnitude_{magnitude}
    {
    }
    [[nodiscard]] static constexpr Whole of(std::int64_t number)
    {
        return {number < 0, number < 0 ? 0 - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number)};
    }
    /// Of one that has room for it.
    [[nodiscard]] constexpr std::int64_t small() const
    {
        const auto number = static_cast<std::int64_t>(magnitude_);
        return negative_ ? -number : number;
    }
    [[nodiscard]] constexpr Whole operator-() const { return {!negative_, magnitude_}; }
    [[nodiscard]] constexpr bool negative() const { return negative_; }
    [[nodiscard]] constexpr std::uint64_t magnitude() const { return magnitude_; }
    constexpr bool operator==(const Whole&) const = default;
    constexpr std::strong_ordering operator<=>(const Whole& other) const
    {
        if (negative_ != other.negative_)
            return negative_ ? std::strong_ordering::less : std::strong_ordering::greater;
        return negative_ ? other.magnitude_ <=> magnitude_ : magnitude_ <=> other.magnitude_;
    }

  private:
    bool negative_ = false;
    std::uint64_t magnitude_ = 0;
};

/// Between which whole numbers a value is, NULL aside; a literal is at both ends, or a fraction between them.
struct Span {
    bool known = false;
    Whole low, high;
    bool open = false;      // more than `low` and less than `high`; where they are equal, beyond all that there are
    bool converted = false; // of a text, a date or the like, which is such a number only beside one: 'abc' = 0

    [[nodiscard]] static constexpr Span of(Whole low, Whole high) { return {true, low, high}; }
    [[nodiscard]] static constexpr Span between(Whole low, Whole high) { return {true, low, high, true}; }
    [[nodiscard]] static constexpr Span up_to(std::uint64_t high) { return of({}, {false, high}); }
    [[nodiscard]] constexpr bool never_negative() const { return known && !low.negative(); }
    [[nodiscard]] constexpr bool never_zero() const { return known && (open || low > Whole{} || high < Whole{}); }
    [[nodiscard]] constexpr bool always_zero() const { return known && !open && low == Whole{} && high == Whole{}; }
    /// The same of a number.
    [[nodiscard]] constexpr Span as_number() const { return {known, low, high, open}; }
    /// How far behind the lowest; nothing: it is not among the first `most`.
    [[nodiscard]] constexpr std::optional<std::uint64_t> place_of(Whole one, std::uint64_t most) const
    {
        if (!known || open || one < low || one > high)
            return std::nullopt;
        const std::uint64_t up = one.magnitude(), down = low.magnitude();
        const bool across = low.negative() && !one.negative();
        if (across && (up >= most || down >= most))
            return std::nullopt;
        const std::uint64_t place = across ? up + down : low.negative() ? down - up : up - down;
        return place < most ? std::optional{place} : std::nullopt;
    }
    [[nodiscard]] constexpr Span operator-() const { return {known, -high, -low, open}; }
    /// Both are within it.
    [[nodiscard]] constexpr Span operator|(const Span& other) const
    {
        if (!known || !other.known || open || other.open)
            return {};
        return {true, std::min(low, other.low), std::max(high, other.high), false, converted && other.converted};
    }
    [[nodiscard]] constexpr Span absolute() const
    {
        if (!known || !low.negative())
            return as_number();
        return high.negative() ? -*this : up_to(std::max(low.magnitude(), high.magnitude()));
    }
    [[nodiscard]] constexpr Span operator+(const Span& other) const
    {
        constexpr std::uint64_t limit = std::uint64_t{1} << 62U;
        const bool small = is_within(limit) && other.is_within(limit);
        return small ? of_small(low.small() + other.low.small(), high.small() + other.high.small()) : Span{};
    }
    [[nodiscard]] constexpr Span operator-(const Span& other) const { return *this + -other; }
    [[nodiscard]] constexpr Span operator*(const Span& other) const
    {
        constexpr std::uint64_t limit = std::uint64_t{1} << 31U;
        if (!is_within(limit) || !other.is_within(limit))
            return {};
        const auto [least, most] = std::minmax({low.small() * other.low.small(), low.small() * other.high.small(),
                                                high.small() * other.low.small(), high.small() * other.high.small()});
        return of_small(least, most);
    }
    /// What is left of it, divided by such a number.
    [[nodiscard]] constexpr Span modulo(const Span& by) const
    {
        if (!known || open || !by.known || by.open || by.low != by.high || by.low == Whole{})
            return {};
        const std::uint64_t divisor = by.low.magnitude(), most = divisor - 1;
        if (low == high) {
            const Whole left{low.negative(), low.magnitude() % divisor};
            return of(left, left);
        }
        return of({low.negative(), most}, {false, high.negative() ? 0 : most});
    }

  private:
    [[nodiscard]] static constexpr Span of_small(std::int64_t low, std::int64_t high)
    {
        return of(Whole::of(low), Whole::of(high));
    }
    [[nodiscard]] constexpr bool is_within(std::uint64_t most) const
    {
        return known && !open && low.magnitude() <= most && high.magnitude() <= most;
    }
};

/// The comparison of two numbers, where it is the same for all that these may be.
[[nodiscard]] std::optional<bool> decided(const Span& left, Symbol op, const Span& right);
/// What an operator makes of two numbers, as far as it is told.
[[nodiscard]] Span calculated(const Span& left, Symbol op, const Span& right);

} // namespace stepgate::policies::mysql
