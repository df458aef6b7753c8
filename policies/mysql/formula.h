#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace stepgate::policies::mysql
{

/// What a predicate says, as a table of the truth of its parts, of which there may be six: whether it holds whatever
/// they are shows at once (`a OR NOT a`, `IF(a, 0, 1) XOR a`). NULL is not looked at. A value of fixed size.
class Formula
{
  public:
    Formula() = default; // nothing is known
    [[nodiscard]] static Formula constant(bool value);
    /// One that is made of no others here. `shape` is the same for those that only other literals part.
    [[nodiscard]] static Formula part(std::uint64_t shape, std::uint64_t value);
    /// The same, which holds for no row; or would not, with other literals.
    [[nodiscard]] Formula that_fails(bool fails, bool may_fail) const;

    [[nodiscard]] bool known() const { return known_; }
    /// Its value, where no part matters.
    [[nodiscard]] std::optional<bool> value() const;
    /// With other literals it may have one.
    [[nodiscard]] bool hangs_on_literals() const;

    [[nodiscard]] Formula operator~() const;
    friend Formula operator&(const Formula& one, const Formula& other);
    friend Formula operator|(const Formula& one, const Formula& other) { return ~(~one & ~other); }
    friend Formula operator^(const Formula& one, const Formula& other) { return (one & ~other) | (~one & other); }

  private:
    static constexpr std::size_t most_parts = 6, rows = std::size_t{1} << most_parts;
    struct Part {
        std::uint32_t shape = 0, value = 0;
        bool fails = false, may_fail = false;
    };
    [[nodiscard]] bool holds_without(bool Part::*which) const;
    [[nodiscard]] std::optional<std::size_t> place(const Part& part);
    [[nodiscard]] std::uint64_t table_of(const Formula& other, const std::array<std::size_t, most_parts>& places) const;

    std::array<Part, most_parts> parts_{};
    std::uint8_t count_ = 0;
    bool known_ = false;
    std::uint64_t table_ = 0; // one bit for each combination
};

} // namespace stepgate::policies::mysql
