#include "protocols/postgres/reply.h"
#include "proxy/session/hexadecimal.h"
#include "proxy/session/postgres_session.h"
#include "proxy/session/postgres_words.h"

#include <boost/asio/post.hpp>

#include <algorithm>

namespace stepgate::proxy::session
{

namespace pg = protocols::postgres;
namespace challenges = challenge_web::challenges;
using policies::rules::Action;

namespace
{

constexpr auto journal_patience = std::chrono::seconds{10};
// The challenges expire by their own clock; this one only catches a clock that stands still.
constexpr auto expiry_slack = std::chrono::seconds{3};

} // namespace

/// The message at the front of `in_` needs a person, or is refused. Nothing of it reaches the server before that is
/// decided. False: the session is over.
net::Task<bool> PostgresSession::hold()
{
    const auto read_at = worker_.now;
    watching_ = true;
    if (client_.buffered())
        on_client_readable(); // whole records that TLS keeps do not make the socket readable
    watch_client();
    const bool alive = co_await hold_watched(read_at);
    watching_ = false;
    gate_ = nullptr;
    holding_ = false;
    co_return alive && !client_closed_;
}

net::Task<bool> PostgresSession::hold_watched(SteadyTime read_at)
{
    // First let the client have all earlier answers: its screen, and the state they leave, come before the question.
    const bool alive = co_await quiet();
    if (!alive)
        co_return false;
    if (tracker_.skipping())
        co_return true; // an earlier message failed: this one is discarded
    for (;;) {
        co_await collect();
        if (stopping_ || client_closed_ || server_ended_)
            co_return false;
        auto plan = make_plan();
        if (plan.verdict.action < Action::challenge)
            co_return true; // the state or the policy has changed since: the relay sees the same
        while (!audit_plan(plan, to_string(plan.verdict.action))) {
            const bool works = co_await wait_for_room();
            if (!works) {
                co_return co_await refuse_unaudited();
            }
        }
        if (plan.verdict.action == Action::deny) {
            worker_.metrics.statements_denied.add();
            const bool by_number = plan.verdict.rules == std::vector<std::string>{"default.function_call"};
            auto words = by_number ? function_call_refused() : refused_by_policy(plan.verdict);
            co_return co_await refuse(std::move(words));
        }
        worker_.metrics.statements_challenged.add();
        const auto held = co_await challenge(plan, read_at);
        if (held != Held::again)
            co_return held == Held::go_on;
    }
}

/// Shorter where the server keeps locks of what ran before. A Parse that went on only keeps others from changing the
/// tables' definitions: that is no reason to hurry a person.
std::chrono::seconds PostgresSession::time_to_answer() const
{
    const auto& hold = worker_.shared.options.hold;
    return tracker_.transaction() == pg::Transaction::idle && !group_executed_ ? hold.timeout : hold.in_transaction;
}

net::Task<PostgresSession::Held> PostgresSession::challenge(Plan& plan, SteadyTime read_at)
{
    auto& all = *worker_.shared.services.challenges;
    auto asked = question(plan);
    if (const auto covering = all.elevated(asked, worker_.wall())) {
        worker_.metrics.elevated.add();
        co_return co_await release_elevated(plan, *covering);
    }
    holding_ = true;
    Gate gate{worker_.shared.options.hold, time_to_answer() + expiry_slack, worker_.now};
    gate_ = &gate;
    const auto opened = open_challenge(std::move(asked));
    if (!opened) {
        gate_ = nullptr;
        const bool alive = co_await refuse(not_opened(opened.error().message()));
        co_return alive ? Held::go_on : Held::ended;
    }
    worker_.metrics.holds.add();
    tell_held(plan, *opened, read_at);
    ask_impact(plan, *opened);
    const auto end = co_await wait_for_answer(gate, *opened, signal_);
    Held outcome = Held::ended;
    if (end == Gate::End::approved) {
        outcome = co_await release_approved(plan, gate, *opened);
    } else {
        outcome = co_await end_unreleased(end, plan, gate, *opened);
    }
    gate_ = nullptr;
    worker_.metrics.holds.subtract();
    co_return outcome;
}

boost::system::result<challenges::Opened> PostgresSession::open_challenge(challenges::Question asked)
{
    const auto hold_number = ++holds_;
    const auto weak = weak_from_this();
    const auto worker = worker_.shared_from_this();
    return worker_.shared.services.challenges->open(
        std::move(asked), time_to_answer(), worker_.wall(),
        [weak, worker, hold_number](challenges::State state, const std::string& reason) {
            boost::asio::post(worker->io, [weak, hold_number, state, reason] {
                if (const auto self = weak.lock())
                    static_cast<PostgresSession&>(*self).on_settled(hold_number, state, reason);
            });
        });
}

std::string PostgresSession::url_of(const challenges::Opened& opened) const
{
    return worker_.shared.services.public_url + "/c/" + opened.id;
}

void PostgresSession::tell_held(const Plan& plan, const challenges::Opened& opened, SteadyTime read_at)
{
    wire::Bytes notice;
    encode_notice(notice,
                  held(plan.verdict, url_of(opened), opened.code, tracker_.transaction() != pg::Transaction::idle));
    inject(notice);
    worker_.look_at_clocks();
    const auto took = worker_.now - read_at;
    const double seconds = std::chrono::duration<double>(took).count();
    const auto bucket = std::ranges::lower_bound(hold_notice_bounds, seconds) - hold_notice_bounds.begin();
    worker_.metrics.hold_notice[static_cast<std::size_t>(bucket)].add();
    worker_.metrics.hold_notice_nanoseconds.add(static_cast<std::uint64_t>(took.count()));
    log(LogLevel::info, "statement held, challenge " + opened.id);
}

void PostgresSession::on_settled(std::uint64_t hold_number, challenges::State state, const std::string& reason)
{
    if (gate_ == nullptr || hold_number != holds_)
        return;
    gate_->settled(state, reason);
    wake();
}

net::Task<Gate::End> PostgresSession::wait_for_answer(Gate& gate, const challenges::Opened& opened, Signal& signal)
{
    wire::Bytes notice;
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
            notice.clear();
            encode_notice(notice, still_held(url_of(opened), opened.code));
            inject(notice);
            break;
        }
        co_await signal.wait_until(gate.next_wake());
    }
}

