#include "proxy/audit/tallies.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>

namespace stepgate::proxy::audit
{

void Tallies::count(std::string_view rule, What what, std::int64_t at_ns)
{
    auto& counts = counts_[{std::string{rule}, at_ns / hour_ns}];
    ++counts.of[static_cast<std::size_t>(what)];
    if (what == What::matched)
        counts.last_ns = std::max(counts.last_ns, at_ns);
}

void Tallies::store(SQLite::Database& db)
{
    if (counts_.empty())
        return;
    SQLite::Statement add{
        db, "INSERT INTO rule_hours (rule, hour, matched, held, approved, denied, expired, last) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (rule, hour) DO UPDATE SET matched = matched + "
            "excluded.matched, held = held + excluded.held, approved = approved + excluded.approved, denied = denied "
            "+ excluded.denied, expired = expired + excluded.expired, last = max(last, excluded.last)"};
    for (const auto& [place, counts] : counts_) {
        add.reset();
        add.bind(1, place.first);
        add.bind(2, place.second);
        int column = 3;
        for (const std::int64_t number : counts.of)
            add.bind(column++, number);
        add.bind(column, counts.last_ns);
        add.exec();
    }
    counts_.clear();
}

} // namespace stepgate::proxy::audit
