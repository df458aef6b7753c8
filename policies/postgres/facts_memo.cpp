#include "policies/postgres/facts_memo.h"

#include <utility>

namespace stepgate::policies::postgres
{

using statement::Facts;

FactsMemo::FactsMemo(Limits limits) : FactsMemo(limits, Size{})
{
}

FactsMemo::FactsMemo(Limits limits, Size size) : analyzer_(limits), secret_(random_shape_secret()), cache_(size)
{
}

std::shared_ptr<const Facts> FactsMemo::facts(std::string_view sql, const SessionState& state,
                                              const std::shared_ptr<const catalog::Catalog>& catalog)
{
    const Shape shape = shape_of(sql, state.lexing(), secret_, state.settings_key());
    // What refuses a text may stand inside a literal, which the shape does not see.
    if (!shape.sound || !analyzer_.refusal(sql, state).empty()) {
        ++counters_.unshareable;
        return std::make_shared<const Facts>(analyzer_.analyze(sql, state, catalog.get()));
    }
    const statement::FactsCache::Key key{{shape.key.low, shape.key.high}, catalog ? catalog->revision() : 0};
    if (const std::shared_ptr<const Facts>* const known = cache_.find(key)) {
        if (*known) {
            ++counters_.hits;
            return *known;
        }
        ++counters_.unshareable; // this shape's facts depend on literals or names
        return std::make_shared<const Facts>(analyzer_.analyze(sql, state, catalog.get()));
    }
    ++counters_.misses;
    Analysis analysis = analyzer_.analyze_fully(sql, state, catalog.get());
    const bool by_literals = analysis.literals_consulted || (analysis.options && shape.has_literals);
    const bool shareable = analysis.facts.parsed && !by_literals && !analysis.facts.names_consulted;
    auto facts = std::make_shared<const Facts>(std::move(analysis.facts));
    cache_.insert(key, shareable ? facts : nullptr);
    return facts;
}

} // namespace stepgate::policies::postgres