/// A parameter with the value that it has: clients do not show it, but their read timeouts start again.
void PostgresSession::keep_alive()
{
    const auto encoding = tracker_.parameters().find("client_encoding");
    if (encoding.empty())
        return;
    wire::Bytes status;
    pg::encode_parameter_status(status, {"client_encoding", encoding});
    inject(status);
}

void PostgresSession::watch_client()
{
    if (watch_armed_ || !client_.open())
        return;
    watch_armed_ = true;
    const auto self = std::static_pointer_cast<PostgresSession>(shared_from_this());
    client_.socket().when_readable([self](const boost::system::error_code& failed) {
        self->watch_armed_ = false;
        if (!failed && self->watching_)
            self->on_client_readable();
    });
}

/// Keeps new bytes for later and finds out whether the client is still there.
void PostgresSession::on_client_readable()
{
    const auto limit = worker_.shared.options.limits.message + held_;
    for (bool more = true; more && in_.size() < limit;) {
        const auto room = in_.room();
        const auto [status, bytes] = client_.try_read(room);
        if (status == net::Io::would_block)
            break;
        if (status != net::Io::done) {
            client_closed_ = true;
            if (gate_ != nullptr)
                gate_->client_closed();
            wake();
            return;
        }
        in_.commit(bytes);
        worker_.look_at_clocks();
        last_client_ = worker_.now;
        worker_.metrics.bytes_from_clients.add(bytes);
        if (gate_ != nullptr)
            gate_->client_sent(worker_.now);
        more = bytes == room.size() || client_.buffered();
    }
    wake();
    if (in_.size() < limit) // else it waits in the socket, as behind any slow statement
        watch_client();
}

/// The audit's promise: on disk before anything is released.
net::Task<bool> PostgresSession::make_durable(audit::Record what, Signal& signal)
{
    durable_.reset();
    const auto weak = weak_from_this();
    const auto worker = worker_.shared_from_this();
    const auto hold_number = holds_;
    std::function<void(boost::system::error_code)> on_durable = [weak, worker,
                                                                 hold_number](boost::system::error_code failed) {
        boost::asio::post(worker->io, [weak, hold_number, failed] {
            if (const auto self = weak.lock())
                static_cast<PostgresSession&>(*self).on_durable(hold_number, failed);
        });
    };
    if (!worker_.shared.services.audit->submit(std::move(what), std::move(on_durable)))
        co_return false;
    worker_.look_at_clocks();
    const auto latest = worker_.now + journal_patience;
    while (!durable_ && worker_.now < latest) {
        co_await signal.wait_until(latest);
        worker_.look_at_clocks();
    }
    co_return durable_ && !*durable_;
}

void PostgresSession::on_durable(std::uint64_t hold_number, boost::system::error_code failed)
{
    if (hold_number != holds_)
        return;
    durable_ = failed;
    wake();
}

