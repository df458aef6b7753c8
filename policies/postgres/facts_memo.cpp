#include "policies/postgres/facts_memo.h"

#include <utility>

namespace stepgate::policies::postgres
{
namespace
{

using statement::Facts;
using statement::StatementFacts;
using statement::TableAccess;

std::size_t size_of(const std::vector<TableAccess>& accesses)
{
    std::size_t bytes = 0;
    for (const TableAccess& access : accesses)
        bytes += sizeof(TableAccess) + access.table.size() + access.columns.size() * (sizeof(std::string) + 8);
    return bytes;
}

/// About what an entry costs, its places in list and index included.
std::size_t size_of(const Facts& facts)
{
    std::size_t bytes = 256 + sizeof(Facts);
    for (const std::string& reason : facts.opaque_reasons)
        bytes += sizeof(std::string) + reason.size();
    for (const StatementFacts& statement : facts.statements) {
        bytes += sizeof(StatementFacts) + size_of(statement.reads) + size_of(statement.writes);
        for (const std::string& call : statement.calls)
            bytes += sizeof(std::string) + call.size();
    }
    return bytes;
}

} // namespace

FactsMemo::FactsMemo(Limits limits) : FactsMemo(limits, Size{})
{
}

FactsMemo::FactsMemo(Limits limits, Size size) : analyzer_(limits), size_(size), secret_(random_shape_secret())
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
    const Key key{shape.key, catalog ? catalog->revision() : 0};
    if (const auto found = index_.find(key); found != index_.end()) {
        order_.splice(order_.begin(), order_, found->second);
        if (found->second->facts) {
            ++counters_.hits;
            return found->second->facts;
        }
        ++counters_.unshareable;
        return std::make_shared<const Facts>(analyzer_.analyze(sql, state, catalog.get()));
    }
    ++counters_.misses;
    Analysis analysis = analyzer_.analyze_fully(sql, state, catalog.get());
    const bool shareable = analysis.facts.parsed && !analysis.literals_consulted && !analysis.facts.names_consulted;
    auto facts = std::make_shared<const Facts>(std::move(analysis.facts));
    insert(key, shareable ? facts : nullptr);
    return facts;
}

void FactsMemo::insert(const Key& key, std::shared_ptr<const Facts> facts)
{
    const std::size_t bytes = facts ? size_of(*facts) : 256;
    if (bytes > size_.bytes / 4 || size_.entries == 0)
        return;
    order_.push_front({key, std::move(facts), bytes});
    index_.emplace(key, order_.begin());
    bytes_ += bytes;
    while (order_.size() > size_.entries || bytes_ > size_.bytes) {
        bytes_ -= order_.back().bytes;
        index_.erase(order_.back().key);
        order_.pop_back();
    }
}

} // namespace stepgate::policies::postgres
