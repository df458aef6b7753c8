#include "proxy/session/origins.h"

#include "proxy/session/words.h"

#include <algorithm>

namespace stepgate::proxy::session
{

using policies::statement::TableAccess;

bool shows(const policies::statement::Facts& facts, std::string_view table, std::string_view column)
{
    const auto has = [&](const TableAccess& access) {
        return access.table == table &&
               std::ranges::any_of(access.columns, [&](const auto& one) { return one == column || one == "*"; });
    };
    return std::ranges::any_of(facts.statements,
                               [&](const auto& statement) { return std::ranges::any_of(statement.reads, has); });
}

void add_read(std::vector<TableAccess>& reads, const std::string& table, const std::string& column)
{
    auto at = std::ranges::lower_bound(reads, table, {}, &TableAccess::table);
    if (at == reads.end() || at->table != table)
        at = reads.insert(at, {table, true, {}});
    const auto place = std::ranges::lower_bound(at->columns, column);
    if (place == at->columns.end() || *place != column)
        at->columns.insert(place, column);
}

std::shared_ptr<const policies::rules::MatchedFacts>
with_reads(const policies::rules::Judge& judge, const policies::rules::MatchedFacts& facts, std::size_t statement,
           const std::vector<TableAccess>& reads, std::string_view database)
{
    auto more = std::make_shared<policies::statement::Facts>(*facts.facts);
    if (more->statements.size() <= statement)
        more->statements.resize(statement + 1);
    auto& all = more->statements[statement].reads;
    all.insert(all.end(), reads.begin(), reads.end());
    std::ranges::stable_sort(all, {}, &TableAccess::table);
    return judge.match(std::move(more), database, facts.view);
}

std::string describe(const std::vector<TableAccess>& accesses)
{
    std::string text;
    for (const auto& access : accesses)
        text += (text.empty() ? "" : ", ") + describe(access);
    return text;
}

} // namespace stepgate::proxy::session
