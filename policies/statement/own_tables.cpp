#include "policies/statement/own_tables.h"

#include <algorithm>

namespace stepgate::policies::statement
{
namespace
{

constexpr std::size_t most_tables = 200;

std::string_view bare(std::string_view table)
{
    return table.substr(table.find('.') + 1);
}

/// An index leaves a table what it is.
bool only_indexes(const StatementFacts& facts)
{
    return facts.kind == Kind::create && facts.object == "index" && facts.inner.empty() && facts.calls.empty();
}

bool is_of_system(std::string_view function)
{
    return function.starts_with("pg_catalog.");
}

/// Other columns and keys do, too. Another name, rows that are others', or code of users do not.
bool only_alters(const StatementFacts& facts)
{
    if (facts.kind != Kind::alter || facts.object != "table" || facts.writes.size() != 1 || !facts.inner.empty() ||
        !std::ranges::all_of(facts.calls, is_of_system))
        return false;
    const std::string_view name = bare(facts.writes.front().table);
    return std::ranges::all_of(facts.effects, [name](const Effect& effect) {
        const auto* const change = std::get_if<Redefine>(&effect);
        return change != nullptr && change->relation == name && !change->code && !change->gone && !change->referenced &&
               change->copies.empty() && change->family.empty() && change->keys.empty();
    });
}

} // namespace

bool OwnTables::has(std::string_view table) const
{
    const auto found = tables_.find(table);
    return found != tables_.end() && found->second.sure;
}

void OwnTables::forget_name(std::string_view name)
{
    std::erase_if(tables_, [name](const auto& entry) { return bare(entry.first) == name; });
}

/// A name that is redefined is not looked at closely: what it means now may be anything.
void OwnTables::forget(const Effect& effect)
{
    const auto* const change = std::get_if<Redefine>(&effect);
    const auto* const parameter = std::get_if<SetParameter>(&effect);
    const bool anything = change != nullptr && change->relation.empty() && change->function.empty();
    // Code that is not known has run.
    const bool unknown = parameter != nullptr && parameter->unknown && parameter->name == "search_path";
    if (anything || unknown || std::holds_alternative<DiscardAll>(effect) ||
        std::holds_alternative<DiscardTemporary>(effect))
        tables_.clear();
    else if (change != nullptr)
        forget_name(change->relation);
}

void OwnTables::fail(const StatementFacts& facts)
{
    if (tables_.empty() || only_indexes(facts) || only_alters(facts))
        return;
    for (const Effect& effect : facts.effects)
        forget(effect);
    if (changes_definitions(facts.kind) || std::ranges::any_of(facts.inner, changes_definitions, &Inner::kind))
        for (const TableAccess& write : facts.writes)
            forget_name(bare(write.table));
}

bool OwnTables::apply(const StatementFacts& facts, bool in_doubt)
{
    if (tables_.empty() && facts.makes_temporary.empty())
        return false;
    const auto before = tables_;
    fail(facts); // afterwards its names mean what it made of them, which is one thing at most that is sure
    if (!facts.makes_temporary.empty() && tables_.size() < most_tables)
        tables_[facts.makes_temporary] = {.settled = false, .sure = !in_doubt};
    return tables_ != before;
}

bool OwnTables::settle()
{
    bool changes = false;
    for (auto& [name, made] : tables_) {
        changes = changes || !made.sure;
        made = {.settled = true, .sure = true};
    }
    return changes;
}

bool OwnTables::forget_unsettled()
{
    return std::erase_if(tables_, [](const auto& entry) { return !entry.second.settled; }) > 0;
}

void OwnTables::keep(const std::function<bool(std::string_view table)>& there)
{
    std::erase_if(tables_, [&there](const auto& entry) { return !there(entry.first); });
}

bool OwnTables::forget_all()
{
    const bool changes = !tables_.empty();
    tables_.clear();
    return changes;
}

void OwnTables::add_to(std::string& key) const
{
    for (const auto& [name, made] : tables_)
        if (made.sure)
            (key += '\x11') += name;
}

bool changes_tables_only(const StatementFacts& facts)
{
    if (facts.writes.empty() || !facts.inner.empty() || facts.cascade)
        return false;
    switch (facts.kind) {
    case Kind::update:
    case Kind::delete_rows:
    case Kind::truncate:
        return facts.effects.empty();
    case Kind::alter:
        return only_alters(facts);
    case Kind::drop:
        return (facts.object == "table" || facts.object == "temporary table") &&
               std::ranges::all_of(facts.effects, [](const Effect& effect) {
                   const auto* const change = std::get_if<Redefine>(&effect);
                   return change != nullptr && change->gone;
               });
    default:
        return false;
    }
}

void doubt_temporary(Facts& facts)
{
    if (!facts.opaque)
        return;
    for (StatementFacts& statement : facts.statements) {
        statement.temporary = false;
        statement.makes_temporary.clear();
    }
}

} // namespace stepgate::policies::statement
