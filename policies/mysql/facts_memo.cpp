#include "policies/mysql/facts_memo.h"

#include <utility>

namespace stepgate::policies::mysql
{

using statement::Facts;

FactsMemo::FactsMemo(Limits limits, statement::FactsCache::Size size)
    : analyzer_(limits), secret_(random_shape_secret()), cache_(size)
{
}

std::shared_ptr<const Facts> FactsMemo::facts(std::string_view sql, const SessionState& state,
                                              const std::shared_ptr<const catalog::Catalog>& catalog)
{
    const bool readable = analyzer_.refusal(sql, state).empty();
    auto key = readable ? shape_of(sql, state, secret_) : std::nullopt;
    if (key && catalog)
        key->revision = catalog->revision();
    const std::shared_ptr<const Facts>* known = key ? cache_.find(*key) : nullptr;
    if (known != nullptr && *known) {
        ++counters_.hits;
        return *known;
    }
    Analysis analysis = analyzer_.analyze_fully(sql, state, catalog.get());
    const bool shareable = analysis.facts.parsed && !analysis.literals_consulted && !analysis.names_consulted;
    auto facts = std::make_shared<const Facts>(std::move(analysis.facts));
    if (!key || known != nullptr) {
        ++counters_.unshareable;
        return facts;
    }
    ++counters_.misses;
    cache_.insert(*key, shareable ? facts : nullptr);
    return facts;
}

} // namespace stepgate::policies::mysql