audit::Record PostgresSession::release_record(const Plan& plan) const
{
    auto release = record(audit::Type::release);
    release.fields.emplace_back("policy_revision", worker_.judge.policy().revision());
    std::vector<std::string> statements;
    for (const auto& execution : plan.executions)
        statements.push_back(std::to_string(execution.number));
    release.fields.emplace_back("number", static_cast<std::int64_t>(number_));
    release.fields.emplace_back("statements", std::move(statements));
    return release;
}

net::Task<PostgresSession::Held> PostgresSession::release_elevated(Plan& plan, challenges::ChallengeId covering)
{
    ++holds_;
    holding_ = true;
    auto elevated = release_record(plan);
    elevated.fields.emplace_back("elevation", std::move(covering));
    const bool durable = co_await make_durable(std::move(elevated), signal_);
    if (!durable) {
        const bool told = co_await refuse_unaudited();
        co_return ended_unless(told);
    }
    if (client_closed_ || stopping_ || server_ended_ || client_.peer_closed())
        co_return Held::ended;
    const bool alive = co_await release(plan);
    co_return ended_unless(alive);
}

net::Task<PostgresSession::Held> PostgresSession::release_approved(Plan& plan, Gate& gate,
                                                                   const challenges::Opened& opened)
{
    auto& all = *worker_.shared.services.challenges;
    // Policy and state may have changed since the question was put: what was shown must be enough for what is asked
    // now.
    if (const auto now = make_plan(); !covers(plan.verdict, now.verdict)) {
        all.cancel(opened.id, "the policy has changed", worker_.wall());
        worker_.metrics.holds_cancelled.add();
        co_return Held::again;
    }
    on_client_readable();
    if (client_.peer_closed())
        gate.client_closed();
    if (const auto end = gate.end(worker_.now); end != Gate::End::approved) {
        co_return co_await end_unreleased(*end, plan, gate, opened);
    }
    const auto approval = all.consume(opened.id, opened.digest, worker_.wall());
    if (!approval) {
        using challenges::errc;
        const auto why = approval.error();
        gate.settled(why == errc::denied    ? challenges::State::denied
                     : why == errc::expired ? challenges::State::expired
                                            : challenges::State::cancelled,
                     why.message());
        co_return co_await end_unreleased(*gate.end(worker_.now), plan, gate, opened);
    }
    auto release_it = release_record(plan);
    release_it.fields.emplace_back("challenge", approval->challenge());
    release_it.fields.emplace_back("digest", hexadecimal(approval->digest()));
    const bool durable = co_await make_durable(std::move(release_it), signal_);
    if (!durable) {
        const bool told = co_await refuse_unaudited();
        co_return ended_unless(told);
    }
    if (client_.peer_closed())
        gate.client_closed();
    if (const auto end = gate.end(worker_.now); end != Gate::End::approved) {
        co_return co_await end_unreleased(*end, plan, gate, opened);
    }
    worker_.metrics.holds_released.add();
    wire::Bytes notice;
    encode_notice(notice, approved());
    inject(notice);
    const bool alive = co_await release(plan);
    co_return ended_unless(alive);
}

/// Exactly the bytes that were judged, shown and approved.
net::Task<bool> PostgresSession::release(const Plan& plan)
{
    const pg::MessageFramer framer{pg::Side::frontend, worker_.shared.options.limits.message};
    for (const auto& planned : plan.frames) {
        const auto framed = framer.next(in_.data().subspan(ready_));
        const auto* frame = std::get_if<pg::Frame>(&framed);
        if (frame == nullptr || frame->bytes.size() != planned.bytes || inspect(*frame, &planned) != Step::forward)
            break; // it is inspected again as if it had just come
        ready_ += planned.bytes;
    }
    holding_ = false;
    co_return co_await send_ready();
}

net::Task<PostgresSession::Held> PostgresSession::end_unreleased(Gate::End end, const Plan& plan, Gate& gate,
                                                                 const challenges::Opened& opened)
{
    if (!note_end(end, opened))
        co_return Held::ended;
    const bool alive = co_await refuse(not_released(end, plan.verdict, gate.reason(), time_to_answer()));
    co_return alive ? Held::go_on : Held::ended;
}

/// Counts how the hold ended and closes its challenge. False: the session is over.
bool PostgresSession::note_end(Gate::End end, const challenges::Opened& opened)
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
    case Gate::End::shutdown:
        metrics.holds_cancelled.add();
        all.cancel(opened.id, "stepgate is shutting down", worker_.wall());
        return false;
    }
    return false;
}

} // namespace stepgate::proxy::session
