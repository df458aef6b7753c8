#include "policies/rules/conditions.h"

#include "policies/rules/sql_regexes.h"

#include <algorithm>

namespace stepgate::policies::rules
{
namespace
{

using sensitivity::LabelSet;
using statement::TableAccess;

template <class List, class Value>
bool one_of(const List& list, const Value& value)
{
    return std::ranges::find(list, value) != list.end();
}

bool reads_any_column(const std::vector<NamePattern>& wanted, const std::vector<std::string>& columns)
{
    return std::ranges::any_of(columns, [&](const std::string& column) {
        return column == "*" ||
               std::ranges::any_of(wanted, [&](const auto& pattern) { return glob_match(pattern.text(), column); });
    });
}

bool access_holds(const AccessCondition& condition, const TableAccess& access, LabelSet labels)
{
    if (condition.labels && !condition.labels->intersects(labels))
        return false;
    if (!condition.tables.empty() && !std::ranges::any_of(condition.tables, [&](const auto& pattern) {
            return pattern.matches(access.table, access.schema_known);
        }))
        return false;
    return condition.columns.empty() || reads_any_column(condition.columns, access.columns);
}

bool any_access_holds(const AccessCondition& condition, const std::vector<TableAccess>& accesses,
                      const std::vector<LabelSet>& labels)
{
    for (std::size_t i = 0; i < accesses.size(); ++i)
        if (access_holds(condition, accesses[i], i < labels.size() ? labels[i] : LabelSet{}))
            return true;
    return false;
}

bool any_call_holds(const std::vector<NamePattern>& patterns, const std::vector<std::string>& calls)
{
    return std::ranges::any_of(calls, [&](const std::string& call) {
        return std::ranges::any_of(patterns, [&](const auto& pattern) { return pattern.matches(call, true); });
    });
}

bool statement_holds(const FactConditions& conditions, const statement::StatementFacts& facts,
                     const sensitivity::StatementLabels& labels)
{
    const auto is_meant = [&](const statement::Inner& one) {
        const std::string& object = one.object.empty() ? facts.object : one.object;
        return (conditions.kinds.empty() || one_of(conditions.kinds, one.kind)) &&
               (conditions.objects.empty() || one_of(conditions.objects, object)) &&
               !one_of(conditions.objects_not, object);
    };
    if (!is_meant(facts.itself()) && std::ranges::none_of(facts.inner, is_meant))
        return false;
    if (!conditions.where.empty() && !one_of(conditions.where, facts.where))
        return false;
    if (conditions.destructive && *conditions.destructive != facts.destructive)
        return false;
    if (conditions.cascade && *conditions.cascade != facts.cascade)
        return false;
    if (conditions.temporary && *conditions.temporary != facts.temporary)
        return false;
    if (conditions.reads && !any_access_holds(*conditions.reads, facts.reads, labels.reads))
        return false;
    if (conditions.writes && !any_access_holds(*conditions.writes, facts.writes, labels.writes))
        return false;
    return conditions.calls.empty() || any_call_holds(conditions.calls, facts.calls);
}

bool in_any_group(const std::vector<std::string>& groups, const Asker& asker)
{
    return std::ranges::any_of(groups, [&](const auto& group) { return one_of(asker.groups, group); });
}

bool addresses_hold(const AskerConditions& conditions, const Asker& asker, bool when_unsure)
{
    if (conditions.addresses_in.empty() && conditions.addresses_not_in.empty())
        return true;
    const auto address = parse_address(asker.client_address);
    if (!address)
        return when_unsure;
    const auto contains = [&](const Cidr& network) { return network.contains(*address); };
    if (!conditions.addresses_in.empty() && std::ranges::none_of(conditions.addresses_in, contains))
        return false;
    return std::ranges::none_of(conditions.addresses_not_in, contains);
}

bool time_holds(const TimeCondition& condition, std::chrono::system_clock::time_point now)
{
    const auto local = now + std::chrono::minutes{condition.offset_minutes};
    const auto day = std::chrono::floor<std::chrono::days>(local);
    const auto minute = std::chrono::duration_cast<std::chrono::minutes>(local - day).count();
    const auto on = [&](std::chrono::sys_days date) {
        return ((condition.days >> (std::chrono::weekday{date}.iso_encoding() - 1)) & 1U) != 0;
    };
    if (condition.from_minute <= condition.to_minute)
        return minute >= condition.from_minute && minute < condition.to_minute && on(day);
    if (minute >= condition.from_minute)
        return on(day);
    return minute < condition.to_minute && on(day - std::chrono::days{1}); // the window began yesterday
}

} // namespace

bool facts_hold(const FactConditions& conditions, const sensitivity::LabelledFacts& facts, std::size_t statement)
{
    if (conditions.opaque && *conditions.opaque != facts.facts->opaque)
        return false;
    if (statement < facts.facts->statements.size())
        return statement_holds(conditions, facts.facts->statements[statement], facts.statements[statement]);
    statement::StatementFacts none;
    none.kind = facts.facts->parsed ? statement::Kind::empty : statement::Kind::unknown;
    return statement_holds(conditions, none, {});
}

bool asker_holds(const AskerConditions& conditions, const Asker& asker, bool in_transaction,
                 std::chrono::system_clock::time_point now, bool when_unsure)
{
    const auto listed = [](const std::vector<std::string>& list, const std::string& value) {
        return list.empty() || one_of(list, value);
    };
    if (conditions.in_transaction && *conditions.in_transaction != in_transaction)
        return false;
    if (!listed(conditions.listeners, asker.listener) || !listed(conditions.databases, asker.database) ||
        !listed(conditions.roles, asker.role))
        return false;
    if (!listed(conditions.users_in, asker.user) || one_of(conditions.users_not_in, asker.user))
        return false;
    if (!conditions.groups_in.empty() && !in_any_group(conditions.groups_in, asker))
        return false;
    if (in_any_group(conditions.groups_not_in, asker))
        return false;
    if (!addresses_hold(conditions, asker, when_unsure))
        return false;
    if (conditions.time && !time_holds(*conditions.time, now))
        return false;
    return !conditions.application_name || regex_matches(*conditions.application_name, asker.application_name);
}

} // namespace stepgate::policies::rules
