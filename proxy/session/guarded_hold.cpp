#include "proxy/session/guarded_session.h"
#include "proxy/session/hexadecimal.h"
#include "proxy/session/redaction.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <set>

namespace stepgate::proxy::session
{

namespace challenges = challenge_web::challenges;

namespace
{

constexpr auto journal_patience = std::chrono::seconds{10};
// The challenges expire by their own clock; this one only catches a clock that stands still.
constexpr auto expiry_slack = std::chrono::seconds{3};

} // namespace

/// Shorter where the server keeps locks of what ran before.
std::chrono::seconds GuardedSession::time_to_answer() const
{
    const auto& hold = worker_.shared.options.hold;
    return keeps_locks() ? hold.in_transaction : hold.timeout;
}

ChallengeSign GuardedSession::sign_of(const challenges::Opened& opened) const
{
    const auto& services = worker_.shared.services;
    return {services.public_url + "/c/" + opened.id, opened.code, time_to_answer(),
            services.number_of ? services.number_of(opened.digest) : std::string{}};
}

challenges::Question GuardedSession::question(const HeldBatch& batch) const
{
    challenges::Question question;
    question.user = asker_.user;
    question.session = id_;
    question.listener = asker_.listener;
    question.database = asker_.database;
    question.role = asker_.role;
    question.client_address = asker_.client_address;
    question.application_name = asker_.application_name;
    question.dialect = dialect();
    question.verdict = batch.verdict;
    question.policy_revision = worker_.judge.policy().revision();
    question.in_transaction = in_transaction();
    for (const auto& execution : batch.executions) {
        const auto& facts = *execution.facts;
        auto& asked = question.statements.emplace_back(
            challenges::HeldStatement{std::string{execution.sql}, *execution.parameters, *execution.premises});
        for (const auto& text : facts.facts->runs) // the session may have another one when it is run again
            asked.premises.push_back({"runs", text});
        question.sensitive = question.sensitive || worker_.judge.sensitive(facts, execution.sql);
        for (const auto& reason : facts.facts->opaque_reasons)
            question.opaque_reasons.push_back(reason);
        std::set<std::string_view> own; // without them the text means other tables
        for (const auto& statement : facts.facts->statements)
            for (const auto* accesses : {&statement.reads, &statement.writes})
                for (const auto& access : *accesses) {
                    question.tables.push_back(describe(access));
                    if (is_temporary(access.table))
                        own.insert(access.table);
                }
        for (const auto table : own)
            asked.premises.push_back({std::string{table}, "may be a temporary table of the session"});
    }
    const auto& key = worker_.shared.services.audit->redaction_key();
    question.recorded = recorded_texts(question, key);
    std::ranges::sort(question.tables);
    const auto [first, last] = std::ranges::unique(question.tables);
    question.tables.erase(first, last);
    return question;
}

/// From the question to the release, or to an error. The batch is in the audit already.
net::Task<GuardedSession::Held> GuardedSession::challenge(HeldBatch batch, SteadyTime read_at)
{
    if (cancelled_) { // before there was a question
        worker_.metrics.holds_cancelled.add();
        const bool alive = co_await refuse(unreleased(Gate::End::client_cancels, batch.verdict, {}));
        co_return ended_unless(alive);
    }
    auto asked = question(batch);
    if (const auto covering = use_elevation(batch, asked)) {
        worker_.metrics.elevated.add();
        co_return co_await release_elevated(batch, *covering);
    }
    holding_ = true;
    if (runs_it_again()) {
        co_return co_await challenge_shortly(batch, std::move(asked), read_at);
    }
    Gate gate{worker_.shared.options.hold, time_to_answer() + expiry_slack, worker_.now};
    gate_ = &gate;
    const auto opened = open_challenge(std::move(asked));
    if (!opened) {
        gate_ = nullptr;
        const bool alive = co_await refuse(not_opened(opened.error().message()));
        co_return ended_unless(alive);
    }
    worker_.metrics.holds.add();
    announce(batch, *opened, read_at);
    ask_impact(batch, *opened);
    const auto end = co_await wait_for_answer(gate, *opened, signal_);
    Held outcome = Held::ended;
    if (end == Gate::End::approved) {
        outcome = co_await release_approved(batch, gate, *opened);
    } else {
        outcome = co_await end_unreleased(end, batch, gate, *opened);
    }
    gate_ = nullptr;
    worker_.metrics.holds.subtract();
    co_return outcome;
}

/// The question may be answered now, later when the statement is run again, or was answered after an earlier run.
net::Task<GuardedSession::Held> GuardedSession::challenge_shortly(const HeldBatch& batch, challenges::Question asked,
                                                                  SteadyTime read_at)
{
    const auto& options = worker_.shared.options.hold;
    auto& retries = worker_.shared.retries;
    auto retry = retries.find(asked, worker_.wall());
    const bool known = retry != nullptr;
    if (!known) {
        auto opened =
            retries.open(*worker_.shared.services.challenges, std::move(asked), options.timeout, worker_.wall());
        if (!opened) {
            const bool alive = co_await refuse(not_opened(opened.error().message()));
            co_return ended_unless(alive);
        }
        retry = std::move(*opened);
    }
    Gate gate{options, std::min(options.silent, time_to_answer()), worker_.now};
    gate_ = &gate;
    retry->wait(hear(++holds_));
    worker_.metrics.holds.add();
    const auto& opened = retry->opened();
    if (!known) {
        announce(batch, opened, read_at);
        ask_impact(batch, opened);
    }
    const auto end = co_await wait_for_answer(gate, opened, signal_);
    Held outcome = Held::ended;
    if (end == Gate::End::approved) {
        outcome = co_await release_approved(batch, gate, opened);
        retries.forget(retry);
    } else if (end == Gate::End::expired) {
        worker_.metrics.holds_expired.add();
        const bool alive = co_await refuse(run_it_again(batch.verdict, opened.id, sign_of(opened)));
        outcome = ended_unless(alive);
    } else {
        outcome = co_await end_unreleased(end, batch, gate, opened);
        retries.forget(retry);
    }
    gate_ = nullptr;
    worker_.metrics.holds.subtract();
    co_return outcome;
}

/// News of a challenge, to this session's thread.
challenges::Challenges::OnSettled GuardedSession::hear(std::uint64_t hold_number)
{
    const auto weak = weak_from_this();
    const auto worker = worker_.shared_from_this();
    return [weak, worker, hold_number](challenges::State state, const std::string& reason) {
        boost::asio::post(worker->io, [weak, hold_number, state, reason] {
            if (const auto self = weak.lock())
                static_cast<GuardedSession&>(*self).on_settled(hold_number, state, reason);
        });
    };
}

boost::system::result<challenges::Opened> GuardedSession::open_challenge(challenges::Question asked)
{
    auto tell = hear(++holds_);
    return worker_.shared.services.challenges->open(std::move(asked), time_to_answer(), worker_.wall(),
                                                    std::move(tell));
}

void GuardedSession::announce(const HeldBatch& batch, const challenges::Opened& opened, SteadyTime read_at)
{
    tell_held(batch.verdict, sign_of(opened));
    worker_.look_at_clocks();
    const auto took = worker_.now - read_at;
    const double seconds = std::chrono::duration<double>(took).count();
    const auto bucket = std::ranges::lower_bound(hold_notice_bounds, seconds) - hold_notice_bounds.begin();
    worker_.metrics.hold_notice[static_cast<std::size_t>(bucket)].add();
    worker_.metrics.hold_notice_nanoseconds.add(static_cast<std::uint64_t>(took.count()));
    log(LogLevel::info, "statement held, challenge " + opened.id);
}

void GuardedSession::on_settled(std::uint64_t hold_number, challenges::State state, const std::string& reason)
{
    if (gate_ == nullptr || hold_number != holds_)
        return;
    gate_->settled(state, reason);
    wake();
}

net::Task<Gate::End> GuardedSession::wait_for_answer(Gate& gate, const challenges::Opened& opened, Signal& signal)
{
    for (;;) {
        worker_.look_at_clocks();
        if (const auto end = gate.end(worker_.now))
            co_return *end;
        switch (gate.due(worker_.now)) {
        case Gate::Due::nothing:
            break;
        case Gate::Due::keep_alive:
            keep_alive();
            break;
        case Gate::Due::reminder:
            remind(sign_of(opened));
            break;
        }
        co_await signal.wait_until(gate.next_wake());
    }
}

/// To the journal, which tells when it is on disk.
void GuardedSession::submit_release(audit::Record release)
{
    durable_.reset();
    const auto weak = weak_from_this();
    const auto worker = worker_.shared_from_this();
    const auto hold_number = holds_;
    std::function<void(boost::system::error_code)> on_durable = [weak, worker,
                                                                 hold_number](boost::system::error_code failed) {
        boost::asio::post(worker->io, [weak, hold_number, failed] {
            if (const auto self = weak.lock())
                static_cast<GuardedSession&>(*self).on_durable(hold_number, failed);
        });
    };
    if (!worker_.shared.services.audit->submit(std::move(release), std::move(on_durable)))
        durable_ = make_error_code(boost::system::errc::no_buffer_space);
}

/// The audit's promise: on disk before anything is released. `challenge`: whose proof it stands on. An elevation of it
/// ends with a release that the journal may not have: it would not find the next one in its place there.
net::Task<bool> GuardedSession::await_release(std::string challenge, Signal& signal)
{
    worker_.look_at_clocks();
    const auto latest = worker_.now + journal_patience;
    while (!durable_ && worker_.now < latest) {
        co_await signal.wait_until(latest);
        worker_.look_at_clocks();
    }
    const bool durable = durable_ && !*durable_;
    if (!durable)
        (void)worker_.shared.services.challenges->end_elevation(challenge, {}, worker_.wall());
    co_return durable;
}

void GuardedSession::on_durable(std::uint64_t hold_number, boost::system::error_code failed)
{
    if (hold_number != holds_)
        return;
    durable_ = failed;
    wake();
}

audit::Record GuardedSession::release_record(const HeldBatch& batch) const
{
    auto release = record(audit::Type::release);
    release.fields.emplace_back("policy_revision", worker_.judge.policy().revision());
    std::vector<std::string> statements;
    for (const auto& execution : batch.executions)
        statements.push_back(std::to_string(execution.number));
    release.fields.emplace_back("number", static_cast<std::int64_t>(number_));
    release.fields.emplace_back("statements", std::move(statements));
    return release;
}

/// Dated as the limits of a challenge and of its elevation are: the session's clock may have been set meanwhile.
void GuardedSession::name_approval(audit::Record& release, const challenges::Approval& approval)
{
    release.at = approval.at();
    release.fields.emplace_back("challenge", approval.challenge());
    release.fields.emplace_back("digest", hexadecimal(approval.digest()));
}

/// The challenge whose proof reaches this far, if there is one. The release is on its way to the journal then, in front
/// of whatever ends the elevation; where executions count it says which one this is.
std::optional<challenges::ChallengeId> GuardedSession::use_elevation(const HeldBatch& batch,
                                                                     const challenges::Question& asked)
{
    auto release = release_record(batch);
    ++holds_;
    const auto use = worker_.shared.services.challenges->use_elevation(
        asked, worker_.wall(), [this, &release](const challenges::ElevatedUse& covering) {
            release.at = covering.at;
            release.fields.emplace_back("elevation", covering.challenge);
            if (covering.ordinal > 0)
                release.fields.emplace_back("ordinal", std::int64_t{covering.ordinal});
            submit_release(std::move(release));
        });
    return use ? std::optional{use->challenge} : std::nullopt;
}

net::Task<bool> GuardedSession::refuse_unaudited()
{
    worker_.metrics.statements_refused_audit.add();
    co_return co_await refuse(audit_unavailable());
}

net::Task<GuardedSession::Held> GuardedSession::release_elevated(const HeldBatch& batch,
                                                                 challenges::ChallengeId covering)
{
    holding_ = true;
    const bool durable = co_await await_release(std::move(covering), signal_);
    if (!durable) {
        const bool told = co_await refuse_unaudited();
        co_return ended_unless(told);
    }
    const auto changed = co_await what_has_changed(batch);
    if (!changed.empty())
        co_return Held::again;
    if (client_closed_ || stopping_ || server_ended_ || client_.peer_closed())
        co_return Held::ended;
    const bool alive = co_await release();
    co_return ended_unless(alive);
}

/// Since the question was put. What was shown must be what runs now, and the proof enough for it: others may have
/// given its names another meaning, and the policy may ask for more. Empty: nothing.
net::Task<std::string> GuardedSession::what_has_changed(const HeldBatch& batch)
{
    auto now = judge_again();
    if (now.unsure) {
        const bool alive = co_await await_catalog();
        if (alive)
            now = judge_again();
    }
    if (!covers(batch.verdict, now.verdict))
        co_return "the policy has changed";
    const auto means_the_same = [](const HeldExecution& asked, const auto& facts) {
        return *asked.facts->facts == *facts->facts;
    };
    co_return std::ranges::equal(batch.executions, now.facts, means_the_same) ? "" : "what it would do has changed";
}

net::Task<GuardedSession::Held> GuardedSession::release_approved(const HeldBatch& batch, Gate& gate,
                                                                 const challenges::Opened& opened)
{
    auto& all = *worker_.shared.services.challenges;
    const auto changed = co_await what_has_changed(batch);
    if (!changed.empty()) {
        all.cancel(opened.id, changed, worker_.wall());
        worker_.metrics.holds_cancelled.add();
        co_return Held::again;
    }
    on_client_readable();
    if (client_.peer_closed())
        gate.client_closed();
    if (const auto end = gate.end(worker_.now); end != Gate::End::approved) {
        co_return co_await end_unreleased(*end, batch, gate, opened);
    }
    const auto approval = all.consume(opened.id, opened.digest, worker_.wall());
    if (!approval) {
        using challenges::errc;
        const auto why = approval.error();
        const auto closed = all.find(opened.id);
        const bool known = closed && !closed->close_reason.empty();
        const bool taken = closed && closed->state == challenges::State::consumed;
        gate.settled(why == errc::denied    ? challenges::State::denied
                     : why == errc::expired ? challenges::State::expired
                                            : challenges::State::cancelled,
                     taken   ? "its approval let another run of it pass"
                     : known ? closed->close_reason
                             : why.message());
        co_return co_await end_unreleased(*gate.end(worker_.now), batch, gate, opened);
    }
    auto release_it = release_record(batch);
    name_approval(release_it, *approval);
    submit_release(std::move(release_it));
    const bool durable = co_await await_release(opened.id, signal_);
    if (!durable) {
        const bool told = co_await refuse_unaudited();
        co_return ended_unless(told);
    }
    const auto since = co_await what_has_changed(batch);
    if (client_.peer_closed())
        gate.client_closed();
    if (const auto end = gate.end(worker_.now); end != Gate::End::approved) {
        co_return co_await end_unreleased(*end, batch, gate, opened);
    }
    if (!since.empty()) { // the audit has a release, as it has of a client that left while it was written
        worker_.metrics.holds_cancelled.add();
        co_return Held::again;
    }
    worker_.metrics.holds_released.add();
    tell_approved();
    const bool alive = co_await release();
    co_return ended_unless(alive);
}

net::Task<GuardedSession::Held> GuardedSession::end_unreleased(Gate::End end, const HeldBatch& batch, Gate& gate,
                                                               const challenges::Opened& opened)
{
    if (!note_end(end, opened))
        co_return Held::ended;
    const bool alive = co_await refuse(unreleased(end, batch.verdict, gate.reason()));
    co_return ended_unless(alive);
}

Words GuardedSession::unreleased(Gate::End end, const policies::rules::Verdict& verdict, std::string_view reason) const
{
    return not_released(end, verdict, reason, time_to_answer(), worker_.shared.services.public_url + "/inbox");
}

/// Counts how the hold ended and closes its challenge. False: the session is over.
bool GuardedSession::note_end(Gate::End end, const challenges::Opened& opened)
{
    auto& all = *worker_.shared.services.challenges;
    auto& metrics = worker_.metrics;
    switch (end) {
    case Gate::End::approved:
    case Gate::End::withdrawn:
        metrics.holds_cancelled.add();
        return true;
    case Gate::End::denied:
        metrics.holds_denied.add();
        return true;
    case Gate::End::expired:
        metrics.holds_expired.add();
        all.cancel(opened.id, "nobody answered in time", worker_.wall());
        return true;
    case Gate::End::client_cancels:
        metrics.holds_cancelled.add();
        all.cancel(opened.id, "cancelled by the client", worker_.wall());
        return true;
    case Gate::End::client_gave_up:
        metrics.holds_cancelled.add();
        all.cancel(opened.id, "the client sent something newer", worker_.wall());
        return true;
    case Gate::End::client_gone:
        metrics.holds_cancelled.add();
        all.cancel(opened.id, "the client disconnected", worker_.wall());
        return false;
    case Gate::End::server_gone:
        metrics.holds_cancelled.add();
        all.cancel(opened.id, "the server ended the session", worker_.wall());
        return false;
    case Gate::End::session_ended:
        metrics.holds_cancelled.add();
        all.cancel(opened.id, "the session was ended on a page", worker_.wall());
        return false;
    case Gate::End::shutdown:
        metrics.holds_cancelled.add();
        all.cancel(opened.id, "stepgate is shutting down", worker_.wall());
        return false;
    }
    return false;
}

} // namespace stepgate::proxy::session
