#include "proxy/session/guarded_session.h"

namespace stepgate::proxy::session
{

using policies::rules::Action;

/// What stands at the front of `in_` needs a person, or is refused. Nothing of it reaches the server before that is
/// decided. False: the session is over.
net::Task<bool> GuardedSession::hold()
{
    const auto read_at = worker_.now;
    watching_ = true;
    if (client_.buffered())
        on_client_readable(); // whole records that TLS keeps do not make the socket readable
    watch_client();
    const bool alive = co_await hold_watched(read_at);
    watching_ = false;
    gate_ = nullptr;
    holding_ = cancelled_ = false;
    co_return alive && !client_closed_;
}

/// The client is watched: what waits is judged, answered if it is a slip of the pen, recorded, refused or asked about.
net::Task<bool> GuardedSession::hold_watched(SteadyTime read_at)
{
    for (;;) {
        co_await collect();
        if (stopping_ || client_closed_ || server_ended_)
            co_return false;
        const auto verdict = judge_held();
        if (verdict.action < Action::challenge)
            co_return true; // the state or the policy has changed since: the relay sees the same
        if (verdict.action == Action::challenge) {
            bool answered = false;
            const bool goes_on = co_await answer_if_misspelt(answered);
            if (answered || !goes_on)
                co_return goes_on;
        }
        std::function<bool()> write = [this, &verdict] { return audit_held(to_string(verdict.action)); };
        const bool written = co_await wait_to_write(std::move(write));
        if (!written) {
            co_return co_await refuse_unaudited();
        }
        if (verdict.action == Action::deny) {
            worker_.metrics.statements_denied.add();
            auto words = refusal(verdict);
            co_return co_await refuse(std::move(words));
        }
        worker_.metrics.statements_challenged.add();
        auto waits = co_await batch();
        if (!waits)
            co_return false;
        const auto held = co_await challenge(std::move(*waits), read_at);
        if (held != Held::again)
            co_return held == Held::go_on;
    }
}

Words GuardedSession::refusal(const policies::rules::Verdict& verdict) const
{
    return refused_by_policy(verdict);
}

} // namespace stepgate::proxy::session
