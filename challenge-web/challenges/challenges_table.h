#pragma once

// Private to this folder: what is behind `Challenges`, for the files that implement it.

#include "challenge-web/challenges/challenge_machine.h"
#include "challenge-web/challenges/challenges.h"
#include "challenge-web/challenges/elevation.h"
#include "challenge-web/challenges/short_code.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

namespace stepgate::challenge_web::challenges
{

/// What on_settled is called with.
struct Settled {
    Challenges::OnSettled on_settled;
    State state;
    std::string reason;
};

/// What on_use is called with.
struct Used {
    Challenges::OnUse on_use;
    ElevatedUse use;
};

/// What is told to the outside once the lock is gone.
using Notice = std::variant<Event, ElevationEvent, Settled, Used>;

[[nodiscard]] Event::What event_of(State state);

/// Whose proofs are on it, but for the requester's own.
inline std::vector<std::string> approvers_of(const Snapshot& challenge)
{
    std::vector<std::string> users;
    for (const auto& proof : challenge.proofs)
        if (proof.user != challenge.question.user)
            users.push_back(proof.user);
    return users;
}

struct Challenges::Table {
    static constexpr auto kept_after_close = std::chrono::hours{1};
    static constexpr std::size_t kept_text = 64 * 1024; // statements of a closed challenge larger than this are dropped

    struct Entry {
        Snapshot shown; // state, proofs and missing follow the machine
        ChallengeMachine machine;
        OnSettled on_settled; // taken out when called
        std::size_t bytes = 0;
    };

    explicit Table(ChallengesOptions given) : options(std::move(given))
    {
        if (!options.random)
            options.random = system_random();
        if (!options.steady)
            options.steady = std::chrono::steady_clock::now;
    }

    ChallengesOptions options;
    std::vector<OnEvent> observers;               // fixed before the first open, so read without the lock
    std::vector<OnElevation> elevation_observers; // the same

    mutable std::mutex mutex; // guards everything below
    std::unordered_map<ChallengeId, Entry> entries;
    std::unordered_map<std::string, std::size_t> live_of_user;
    std::unordered_set<std::string> live_codes;
    std::size_t live = 0;
    std::size_t bytes = 0;                                // of statements, in all
    std::deque<std::pair<TimePoint, ChallengeId>> closed; // oldest first
    Elevations elevations;
    mutable TimePoint latest{};
    mutable std::chrono::steady_clock::time_point seen{}; // when that was the time
    std::vector<Notice> untold;                           // in the order in which it happened

    std::mutex telling; // held by who tells; never waited for with `mutex` held
    std::atomic<std::thread::id> teller;

    /// After a clock was ahead and is set back, what has a limit must not last until the clock has caught up.
    TimePoint not_before(TimePoint now) const
    {
        const auto steady = options.steady();
        const auto passed = std::chrono::duration_cast<TimePoint::duration>(steady - seen);
        latest = now >= latest ? now : latest + passed;
        seen = steady;
        return latest;
    }

    Entry* find(const ChallengeId& id)
    {
        const auto it = entries.find(id);
        return it == entries.end() ? nullptr : &it->second;
    }

    void note(const Entry& entry, Event::What what, TimePoint now, std::optional<Proof> proof = {},
              std::string detail = {})
    {
        if (!observers.empty())
            untold.emplace_back(Event{what, entry.shown, std::move(proof), std::move(detail), now});
    }

    void follow_machine(Entry& entry)
    {
        entry.shown.state = entry.machine.state();
        entry.shown.proofs = entry.machine.proofs();
        entry.shown.missing =
            entry.machine.state() == State::pending ? entry.machine.missing() : std::vector<Missing>{};
    }

    // Books a change of state, and ends what ends with the challenge's life.
    void changed(Entry& entry, const Settle& settle, TimePoint now)
    {
        follow_machine(entry);
        if (!entry.machine.live()) {
            entry.shown.closed = now;
            entry.shown.close_reason = settle.reason;
        }
        note(entry, event_of(settle.state), now);
        if (entry.on_settled)
            untold.emplace_back(Settled{std::exchange(entry.on_settled, nullptr), settle.state, settle.reason});
        if (!entry.machine.live())
            close(entry, now);
    }

    void close(Entry& entry, TimePoint now)
    {
        --live;
        live_codes.erase(entry.shown.code);
        const auto of_user = live_of_user.find(entry.shown.question.user);
        if (of_user != live_of_user.end() && --of_user->second == 0)
            live_of_user.erase(of_user);
        if (entry.bytes > kept_text) {
            entry.shown.question.statements.clear();
            bytes -= std::exchange(entry.bytes, 0);
        }
        closed.emplace_back(now, entry.shown.id);
    }

    // Closed ones are few and small: an hour's worth, and never more than may be open.
    void forget_closed(TimePoint now)
    {
        while (!closed.empty() &&
               (now - closed.front().first >= kept_after_close || closed.size() > options.limit_total)) {
            const auto it = entries.find(closed.front().second);
            if (it != entries.end()) {
                bytes -= it->second.bytes;
                entries.erase(it);
            }
            closed.pop_front();
        }
    }

    void note_started(Elevation elevation, TimePoint now)
    {
        if (!elevation_observers.empty())
            untold.emplace_back(ElevationEvent{true, std::move(elevation), {}, {}, now});
    }

    void note_ended(std::vector<Elevation> ended, const std::string& reason, const std::string& by, TimePoint now)
    {
        if (elevation_observers.empty())
            return;
        for (auto& elevation : ended)
            untold.emplace_back(ElevationEvent{false, std::move(elevation), reason, by, now});
    }

