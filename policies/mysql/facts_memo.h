#pragma once

#include "policies/mysql/analyzer.h"
#include "policies/mysql/shape.h"
#include "policies/statement/facts_cache.h"

#include <cstdint>
#include <memory>
#include <string_view>

namespace stepgate::policies::mysql
{

/// Facts by statement shape: a repeated shape costs about a hash, a new one a parse. What it answers is always equal to
/// a fresh analysis (property test). Bounded. One a thread.
class FactsMemo
{
  public:
    struct Counters {
        std::uint64_t hits = 0, misses = 0, unshareable = 0;
    };

    explicit FactsMemo(Limits limits = {}, statement::FactsCache::Size size = {});

    /// Facts of the text in this state. The pointer stays valid and immutable for as long as it is held; equal shapes
    /// get the same pointer while memoised, so callers may cache by it as long as they hold it.
    /// `catalog`: the newest snapshot of the server, or null. Entries of another revision never count.
    [[nodiscard]] std::shared_ptr<const statement::Facts>
    facts(std::string_view sql, const SessionState& state,
          const std::shared_ptr<const catalog::Catalog>& catalog = nullptr);

    [[nodiscard]] const Counters& counters() const { return counters_; }

  private:
    Analyzer analyzer_;
    ShapeSecret secret_;
    statement::FactsCache cache_;
    Counters counters_;
};

} // namespace stepgate::policies::mysql
