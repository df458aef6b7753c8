#pragma once

#include "policies/statement/facts.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <unordered_map>

namespace stepgate::policies::statement
{

/// Facts by a 128-bit keyed hash of a statement's shape and the catalog it was read with. Bounded by entries and bytes,
/// least recently used first out. Not thread-safe. A null entry says that facts of this shape must not be shared.
class FactsCache
{
  public:
    struct Key {
        std::array<std::uint64_t, 2> shape{};
        std::uint64_t revision = 0; ///< of the catalog; 0: none
        bool operator==(const Key&) const = default;
    };
    struct Size {
        std::size_t entries = 20'000;
        std::size_t bytes = std::size_t{32} * 1024 * 1024;
    };

    explicit FactsCache(Size size) : size_(size) {}

    /// The entry, now the most recent; null if there is none.
    [[nodiscard]] const std::shared_ptr<const Facts>* find(const Key& key)
    {
        const auto found = index_.find(key);
        if (found == index_.end())
            return nullptr;
        order_.splice(order_.begin(), order_, found->second);
        return &found->second->facts;
    }
    void insert(const Key& key, std::shared_ptr<const Facts> facts);

    [[nodiscard]] std::size_t entries() const { return order_.size(); }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

  private:
    struct KeyHash {
        std::size_t operator()(const Key& key) const noexcept
        {
            return static_cast<std::size_t>(key.shape[0] ^ (key.revision * 0x9e3779b97f4a7c15ULL));
        }
    };
    struct Entry {
        Key key;
        std::shared_ptr<const Facts> facts;
        std::size_t bytes = 0;
    };
    using Order = std::list<Entry>; // most recent first

    Size size_;
    Order order_;
    std::unordered_map<Key, Order::iterator, KeyHash> index_;
    std::size_t bytes_ = 0;
};

} // namespace stepgate::policies::statement
