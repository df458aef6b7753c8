#include "policies/statement/facts_cache.h"

#include <utility>

namespace stepgate::policies::statement
{
namespace
{

constexpr std::size_t bytes_of_entry = 256; // its places in list and index included

std::size_t size_of(const std::vector<TableAccess>& accesses)
{
    std::size_t bytes = 0;
    for (const TableAccess& access : accesses)
        bytes += sizeof(TableAccess) + access.table.size() + access.columns.size() * (sizeof(std::string) + 8);
    return bytes;
}

/// About what an entry costs.
std::size_t size_of(const Facts& facts)
{
    std::size_t bytes = bytes_of_entry + sizeof(Facts);
    for (const std::string& reason : facts.opaque_reasons)
        bytes += sizeof(std::string) + reason.size();
    for (const StatementFacts& statement : facts.statements) {
        bytes += sizeof(StatementFacts) + size_of(statement.reads) + size_of(statement.writes);
        bytes += statement.effects.size() * sizeof(Effect) * 2;
        for (const std::string& call : statement.calls)
            bytes += sizeof(std::string) + call.size();
    }
    return bytes;
}

} // namespace

void FactsCache::insert(const Key& key, std::shared_ptr<const Facts> facts)
{
    const std::size_t bytes = facts ? size_of(*facts) : bytes_of_entry;
    if (bytes > size_.bytes / 4 || size_.entries == 0 || index_.contains(key))
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

} // namespace stepgate::policies::statement
