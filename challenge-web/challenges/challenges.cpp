#include "challenge-web/challenges/challenges.h"

#include "challenge-web/challenges/base64url.h"
#include "challenge-web/challenges/challenge_machine.h"
#include "challenge-web/challenges/digest.h"
#include "challenge-web/challenges/elevation.h"
#include "challenge-web/challenges/short_code.h"

#include <algorithm>
#include <array>
#include <deque>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace stepgate::challenge_web::challenges
{

namespace
{

constexpr auto kept_after_close = std::chrono::hours{1};
constexpr std::size_t kept_text = 64 * 1024; // statements of a closed challenge larger than this are dropped

// What is told to the outside once the lock is gone.
struct Notices {
    std::vector<Event> events;
    std::vector<std::pair<Challenges::OnSettled, Settle>> settled;
};

std::size_t size_of(const std::vector<HeldStatement>& statements)
{
    std::size_t size = 0;
    for (const auto& statement : statements) {
        size += statement.sql.size();
        for (const auto& parameter : statement.parameters)
            size += parameter.value ? parameter.value->size() : 0;
    }
    return size;
}

bool can_be_asked(const Question& question)
{
    const auto& requirement = question.verdict.requirement;
    return !question.user.empty() && !question.session.empty() && !question.statements.empty() &&
           question.verdict.action == policies::rules::Action::challenge && requirement.level >= 1 &&
           requirement.level <= 3;
}

/// The order of lists: pending first, newest first.
bool pending_and_newer(const Snapshot& a, const Snapshot& b)
{
    const bool a_pending = a.state == State::pending, b_pending = b.state == State::pending;
    if (a_pending != b_pending)
        return a_pending;
    return a.opened != b.opened ? a.opened > b.opened : a.id < b.id;
}

Event::What event_of(State state)
{
    switch (state) {
    case State::pending:
        return Event::What::opened;
    case State::approved:
        return Event::What::approved;
    case State::consumed:
        return Event::What::consumed;
    case State::denied:
        return Event::What::denied;
    case State::expired:
        return Event::What::expired;
    case State::cancelled:
        return Event::What::cancelled;
    }
    return Event::What::cancelled;
}

} // namespace

struct Challenges::Table {
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
    }

    ChallengesOptions options;
    std::vector<OnEvent> observers; // fixed before the first open, so read without the lock

    mutable std::mutex mutex; // guards everything below
    std::unordered_map<ChallengeId, Entry> entries;
    std::unordered_map<std::string, std::size_t> live_of_user;
    std::unordered_set<std::string> live_codes;
    std::size_t live = 0;
    std::size_t bytes = 0;                                // of statements, in all
    std::deque<std::pair<TimePoint, ChallengeId>> closed; // oldest first
    Elevations elevations;
    mutable TimePoint latest{};

    TimePoint not_before(TimePoint now) const
    {
        latest = std::max(latest, now);
        return latest;
    }

    Entry* find(const ChallengeId& id)
    {
        const auto it = entries.find(id);
        return it == entries.end() ? nullptr : &it->second;
    }

    void note(Notices& notices, const Entry& entry, Event::What what, TimePoint now, std::optional<Proof> proof = {},
              std::string detail = {}) const
    {
        if (!observers.empty())
            notices.events.push_back({what, entry.shown, std::move(proof), std::move(detail), now});
    }

    void follow_machine(Entry& entry)
    {
        entry.shown.state = entry.machine.state();
        entry.shown.proofs = entry.machine.proofs();
        entry.shown.missing =
            entry.machine.state() == State::pending ? entry.machine.missing() : std::vector<Missing>{};
    }

    // Books a change of state, and ends what ends with the challenge's life.
    void changed(Entry& entry, const Settle& settle, TimePoint now, Notices& notices)
    {
        follow_machine(entry);
        if (!entry.machine.live()) {
            entry.shown.closed = now;
            entry.shown.close_reason = settle.reason;
        }
        note(notices, entry, event_of(settle.state), now);
        if (entry.on_settled)
            notices.settled.emplace_back(std::exchange(entry.on_settled, nullptr), settle);
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

    void cancel(Entry& entry, const std::string& why, TimePoint now, Notices& notices)
    {
        const auto action = entry.machine.on(CancelAsked{why}, now);
        if (const auto* settle = std::get_if<Settle>(&action))
            changed(entry, *settle, now, notices);
    }

    void tell(Notices notices) const
    {
        for (const auto& event : notices.events)
            for (const auto& observer : observers)
                observer(event);
        for (const auto& [on_settled, settle] : notices.settled)
            on_settled(settle.state, settle.reason);
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
    bool may_decide(const Question& question, const std::string& user) const
    {
        if (user == question.user)
            return !user.empty();
        const auto& requirement = question.verdict.requirement;
        return !user.empty() && approvals_needed(requirement) > 0 && options.may_approve &&
               options.may_approve(user, approver_group(requirement));
    }

    // The part of a question that `may_decide` looks at, so that no SQL is copied for it.
    std::optional<Question> who_decides(const ChallengeId& id)
    {
        const std::lock_guard lock{mutex};
        const auto* entry = find(id);
        if (entry == nullptr)
            return std::nullopt;
        Question out;
        out.user = entry->shown.question.user;
        out.verdict.requirement = entry->shown.question.verdict.requirement;
        return out;
    }
};

Challenges::Challenges(ChallengesOptions options) : table_(std::make_unique<Table>(std::move(options)))
{
}
Challenges::~Challenges() = default;

void Challenges::observe(OnEvent observer)
{
    table_->observers.push_back(std::move(observer));
}

result<Opened> Challenges::open(Question question, std::chrono::seconds time_to_answer, TimePoint now,
                                OnSettled on_settled)
{
    if (!can_be_asked(question) || time_to_answer.count() <= 0)
        return errc::invalid_question;
    std::array<std::byte, 16> id_bytes{};
    Snapshot shown;
    if (!table_->options.random(id_bytes) || !table_->options.random(shown.nonce))
        return errc::no_randomness;
    const std::size_t size = size_of(question.statements);
    Notices notices;
    Opened opened;
    {
        const std::lock_guard lock{table_->mutex};
        now = table_->not_before(now);
        if (table_->full(question, size))
            return errc::too_many;
        auto code = table_->unused_code();
        if (!code)
            return errc::no_randomness;
        shown.id = base64url_encode(id_bytes);
        if (table_->entries.contains(shown.id))
            return errc::no_randomness; // 128 bits do not repeat by chance
        shown.code = std::move(*code);
        shown.opened = now;
        shown.expires = now + time_to_answer;
        shown.digest_input = digest_input(question, shown.id, shown.expires, shown.nonce);
        shown.digest = sha256(shown.digest_input);
        shown.question = std::move(question);
        opened = {shown.id, shown.code, shown.digest, shown.expires};
        ChallengeMachine machine{shown.question.verdict.requirement, shown.question.user, shown.digest, shown.expires};
        ++table_->live_of_user[shown.question.user];
        ++table_->live;
        table_->live_codes.insert(shown.code);
        table_->bytes += size;
        auto& entry =
            table_->entries
                .emplace(opened.id, Table::Entry{std::move(shown), std::move(machine), std::move(on_settled), size})
                .first->second;
        table_->follow_machine(entry);
        table_->note(notices, entry, Event::What::opened, now);
    }
    table_->tell(std::move(notices));
    return opened;
}

result<State> Challenges::prove(const ChallengeId& id, const Digest& digest, Proof proof, TimePoint now)
{
    const auto question = table_->who_decides(id);
    if (!question)
        return errc::not_found;
    const bool allowed = table_->may_decide(*question, proof.user);
    Notices notices;
    result<State> answer = errc::not_found;
    {
        const std::lock_guard lock{table_->mutex};
        now = table_->not_before(now);
        auto* entry = table_->find(id);
        if (entry == nullptr)
            return errc::not_found;
        const auto action = allowed ? entry->machine.on(ProofGiven{digest, proof}, now)
                                    : ChallengeMachine::Action{Refuse{errc::wrong_user}};
        if (const auto* refuse = std::get_if<Refuse>(&action)) {
            table_->note(notices, *entry, Event::What::proof_rejected, now, proof,
                         make_error_code(refuse->why).message());
            answer = refuse->why;
        } else if (const auto* settle = std::get_if<Settle>(&action); settle != nullptr && settle->refusal) {
            table_->note(notices, *entry, Event::What::proof_rejected, now, proof,
                         make_error_code(*settle->refusal).message());
            table_->changed(*entry, *settle, now, notices);
            answer = *settle->refusal;
        } else {
            // The event of the proof shows the challenge with the proof in it, and still pending.
            table_->follow_machine(*entry);
            const State after = std::exchange(entry->shown.state, State::pending);
            table_->note(notices, *entry, Event::What::proof_accepted, now, proof);
            entry->shown.state = after;
            if (settle != nullptr)
                table_->changed(*entry, *settle, now, notices);
            answer = after;
        }
    }
    table_->tell(std::move(notices));
    return answer;
}

void Challenges::reject(const ChallengeId& id, const Proof& attempt, std::string why, TimePoint now)
{
    Notices notices;
    {
        const std::lock_guard lock{table_->mutex};
        now = table_->not_before(now);
        if (const auto* entry = table_->find(id))
            table_->note(notices, *entry, Event::What::proof_rejected, now, attempt, std::move(why));
    }
    table_->tell(std::move(notices));
}

result<void> Challenges::deny(const ChallengeId& id, const std::string& user, TimePoint now, std::string why)
{
    const auto question = table_->who_decides(id);
    if (!question)
        return errc::not_found;
    if (!table_->may_decide(*question, user))
        return errc::wrong_user;
    Notices notices;
    result<void> answer;
    {
        const std::lock_guard lock{table_->mutex};
        now = table_->not_before(now);
        auto* entry = table_->find(id);
        if (entry == nullptr)
            return errc::not_found;
        const auto action = entry->machine.on(DenyAsked{user, std::move(why)}, now);
        if (const auto* refuse = std::get_if<Refuse>(&action))
            answer = refuse->why;
        if (const auto* settle = std::get_if<Settle>(&action)) {
            if (settle->refusal)
                answer = *settle->refusal;
            else
                entry->shown.closed_by = user;
            table_->changed(*entry, *settle, now, notices);
        }
    }
    table_->tell(std::move(notices));
    return answer;
}

void Challenges::cancel(const ChallengeId& id, std::string why, TimePoint now)
{
    Notices notices;
    {
        const std::lock_guard lock{table_->mutex};
        now = table_->not_before(now);
        if (auto* entry = table_->find(id))
            table_->cancel(*entry, why, now, notices);
    }
    table_->tell(std::move(notices));
}

void Challenges::note_impact(const ChallengeId& id, Impact impact, TimePoint now)
{
    Notices notices;
    {
        const std::lock_guard lock{table_->mutex};
        now = table_->not_before(now);
        auto* entry = table_->find(id);
        if (entry == nullptr || entry->machine.state() != State::pending)
            return;
        entry->shown.impact = std::move(impact);
        table_->note(notices, *entry, Event::What::impact_known, now);
    }
    table_->tell(std::move(notices));
}

result<Approval> Challenges::consume(const ChallengeId& id, const Digest& digest, TimePoint now)
{
    Notices notices;
    result<Approval> answer = errc::not_found;
    {
        const std::lock_guard lock{table_->mutex};
        now = table_->not_before(now);
        auto* entry = table_->find(id);
        if (entry == nullptr)
            return errc::not_found;
        const auto action = entry->machine.on(ReleaseAsked{digest}, now);
        if (const auto* refuse = std::get_if<Refuse>(&action))
            answer = refuse->why;
        if (const auto* settle = std::get_if<Settle>(&action)) {
            answer = settle->refusal.value_or(errc::expired);
            table_->changed(*entry, *settle, now, notices);
        }
        if (std::holds_alternative<Release>(action)) {
            answer = Approval{id, digest};
            table_->elevations.grant(entry->shown.question, id, now);
            table_->changed(*entry, Settle{State::consumed, "released", std::nullopt}, now, notices);
        }
    }
    table_->tell(std::move(notices));
    return answer;
}

std::optional<ChallengeId> Challenges::elevated(const Question& question, TimePoint now) const
{
    const std::lock_guard lock{table_->mutex};
    return table_->elevations.covering(question, table_->not_before(now));
}

void Challenges::session_ended(const std::string& session, TimePoint now)
{
    Notices notices;
    {
        const std::lock_guard lock{table_->mutex};
        now = table_->not_before(now);
        table_->elevations.end_session(session);
        for (auto& [id, entry] : table_->entries)
            if (entry.machine.live() && entry.shown.question.session == session &&
                !entry.shown.question.outlives_session)
                table_->cancel(entry, "the session ended", now, notices);
    }
    table_->tell(std::move(notices));
}

void Challenges::revoke_elevations(const std::string& user)
{
    const std::lock_guard lock{table_->mutex};
    table_->elevations.revoke(user);
}

result<Snapshot> Challenges::find(const ChallengeId& id) const
{
    const std::lock_guard lock{table_->mutex};
    const auto* entry = table_->find(id);
    if (entry == nullptr)
        return errc::not_found;
    return entry->shown;
}

std::vector<Snapshot> Challenges::of_user(const std::string& user, std::size_t limit) const
{
    const std::lock_guard lock{table_->mutex};
    std::vector<const Snapshot*> own;
    for (const auto& [id, entry] : table_->entries)
        if (entry.shown.question.user == user)
            own.push_back(&entry.shown);
    std::sort(own.begin(), own.end(), [](const Snapshot* a, const Snapshot* b) { return pending_and_newer(*a, *b); });
    std::vector<Snapshot> out;
    for (std::size_t i = 0; i < std::min(limit, own.size()); ++i)
        out.push_back(*own[i]);
    return out;
}

std::vector<Snapshot> Challenges::for_approver(const std::string& user, std::size_t limit) const
{
    std::vector<ChallengeId> candidates;
    {
        const std::lock_guard lock{table_->mutex};
        for (const auto& [id, entry] : table_->entries)
            if (entry.shown.question.user != user && approvals_needed(entry.shown.question.verdict.requirement) > 0)
                candidates.push_back(id);
    }
    std::vector<Snapshot> asked;
    for (const auto& id : candidates) { // no SQL is copied of what is not this user's to decide
        const auto question = table_->who_decides(id);
        if (!question || !may_decide(*question, user))
            continue;
        if (auto found = find(id))
            asked.push_back(std::move(*found));
    }
    std::sort(asked.begin(), asked.end(), [](const Snapshot& a, const Snapshot& b) { return pending_and_newer(a, b); });
    if (asked.size() > limit)
        asked.resize(limit);
    return asked;
}

bool Challenges::may_decide(const Question& question, const std::string& user) const
{
    return table_->may_decide(question, user);
}

std::size_t Challenges::waiting() const
{
    const std::lock_guard lock{table_->mutex};
    return table_->live;
}

void Challenges::tick(TimePoint now)
{
    Notices notices;
    {
        const std::lock_guard lock{table_->mutex};
        now = table_->not_before(now);
        for (auto& [id, entry] : table_->entries) {
            const auto action = entry.machine.on(ClockTicked{}, now);
            if (const auto* settle = std::get_if<Settle>(&action))
                table_->changed(entry, *settle, now, notices);
        }
        table_->elevations.forget_expired(now);
        table_->forget_closed(now);
    }
    table_->tell(std::move(notices));
}

} // namespace stepgate::challenge_web::challenges
