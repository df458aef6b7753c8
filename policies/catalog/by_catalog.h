#pragma once

#include "policies/catalog/catalog.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

namespace stepgate::policies::catalog
{

/// What was worked out from each of a few catalogs; the one that was used longest ago goes first. One thread. A value
/// may keep a reference to its catalog, but is only given out again while that catalog lives.
template <class Value>
class ByCatalog
{
  public:
    explicit ByCatalog(std::size_t most) : most_(most) {}

    /// `make(catalog)` gives a new one.
    template <class Make>
    [[nodiscard]] Value& of(const Catalog& catalog, Make make)
    {
        ++uses_;
        if (last_ != nullptr && last_revision_ == catalog.revision())
            return *last_;
        Entry& entry = by_revision_[catalog.revision()];
        if (!entry.value)
            entry.value = make(catalog);
        entry.used = uses_;
        last_ = entry.value.get();
        last_revision_ = catalog.revision();
        if (by_revision_.size() > most_)
            by_revision_.erase(
                std::ranges::min_element(by_revision_, {}, [](const auto& one) { return one.second.used; }));
        return *last_;
    }

  private:
    struct Entry {
        std::unique_ptr<Value> value;
        std::uint64_t used = 0;
    };
    std::size_t most_;
    std::uint64_t uses_ = 0, last_revision_ = 0;
    Value* last_ = nullptr;
    std::unordered_map<std::uint64_t, Entry> by_revision_;
};

} // namespace stepgate::policies::catalog
