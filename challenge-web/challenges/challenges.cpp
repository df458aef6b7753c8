#include "challenge-web/challenges/challenges.h"

#include "challenge-web/challenges/base64url.h"
#include "challenge-web/challenges/challenges_table.h"
#include "challenge-web/challenges/digest.h"

#include <array>

namespace stepgate::challenge_web::challenges
{

namespace
{

std::size_t size_of(const std::vector<HeldStatement>& statements)
{
    std::size_t size = 0;
    for (const auto& statement : statements) {
        size += statement.sql.size();
        for (const auto& parameter : statement.parameters)
            size += parameter.value ? parameter.value->size() : 0;
        for (const auto& premise : statement.premises)
            size += premise.name.size() + premise.value.size();
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

} // namespace

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
        table_->note(entry, Event::What::opened, now);
    }
    table_->tell();
    return opened;
}

result<State> Challenges::prove(const ChallengeId& id, const Digest& digest, Proof proof, TimePoint now)
{
    const auto asked = table_->who_decides(id);
    if (!asked)
        return errc::not_found;
    const bool allowed = table_->may_decide(*asked, proof.user);
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
            table_->note(*entry, Event::What::proof_rejected, now, proof, make_error_code(refuse->why).message());
            answer = refuse->why;
        } else if (const auto* settle = std::get_if<Settle>(&action); settle != nullptr && settle->refusal) {
            table_->note(*entry, Event::What::proof_rejected, now, proof, make_error_code(*settle->refusal).message());
            table_->changed(*entry, *settle, now);
            answer = *settle->refusal;
        } else {
            // The event of the proof shows the challenge with the proof in it, and still pending.
            table_->follow_machine(*entry);
            const State after = std::exchange(entry->shown.state, State::pending);
            table_->note(*entry, Event::What::proof_accepted, now, proof);
            entry->shown.state = after;
            if (settle != nullptr)
                table_->changed(*entry, *settle, now);
            answer = after;
        }
    }
    table_->tell();
    return answer;
}

void Challenges::reject(const ChallengeId& id, const Proof& attempt, std::string why, TimePoint now)
{
    {
        const std::lock_guard lock{table_->mutex};
        now = table_->not_before(now);
        if (const auto* entry = table_->find(id))
            table_->note(*entry, Event::What::proof_rejected, now, attempt, std::move(why));
    }
    table_->tell();
}

result<void> Challenges::deny(const ChallengeId& id, const std::string& user, TimePoint now, std::string why,
                              const std::string& from)
{
    const auto asked = table_->who_decides(id);
    if (!asked)
        return errc::not_found;
    if (!table_->may_decide(*asked, user))
        return errc::wrong_user;
    return table_->close_by(id, user, from, DenyAsked{user, std::move(why)}, now);
}

result<void> Challenges::withdraw(const ChallengeId& id, const std::string& user, TimePoint now,
                                  const std::string& from)
{
    return table_->close_by(id, user, from, WithdrawAsked{user}, now);
}

result<void> Challenges::give_reason(const ChallengeId& id, const std::string& user, std::string why, TimePoint now)
{
    {
        const std::lock_guard lock{table_->mutex};
        now = table_->not_before(now);
        auto* entry = table_->find(id);
        if (entry == nullptr)
            return errc::not_found;
        auto& shown = entry->shown;
        if (shown.question.user != user)
            return errc::wrong_user;
        if (now >= shown.expires)
            return errc::expired;
        const bool others_did = std::any_of(shown.proofs.begin(), shown.proofs.end(),
                                            [&](const Proof& proof) { return proof.user != user; });
        if (shown.state != State::pending || others_did)
            return errc::settled;
        shown.request_reason = std::move(why);
        table_->note(*entry, Event::What::reason_given, now, {}, shown.request_reason);
    }
    table_->tell();
    return {};
}

void Challenges::cancel(const ChallengeId& id, std::string why, TimePoint now)
{
    {
        const std::lock_guard lock{table_->mutex};
        now = table_->not_before(now);
        if (auto* entry = table_->find(id))
            table_->cancel(*entry, why, now);
    }
    table_->tell();
}

void Challenges::note_impact(const ChallengeId& id, Impact impact, TimePoint now)
{
    {
        const std::lock_guard lock{table_->mutex};
        now = table_->not_before(now);
        auto* entry = table_->find(id);
        if (entry == nullptr || entry->machine.state() != State::pending)
            return;
        entry->shown.impact = std::move(impact);
        table_->note(*entry, Event::What::impact_known, now);
    }
    table_->tell();
}

result<Approval> Challenges::consume(const ChallengeId& id, const Digest& digest, TimePoint now)
{
    const auto gone = table_->approver_gone(id);
    result<Approval> answer = errc::not_found;
    {
        const std::lock_guard lock{table_->mutex};
        now = table_->not_before(now);
        auto* entry = table_->find(id);
        if (entry == nullptr)
            return errc::not_found;
        const bool revoked = gone && entry->machine.state() == State::approved;
        if (revoked)
            table_->cancel(*entry, *gone + " approved it and may not any more", now);
        const auto action = entry->machine.on(ReleaseAsked{digest}, now);
        if (const auto* refuse = std::get_if<Refuse>(&action))
            answer = revoked ? errc::approver_gone : refuse->why;
        if (const auto* settle = std::get_if<Settle>(&action)) {
            answer = settle->refusal.value_or(errc::expired);
            table_->changed(*entry, *settle, now);
        }
        if (std::holds_alternative<Release>(action)) {
            answer = Approval{id, digest, now};
            if (auto granted = table_->elevations.grant(entry->shown.question, id, entry->shown.nonce, now,
                                                        approvers_of(entry->shown)))
                table_->note_started(std::move(*granted), now);
            table_->changed(*entry, Settle{State::consumed, "released", std::nullopt}, now);
        }
    }
    table_->tell();
    return answer;
}

void Challenges::session_ended(const std::string& session, TimePoint now)
{
    {
        const std::lock_guard lock{table_->mutex};
        now = table_->not_before(now);
        table_->note_ended(table_->elevations.end_session(session), "the session ended", {}, now);
        for (auto& [id, entry] : table_->entries)
            if (entry.machine.live() && entry.shown.question.session == session &&
                !entry.shown.question.outlives_session)
                table_->cancel(entry, "the session ended", now);
    }
    table_->tell();
}

void Challenges::tick(TimePoint now)
{
    {
        const std::lock_guard lock{table_->mutex};
        now = table_->not_before(now);
        for (auto& [id, entry] : table_->entries) {
            const auto action = entry.machine.on(ClockTicked{}, now);
            if (const auto* settle = std::get_if<Settle>(&action))
                table_->changed(entry, *settle, now);
            table_->escalate_if_due(entry, now);
        }
        table_->note_ended(table_->elevations.forget_used_up(), "all its executions are used", {}, now);
        table_->note_ended(table_->elevations.forget_expired(now), "its time is over", {}, now);
        table_->forget_closed(now);
    }
    table_->tell();
}

} // namespace stepgate::challenge_web::challenges
