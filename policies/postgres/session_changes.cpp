#include "policies/postgres/session_state.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace stepgate::policies::postgres
{

bool SessionState::temporary_first() const
{
    return search_path_known() && std::ranges::none_of(now_.search_path, [](const std::string& schema) {
               return schema.starts_with("pg_temp");
           });
}

/// Kept through a ROLLBACK TO as well: that errs on the strict side.
void SessionState::redefine(const statement::Redefine& change)
{
    constexpr std::size_t most = 200; // names; beyond, all of them
    if (change.relation.empty() && change.function.empty())
        redefined_all_ = true;
    if (!change.function.empty())
        functions_.insert(change.function);
    if (!change.relation.empty() && (relations_.size() < most || relations_.contains(change.relation))) {
        const auto [place, first] = relations_.try_emplace(change.relation);
        Redefined& known = place->second;
        known.new_in_block = first ? in_block_ : known.new_in_block;
        known.code = known.code || change.code || !known.moved_to.empty() || (!first && !change.was.empty());
        known.moved_to = change.moved_to;
        if (first)
            known.was = change.was;
        known.temporary = known.temporary || change.temporary || change.lasts;
        known.lasting = known.lasting || change.lasts;
        known.permanent = known.permanent || (!change.temporary && !change.gone);
        known.writes = known.writes || change.writes;
        known.dropped = (known.dropped || change.gone) && !change.lasts;
        const auto add = [](std::vector<statement::TableAccess>& to, const std::vector<statement::TableAccess>& from) {
            for (const statement::TableAccess& one : from)
                if (std::ranges::find(to, one) == to.end() && to.size() < most)
                    to.push_back(one);
        };
        add(known.copies, change.copies);
        add(known.family, change.family);
        add(known.keys, change.keys);
        add(known.referencing, change.referencing);
        known.referenced = known.referenced || change.referenced;
        if (known.family.size() == most || known.keys.size() == most || known.referencing.size() == most)
            known.code = true;
    }
    if (functions_.size() > most) {
        redefined_all_ = true;
        functions_.clear();
    }
    if (!change.relation.empty() && !relations_.contains(change.relation)) {
        redefined_all_ = redefined_all_ || !change.temporary;
        too_many_ = too_many_ || change.temporary || change.lasts;
        discarded_ = false;
    }
    settings_changed();
}

void SessionState::make_type(const statement::MakeType& made)
{
    constexpr std::size_t most = 200; // names; beyond, anything may have changed
    const auto known = types_.find(made.name);
    if (known != types_.end())
        known->second = {known->second.plain && made.plain, known->second.temporary || made.temporary};
    else if (types_.size() < most)
        types_.emplace(made.name, MadeType{made.plain, made.temporary});
    else
        redefined_all_ = true;
    settings_changed();
}

bool SessionState::made_plain_type(std::string_view bare_name) const
{
    const bool made = types_.contains(bare_name) || relations_.contains(bare_name); // a table has a type, too
    return made && !made_code_type(bare_name) && !redefined_all();
}

bool SessionState::made_code_type(std::string_view bare_name) const
{
    const auto type = types_.find(bare_name);
    const auto rows = relations_.find(bare_name);
    return (type != types_.end() && !type->second.plain) ||
           (rows != relations_.end() && (rows->second.unknown() || !rows->second.family.empty()));
}

void SessionState::discard_temporary()
{
    for (auto& [name, change] : relations_)
        change.dropped = change.dropped || change.temporary;
    discarded_ = true;
    settings_changed();
}

std::vector<std::string> SessionState::temporary_relations() const
{
    std::vector<std::string> names;
    for (const auto& [name, change] : relations_)
        if (change.temporary)
            names.push_back(name);
    return names;
}

void SessionState::catalog_read()
{
    if (relations_.empty() && functions_.empty() && types_.empty() && !redefined_all_)
        return;
    std::erase_if(types_, [](const auto& entry) { return !entry.second.temporary; });
    std::erase_if(relations_, [](const auto& entry) { return !entry.second.temporary; });
    for (auto& [name, change] : relations_)
        change.permanent = false;
    functions_.clear();
    redefined_all_ = false;
    settings_changed();
}

void SessionState::doubt_own_tables()
{
    if (own_tables_.forget_all())
        settings_changed();
}

/// A temporary relation that is surely gone is forgotten, so that a session may make as many as it likes, one after the
/// other. Where a permanent one of its name changed too, the name is kept until the next catalog.
void SessionState::settle_relations(bool committed)
{
    const bool undone = std::exchange(in_block_, false) && !committed;
    if (committed ? own_tables_.settle() : own_tables_.forget_unsettled())
        settings_changed();
    if (relations_.empty() && !discarded_)
        return;
    bool changed = false;
    for (auto entry = relations_.begin(); entry != relations_.end();) {
        Redefined& known = entry->second;
        const bool gone = committed && known.temporary && (known.dropped || !known.lasting);
        if (gone)
            known.temporary = known.lasting = false;
        const bool forget = undone ? known.new_in_block : !known.temporary && !known.permanent;
        changed = changed || gone || forget || known.dropped;
        known.dropped = known.new_in_block = false;
        entry = forget ? relations_.erase(entry) : std::next(entry);
    }
    if (changed) // some were made ON COMMIT DROP
        own_tables_.keep([this](std::string_view table) {
            const Redefined* const known = redefined_relation(table.substr(table.find('.') + 1));
            return known != nullptr && known->temporary;
        });
    if (std::exchange(discarded_, false) && committed && too_many_) {
        too_many_ = false;
        changed = true;
    }
    if (changed)
        settings_changed();
}

/// Which of the drops ROLLBACK TO takes back is known to the server.
void SessionState::undo_drops()
{
    for (auto& [name, change] : relations_)
        change.dropped = false;
    discarded_ = failed_ = false;
    settings_changed();
}

} // namespace stepgate::policies::postgres
