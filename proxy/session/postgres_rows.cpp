#include "protocols/postgres/query.h"
#include "proxy/session/origins.h"
#include "proxy/session/postgres_session.h"

#include <algorithm>

namespace stepgate::proxy::session
{

namespace pg = protocols::postgres;
namespace challenges = challenge_web::challenges;
using policies::rules::Action;

namespace
{

Words about_rows(Words words)
{
    words.hint = "Its rows were not passed on. Statements before it in the same message may have taken effect.";
    return words;
}

} // namespace

/// The execution whose rows come next would return labelled columns that its text did not show. It runs on the server's
/// side of the session: the server is not read meanwhile, so nothing piles up. False: the session is over.
net::Task<bool> PostgresSession::hold_rows()
{
    const auto tag = tracker_.answering_tag();
    rows_ = Rows::held;
    auto plan = plan_rows(tag);
    if (plan.verdict.action < Action::challenge) {
        if (plan.verdict.action == Action::notify)
            notify(plan.verdict);
        pass_rows(tag);
        co_return true;
    }
    if (plan.verdict.action == Action::deny) {
        worker_.metrics.statements_denied.add();
        auto words = about_rows(refused_by_policy(plan.verdict));
        co_return co_await end_rows(tag, std::move(words));
    }
    worker_.metrics.statements_challenged.add();
    const bool alive = co_await challenge_rows(plan, tag);
    gate_ = nullptr;
    co_return alive;
}

/// The statement as it was judged, and the reads that the server's description adds.
Plan PostgresSession::plan_rows(pg::Tag tag)
{
    const auto& flight = *flight_of(tag);
    const auto& facts = *flight.asked->facts;
    const auto last = facts.facts->statements.empty() ? 0 : facts.facts->statements.size() - 1;
    PlannedExecution execution;
    execution.statement = new PreparedStatement;
    execution.statement->sql = flight.asked->sql;
    execution.statement->facts =
        with_reads(worker_.judge, facts, std::min(flight.done, last), flight.origins, asker_.database);
    execution.statement->generation = state_.generation();
    execution.statement->policy = &worker_.judge.policy();
    execution.verdict = verdict_on(*execution.statement->facts, execution.statement->sql);
    execution.tag = tag;
    execution.number = flight.statement;
    Plan plan;
    plan.verdict = execution.verdict;
    plan.executions.push_back(std::move(execution));
    return plan;
}

net::Task<bool> PostgresSession::challenge_rows(Plan& plan, pg::Tag tag)
{
    const auto batch = batch_of(plan);
    auto asked = question(batch);
    asked.opaque_reasons.push_back("the server says that its result comes from " + describe(flight_of(tag)->origins));
    if (const auto covering = use_elevation(batch, asked)) {
        worker_.metrics.elevated.add();
        const bool durable = co_await await_release(*covering, rows_signal_);
        if (!durable) {
            co_return co_await refuse_rows_unaudited(tag);
        }
        pass_rows(tag);
        co_return !stopping_;
    }
    Gate gate{worker_.shared.options.hold, time_to_answer() + std::chrono::seconds{3}, worker_.now};
    gate_ = &gate;
    const auto opened = open_challenge(std::move(asked));
    if (!opened) {
        gate_ = nullptr;
        auto words = not_opened(opened.error().message());
        co_return co_await end_rows(tag, std::move(words));
    }
    worker_.metrics.holds.add();
    announce(batch, *opened, worker_.now);
    const auto end = co_await wait_for_answer(gate, *opened, rows_signal_);
    bool alive = true;
    if (end == Gate::End::approved) {
        alive = co_await release_rows(plan, gate, *opened, tag);
    } else if (!note_end(end, *opened)) {
        alive = false;
    } else {
        auto words = about_rows(unreleased(end, plan.verdict, gate.reason()));
        alive = co_await end_rows(tag, std::move(words));
    }
    gate_ = nullptr;
    worker_.metrics.holds.subtract();
    co_return alive;
}

net::Task<bool> PostgresSession::release_rows(Plan& plan, Gate& gate, const challenges::Opened& opened, pg::Tag tag)
{
    auto& all = *worker_.shared.services.challenges;
    const auto now = plan_rows(tag);
    const bool enough = covers(plan.verdict, now.verdict);
    if (!enough)
        all.cancel(opened.id, "the policy has changed", worker_.wall());
    const auto approval = all.consume(opened.id, opened.digest, worker_.wall());
    if (!enough || !approval) {
        worker_.metrics.holds_cancelled.add();
        const auto why = enough ? approval.error().message() : std::string{"the policy has changed"};
        auto words = about_rows(unreleased(Gate::End::withdrawn, plan.verdict, why));
        co_return co_await end_rows(tag, std::move(words));
    }
    auto release_it = release_record(batch_of(plan));
    name_approval(release_it, *approval);
    submit_release(std::move(release_it));
    const bool durable = co_await await_release(opened.id, rows_signal_);
    if (!durable) {
        co_return co_await refuse_rows_unaudited(tag);
    }
    if (const auto end = gate.end(worker_.now); end != Gate::End::approved) {
        if (!note_end(*end, opened))
            co_return false;
        auto words = about_rows(unreleased(*end, plan.verdict, gate.reason()));
        co_return co_await end_rows(tag, std::move(words));
    }
    worker_.metrics.holds_released.add();
    wire::Bytes notice;
    encode_notice(notice, approved());
    inject(notice);
    pass_rows(tag);
    co_return true;
}

net::Task<bool> PostgresSession::refuse_rows_unaudited(pg::Tag tag)
{
    worker_.metrics.statements_refused_audit.add();
    auto words = about_rows(audit_unavailable());
    co_return co_await end_rows(tag, std::move(words));
}

void PostgresSession::pass_rows(pg::Tag tag)
{
    if (auto* flight = flight_of(tag))
        unguard(*flight);
    rows_ = Rows::flow;
    signal_.raise();
}

/// Nothing that a client sent behind it can have an effect that its error does not undo.
bool PostgresSession::is_alone(pg::Tag tag) const
{
    if (sending_ || !client_scanner_.at_boundary())
        return false;
    for (auto number = tag; number < flights_.end(); ++number) // from the one behind
        if (flights_.at(number).started_ns != 0 && !flights_.at(number).reported)
            return false;
    return true;
}

/// The client gets the error at once, the server a cancel; what it still says about the execution is swallowed. Where
/// more was sent behind it already, the server may have run that as if nothing had failed: then the session ends.
net::Task<bool> PostgresSession::end_rows(pg::Tag tag, Words words)
{
    auto& flight = *flight_of(tag);
    unguard(flight);
    report(flight, words.sqlstate);
    if (!is_alone(tag)) {
        rows_ = Rows::flow;
        say_goodbye(words.sqlstate, words.message + "; more was sent behind it, so the session ends");
        co_return false;
    }
    refused_group_ = !flight.simple && flight.group == group_;
    rows_ = Rows::swallow;
    wire::Bytes error;
    encode_error(error, words);
    inject(error);
    signal_.raise();
    if (!greeting_.key.empty()) {
        // Waited for, so that it cannot hit what comes next.
        auto where = target();
        auto key = greeting_.key;
        co_await upstream::send_cancel(worker_.io.get_executor(), std::move(where), greeting_.process, std::move(key));
    }
    co_return !stopping_;
}

bool PostgresSession::passes_while_swallowing(const pg::Frame& frame)
{
    return frame.is(pg::Backend::ready_for_query) || frame.is(pg::Backend::parameter_status) ||
           frame.is(pg::Backend::notification_response);
}

/// After each message that is swallowed, or would be but for its kind. True: it is for the client.
bool PostgresSession::end_swallowing(bool at_ready)
{
    const bool open = at_ready && tracker_.transaction() == pg::Transaction::open;
    const bool unsynced = !at_ready && tracker_.quiet() && refused_group_;
    if (!at_ready && !unsynced)
        return true;
    rows_ = Rows::flow;
    signal_.raise();
    if (!open && (!unsynced || tracker_.skipping()))
        return true; // there is no transaction to fail, or it has failed
    wire::Bytes failing;
    if (open) {
        pg::encode_query(failing, failing_statement);
        tracker_.query(0, pg::Origin::proxy);
    } else {
        pg::encode_parse(failing, failing_name, failing_statement);
        tracker_.parse(failing_name, StatementPointer{}, pg::Origin::proxy);
    }
    const auto [status, written] = sending_ ? net::IoResult{net::Io::would_block, 0} : server_.try_write(failing);
    if (status != net::Io::done || written != failing.size())
        fatal_ = make_error_code(pg::errc::unexpected_reply); // it cannot be failed for real: the session ends
    return !open;
}

} // namespace stepgate::proxy::session
