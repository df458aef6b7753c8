#pragma once

#include "policies/postgres/analyzer.h"
#include "policies/postgres/shape.h"
#include "policies/statement/facts_cache.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace stepgate::policies::postgres
{

/// Facts by statement shape: a repeated shape costs about a hash, a new one a parse. What it answers is always equal to
/// a fresh analysis (property test). Bounded by entries and bytes, least recently used first out. One a thread.
class FactsMemo
{
  public:
    using Size = statement::FactsCache::Size;
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
    [[nodiscard]] std::size_t entries() const { return cache_.entries(); }
    [[nodiscard]] std::size_t bytes() const { return cache_.bytes(); }

  private:
    Analyzer analyzer_;
    ShapeSecret secret_;
    statement::FactsCache cache_;
    Counters counters_;
};

} // namespace stepgate::policies::postgres
