#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::policies::sensitivity
{

/// A label as a small number, given by `LabelNames`. Numbers follow the names' alphabetical order.
using LabelId = std::uint8_t;

/// A set of labels; a plain value of eight bytes.
class LabelSet
{
  public:
    static constexpr std::size_t capacity = 64;

    constexpr LabelSet() = default;
    [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
    [[nodiscard]] constexpr int size() const { return std::popcount(bits_); }
    [[nodiscard]] constexpr bool contains(LabelId id) const { return ((bits_ >> id) & 1U) != 0; }
    [[nodiscard]] constexpr bool intersects(LabelSet other) const { return (bits_ & other.bits_) != 0; }
    constexpr void add(LabelId id) { bits_ |= std::uint64_t{1} << id; }
    constexpr LabelSet& operator|=(LabelSet other)
    {
        bits_ |= other.bits_;
        return *this;
    }
    [[nodiscard]] constexpr bool operator==(const LabelSet&) const = default;

  private:
    std::uint64_t bits_ = 0;
};

/// The labels a policy knows, fixed once the policy is loaded.
class LabelNames
{
  public:
    LabelNames() = default;
    /// Sorts and drops doubles. More than `LabelSet::capacity` names are the caller's error to report first.
    explicit LabelNames(std::vector<std::string> names);

    [[nodiscard]] std::optional<LabelId> find(std::string_view name) const;
    [[nodiscard]] const std::string& name(LabelId id) const { return names_[id]; }
    [[nodiscard]] std::size_t size() const { return names_.size(); }
    [[nodiscard]] const std::vector<std::string>& all() const { return names_; }
    /// Sorted names of a set.
    [[nodiscard]] std::vector<std::string> names(LabelSet set) const;

  private:
    std::vector<std::string> names_; // sorted; the index is the id
};

} // namespace stepgate::policies::sensitivity
