#include "protocols/postgres/reply.h"
#include "proxy/session/postgres_session.h"
#include "proxy/session/postgres_words.h"

namespace stepgate::proxy::session
{

namespace pg = protocols::postgres;

net::Task<bool> PostgresSession::hold_watched(SteadyTime read_at)
{
    // First let the client have all earlier answers: its screen, and the state they leave, come before the question.
    const bool alive = co_await quiet();
    if (!alive)
        co_return false;
    if (tracker_.skipping())
        co_return true; // an earlier message failed: this one is discarded
    Plan plan;
    plan_ = &plan;
    co_return co_await GuardedSession::hold_watched(read_at);
}

policies::rules::Verdict PostgresSession::judge_held()
{
    *plan_ = make_plan();
    return plan_->verdict;
}

Words PostgresSession::refusal(const policies::rules::Verdict& verdict) const
{
    const bool by_number = verdict.rules == std::vector<std::string>{"default.function_call"};
    return by_number ? function_call_refused() : GuardedSession::refusal(verdict);
}

net::Task<std::optional<HeldBatch>> PostgresSession::batch()
{
    co_return batch_of(*plan_);
}

/// A Parse that went on only keeps others from changing the tables' definitions: that is no reason to hurry a person.
bool PostgresSession::keeps_locks() const
{
    return tracker_.transaction() != pg::Transaction::idle || group_executed_;
}

/// Clients that are told and wait have it simpler; programs that cannot wait ask for this.
bool PostgresSession::runs_it_again() const
{
    return listening_->options.announce == Announce::retry;
}

JudgedAgain PostgresSession::judge_again()
{
    auto plan = make_plan();
    JudgedAgain now;
    now.verdict = std::move(plan.verdict);
    for (const auto& execution : plan.executions) {
        now.facts.push_back(execution.statement->facts);
        now.unsure = now.unsure || execution.statement->unsure;
    }
    return now;
}

void PostgresSession::tell_held(const policies::rules::Verdict& verdict, const ChallengeSign& sign)
{
    wire::Bytes notice;
    encode_notice(notice, held(verdict, sign, in_transaction()));
    inject(notice);
}

void PostgresSession::remind(const ChallengeSign& sign)
{
    wire::Bytes notice;
    encode_notice(notice, still_held(sign));
    inject(notice);
}

void PostgresSession::describe_session(upstream::ImpactRequest& request)
{
    request.settings = upstream::PostgresSettings{state_.search_path()};
    if (in_transaction())
        request.process = greeting_.process;
    if (!state_.search_path_known() && request.problem.empty())
        request.problem = "Only the server knows the session's search path.";
}

bool PostgresSession::is_temporary(std::string_view table) const
{
    const auto* made = state_.redefined_relation(table.substr(table.find('.') + 1));
    return (made != nullptr && made->temporary) || table.starts_with("pg_temp") || !state_.knows_temporary();
}

void PostgresSession::tell_approved()
{
    wire::Bytes notice;
    encode_notice(notice, approved());
    inject(notice);
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

/// Exactly the bytes that were judged, shown and approved.
net::Task<bool> PostgresSession::release()
{
    const pg::MessageFramer framer{pg::Side::frontend, worker_.shared.options.limits.message};
    for (const auto& planned : plan_->frames) {
        const auto framed = framer.next(in_.data().subspan(ready_));
        const auto* frame = std::get_if<pg::Frame>(&framed);
        if (frame == nullptr || frame->bytes.size() != planned.bytes || inspect(*frame, &planned) != Step::forward)
            break; // it is inspected again as if it had just come
        ready_ += planned.bytes;
    }
    holding_ = false;
    co_return co_await send_ready();
}

} // namespace stepgate::proxy::session
