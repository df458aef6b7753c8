#pragma once

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

/// Between which whole numbers a value is, NULL aside; a literal is at both ends.
struct Span {
    bool known = false;
    Whole low, high;

    [[nodiscard]] static constexpr Span of(Whole low, Whole high) { return {true, low, high}; }
    [[nodiscard]] static constexpr Span up_to(std::uint64_t high) { return of({}, {false, high}); }
    [[nodiscard]] constexpr bool never_negative() const { return known && !low.negative(); }
    [[nodiscard]] constexpr bool never_zero() const { return known && (low > Whole{} || high < Whole{}); }
    /// How far behind the lowest; nothing: it is not among the first `most`.
    [[nodiscard]] constexpr std::optional<std::uint64_t> place_of(Whole one, std::uint64_t most) const
    {
        if (!known || one < low || one > high)
            return std::nullopt;
        const std::uint64_t up = one.magnitude(), down = low.magnitude();
        const bool across = low.negative() && !one.negative();
        if (across && (up >= most || down >= most))
            return std::nullopt;
        const std::uint64_t place = across ? up + down : low.negative() ? down - up : up - down;
        return place < most ? std::optional{place} : std::nullopt;
    }
    [[nodiscard]] constexpr Span operator-() const { return {known, -high, -low}; }
    /// Both are within it.
    [[nodiscard]] constexpr Span operator|(const Span& other) const
    {
        return known && other.known ? of(std::min(low, other.low), std::max(high, other.high)) : Span{};
    }
    [[nodiscard]] constexpr Span absolute() const
    {
        if (!known || !low.negative())
            return *this;
        return high.negative() ? -*this : up_to(std::max(low.magnitude(), high.magnitude()));
    }
    /// What is left of it, divided by such a number.
    [[nodiscard]] constexpr Span modulo(const Span& by) const
    {
        if (!known || !by.known || by.low != by.high || by.low == Whole{})
            return {};
        const std::uint64_t most = by.low.magnitude() - 1;
        return of({low.negative(), most}, {false, high.negative() ? 0 : most});
    }
};

} // namespace stepgate::policies::mysql