    /// `end` says which elevations end, under the lock; they are told afterwards. False: none did.
    template <class End>
    bool end_elevations(End end, const std::string& reason, const std::string& by, TimePoint now)
    {
        bool found = false;
        {
            const std::lock_guard lock{mutex};
            auto ended = end(elevations);
            found = !ended.empty();
            note_ended(std::move(ended), reason, by, not_before(now));
        }
        tell();
        return found;
    }

    void escalate_if_due(Entry& entry, TimePoint now)
    {
        const auto& escalation = entry.shown.question.verdict.requirement.escalate;
        if (!escalation || entry.shown.escalated || entry.machine.state() != State::pending ||
            now < entry.shown.opened + escalation->after)
            return;
        entry.shown.escalated = now;
        note(entry, Event::What::escalated, now);
    }

    void cancel(Entry& entry, const std::string& why, TimePoint now)
    {
        const auto action = entry.machine.on(CancelAsked{why}, now);
        if (const auto* settle = std::get_if<Settle>(&action))
            changed(entry, *settle, now);
    }

    /// Called without the lock, by whoever has noted something: when it returns, all of that is told. It is told in the
    /// order in which it happened, whichever thread tells it: a proof that the journal has after the end of its
    /// challenge would look like one that was added to it.
    void tell()
    {
        if (teller == std::this_thread::get_id())
            return; // what is told now led to this: it is told next
        const std::lock_guard turn{telling};
        teller = std::this_thread::get_id();
        for (auto notices = take_untold(); !notices.empty(); notices = take_untold())
            for (const auto& notice : notices)
                std::visit([this](const auto& what) { tell(what); }, notice);
        teller = std::thread::id{};
    }

    std::vector<Notice> take_untold()
    {
        const std::lock_guard lock{mutex};
        return std::exchange(untold, {});
    }

    void tell(const Event& event) const
    {
        for (const auto& observer : observers)
            observer(event);
    }

    void tell(const ElevationEvent& event) const
    {
        for (const auto& observer : elevation_observers)
            observer(event);
    }

    static void tell(const Settled& settled) { settled.on_settled(settled.state, settled.reason); }
    static void tell(const Used& used) { used.on_use(used.use); }

    // A person ends a challenge: whatever comes first settles it, and only that is booked under their name.
    template <class Asked>
    result<void> close_by(const ChallengeId& id, const std::string& user, const std::string& from, const Asked& asked,
                          TimePoint now)
    {
        result<void> answer;
        {
            const std::lock_guard lock{mutex};
            now = not_before(now);
            auto* entry = find(id);
            if (entry == nullptr)
                return errc::not_found;
            const auto action = entry->machine.on(asked, now);
            if (const auto* refuse = std::get_if<Refuse>(&action))
                answer = refuse->why;
            if (const auto* settle = std::get_if<Settle>(&action)) {
                if (settle->refusal)
                    answer = *settle->refusal;
                else {
                    entry->shown.closed_by = user;
                    entry->shown.closed_from = from;
                }
                changed(*entry, *settle, now);
            }
        }
        tell();
        return answer;
    }

    std::optional<std::string> unused_code() const
    {
        // A billion codes, ten thousand challenges: a second try is rare, a tenth means a broken source.
        for (int attempt = 0; attempt < 10; ++attempt) {
            auto code = make_short_code(options.random);
            if (!code || !live_codes.contains(*code))
                return code;
        }
        return std::nullopt;
    }

    bool full(const Question& question, std::size_t size) const
    {
        const auto of_user = live_of_user.find(question.user);
        const std::size_t own = of_user == live_of_user.end() ? 0 : of_user->second;
        return own >= options.limit_per_user || live >= options.limit_total || size > options.limit_bytes ||
               bytes > options.limit_bytes - size;
    }

    // May this user say yes or no for the one who asks? Called without the lock: it may block on the accounts.
    bool may_decide(const Snapshot& challenge, const std::string& user) const
    {
        const auto& requirement = challenge.question.verdict.requirement;
        if (user == challenge.question.user)
            return !user.empty();
        if (user.empty() || approvals_needed(requirement) == 0 || !options.may_approve)
            return false;
        return options.may_approve(user, approver_group(requirement)) ||
               (challenge.escalated && requirement.escalate && options.may_approve(user, requirement.escalate->group));
    }

    // The part of a challenge that `may_decide` looks at, so that no SQL is copied for it.
    std::optional<Snapshot> who_decides(const ChallengeId& id)
    {
        const std::lock_guard lock{mutex};
        const auto* entry = find(id);
        if (entry == nullptr)
            return std::nullopt;
        Snapshot out;
        out.question.user = entry->shown.question.user;
        out.question.verdict.requirement = entry->shown.question.verdict.requirement;
        out.escalated = entry->shown.escalated;
        return out;
    }

    // Whoever approved it and may not any more: disabled, or taken from the group since. Called without the lock.
    std::optional<std::string> approver_gone(const ChallengeId& id)
    {
        const auto asked = who_decides(id);
        if (!asked)
            return std::nullopt;
        for (const auto& user : approvers_of(id))
            if (!may_decide(*asked, user))
                return user;
        return std::nullopt;
    }

    std::vector<std::string> approvers_of(const ChallengeId& id)
    {
        const std::lock_guard lock{mutex};
        const auto* entry = find(id);
        return entry != nullptr ? challenges::approvers_of(entry->shown) : std::vector<std::string>{};
    }
};

} // namespace stepgate::challenge_web::challenges
