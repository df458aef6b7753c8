#pragma once

#include "policies/postgres/analyzer.h"
#include "policies/postgres/shape.h"

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string_view>
#include <unordered_map>

namespace stepgate::policies::postgres
{

/// Facts by statement shape: a repeated shape costs about a hash, a new one a parse. What it answers is always equal to
/// a fresh analysis (property test). Bounded by entries and bytes, least recently used first out. One a thread.
class FactsMemo
{
  public:
    struct Size {
        std::size_t entries = 20'000;
        std::size_t bytes = std::size_t{32} * 1024 * 1024;
    };
    struct Counters {
        std::uint64_t hits = 0, misses = 0, unshareable = 0;
    };

    explicit FactsMemo(Limits limits = {});
    FactsMemo(Limits limits, Size size);

    /// Facts of the text in this state. The pointer stays valid and immutable for as long as it is held; equal shapes
    /// get the same pointer while memoised, so callers may cache by it as long as they hold it.
    /// `catalog`: the newest snapshot of the session's database, or null. Entries of another revision never count.
    [[nodiscard]] std::shared_ptr<const statement::Facts>
    facts(std::string_view sql, const SessionState& state,
          const std::shared_ptr<const catalog::Catalog>& catalog = nullptr);

    [[nodiscard]] const Counters& counters() const { return counters_; }
    [[nodiscard]] std::size_t entries() const { return order_.size(); }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

  private:
    struct Key {
        ShapeKey shape;
        std::uint64_t revision = 0; // of the catalog; 0: none
        bool operator==(const Key&) const = default;
    };
    struct KeyHash {
        std::size_t operator()(const Key& key) const noexcept
        {
            return ShapeKeyHash{}(key.shape) ^ static_cast<std::size_t>(key.revision * 0x9e3779b97f4a7c15ULL);
        }
    };
    struct Entry {
        Key key;
        std::shared_ptr<const statement::Facts> facts; // null: this shape's facts depend on literals or names
        std::size_t bytes = 0;
    };
    using Order = std::list<Entry>; // most recent first

    void insert(const Key& key, std::shared_ptr<const statement::Facts> facts);

    Analyzer analyzer_;
    Size size_;
    ShapeSecret secret_;
    Order order_;
    std::unordered_map<Key, Order::iterator, KeyHash> index_;
    std::size_t bytes_ = 0;
    Counters counters_;
};

} // namespace stepgate::policies::postgres
