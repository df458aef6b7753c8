#pragma once

#include "protocols/postgres/replies.h"

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace stepgate::protocols::postgres
{

/// Prepared statements, or portals and cursors, of one session by name: what the server will find under a name when it
/// reads the next message. A definition is tentative until the server has accepted it; if the server skipped its
/// message, the name means again what it meant before.
///
/// If unsure it forgets: a name that is not found means unknown, and the caller holds what it cannot know. Pointers
/// from find() are valid until the next call that is not const. Value is copyable or movable, and default
/// constructible.
template <class Value>
class Names
{
  public:
    /// How a change came: a failed wire message leaves the old named definition in place, failed SQL may have replaced
    /// it.
    enum class By : std::uint8_t { wire, sql };

    Names() = default;
    Names(const Names&) = delete; // it points into itself
    Names& operator=(const Names&) = delete;

    /// What the name will mean, or nullptr.
    [[nodiscard]] const Value* find(std::string_view name) const
    {
        const Entry* entry = entry_of(name);
        if (entry == nullptr)
            return nullptr;
        const Record& record = entry->second;
        const auto& value = is_pending(record) ? pending_.at(record.newest).value : record.value;
        return value ? &*value : nullptr;
    }

    /// What the name means to the server by the last answer, or nullptr.
    [[nodiscard]] const Value* settled(std::string_view name) const
    {
        const Entry* entry = entry_of(name);
        return entry == nullptr || !entry->second.value ? nullptr : &*entry->second.value;
    }

    /// False if find() says what a message will have done that may still fail while what comes after it runs: it was
    /// sent before message `began`, the first one that the server skips together with the next message
    /// (Replies::group).
    [[nodiscard]] bool is_sure(std::string_view name, std::uint64_t began) const
    {
        const Entry* entry = entry_of(name);
        return entry == nullptr || !is_pending(entry->second) || pending_.at(entry->second.newest).number >= began;
    }

    /// Some names, apart from the unnamed one, have changes by the wire whose fate is not known.
    [[nodiscard]] bool is_unsettled() const { return unsettled_ > 0; }

    /// Message `number` (Replies) defines the name. `holdable`: outlives its transaction (WITH HOLD).
    void define(std::string_view name, Value value, std::uint64_t number, By by = By::wire, bool holdable = false)
    {
        change(name, std::optional<Value>{std::move(value)}, number, by, holdable);
    }

    /// Message `number` makes the name meaningless.
    void close(std::string_view name, std::uint64_t number, By by = By::wire)
    {
        if (entry_of(name) != nullptr)
            change(name, std::nullopt, number, by, false);
    }

    /// The message's fate is known. In order of numbers. `changed(name, defined)` hears of each change by the wire that
    /// took place, of all but the unnamed one.
    template <class Changed>
    void settle(std::uint64_t number, Fate fate, Changed&& changed)
    {
        while (!pending_.empty() && pending_.front().number <= number) {
            Change change = pending_.pop();
            Entry* const entry = change.entry;
            const bool named = change.by == By::wire && !entry->second.unnamed;
            unsettled_ -= named ? 1 : 0;
            if (named && fate == Fate::succeeded)
                changed(std::string_view{entry->first}, change.value.has_value());
            apply(entry->second, std::move(change), fate);
            if (is_void(entry->second))
                records_.erase(records_.find(entry->first));
        }
    }

    void settle(std::uint64_t number, Fate fate)
    {
        settle(number, fate, [](std::string_view, bool) {});
    }

    /// A transaction ended: settled definitions that do not outlive it are gone.
    void end_transaction()
    {
        forget_if([](const Record& record) { return !record.holdable; });
    }

    /// After DISCARD ALL, DEALLOCATE ALL, or something that may have redefined any name: all settled definitions are
    /// forgotten. Pending ones stay.
    void forget_settled()
    {
        forget_if([](const Record&) { return true; });
    }

    /// Forgets everything, also what is pending.
    void forget_all()
    {
        for (std::uint64_t at = pending_.begin(); at != pending_.end(); ++at)
            pending_.at(at).value.reset();
        forget_settled();
    }

    /// How many names have a settled definition.
    [[nodiscard]] std::size_t size() const { return settled_; }
    /// How many names it keeps memory for.
    [[nodiscard]] std::size_t records() const { return records_.size(); }

  private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>{}(name); }
    };
    struct Record {
        std::optional<Value> value; // settled
        std::uint64_t newest = 0;   // number of the newest pending change of this name, if it is still pending
        std::uint32_t changes = 0;  // pending changes of this name
        bool holdable = false;
        bool unnamed = false;
    };
    using Records = std::unordered_map<std::string, Record, Hash, std::equal_to<>>;
    using Entry = typename Records::value_type; // unordered_map never moves its elements
    struct Change {
        Entry* entry = nullptr;
        std::optional<Value> value;
        std::uint64_t number = 0;
        By by = By::wire;
        bool holdable = false;
    };

    [[nodiscard]] bool is_pending(const Record& record) const { return record.changes > 0; }

    /// What is kept under the name, or nullptr. The unnamed one needs no search: drivers use it for every statement.
    [[nodiscard]] Entry* entry_of(std::string_view name)
    {
        if (name.empty())
            return unnamed_;
        const auto found = records_.find(name);
        return found == records_.end() ? nullptr : &*found;
    }
    [[nodiscard]] const Entry* entry_of(std::string_view name) const
    {
        return const_cast<Names*>(this)->entry_of(name);
    }

    [[nodiscard]] Entry& make_entry(std::string_view name)
    {
        Entry& entry = *records_.emplace(std::string{name}, Record{}).first;
        if (name.empty()) {
            entry.second.unnamed = true;
            unnamed_ = &entry;
        }
        return entry;
    }

    void change(std::string_view name, std::optional<Value> value, std::uint64_t number, By by, bool holdable)
    {
        Entry* const known = entry_of(name);
        Entry& entry = known != nullptr ? *known : make_entry(name);
        Record& record = entry.second;
        unsettled_ += by == By::wire && !record.unnamed ? 1 : 0;
        ++record.changes;
        record.newest = pending_.push(Change{&entry, std::move(value), number, by, holdable});
    }

    void apply(Record& record, Change change, Fate fate)
    {
        --record.changes;
        if (fate == Fate::discarded)
            return;
        if (fate == Fate::succeeded) {
            set(record, std::move(change.value));
            record.holdable = change.holdable;
            return;
        }
        // Parse of the unnamed statement drops the old one before it fails; of a name that exists it fails first.
        if (change.by == By::sql || record.unnamed)
            set(record, std::nullopt);
    }

    void set(Record& record, std::optional<Value> value)
    {
        settled_ += value.has_value() ? 1 : 0;
        settled_ -= record.value.has_value() ? 1 : 0;
        record.value = std::move(value);
    }

    /// A name that means nothing: its record goes, so that a session that makes names for ever stays small. That of the
    /// unnamed one stays, because it is used all the time.
    [[nodiscard]] static bool is_void(const Record& record)
    {
        return !record.value && record.changes == 0 && !record.unnamed;
    }

    template <class Condition>
    void forget_if(Condition condition)
    {
        for (auto at = records_.begin(); at != records_.end();) {
            Record& record = at->second;
            if (condition(record))
                set(record, std::nullopt);
            if (is_void(record))
                at = records_.erase(at);
            else
                ++at;
        }
    }

    Records records_;
    Entry* unnamed_ = nullptr; // in `records_`, for ever once it was used
    Ring<Change> pending_;
    std::size_t settled_ = 0, unsettled_ = 0;
};

} // namespace stepgate::protocols::postgres
