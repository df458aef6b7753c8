#include "proxy/session/gate.h"

#include "policies/rules/join.h"

#include <algorithm>

namespace stepgate::proxy::session
{

using challenge_web::challenges::State;
using policies::rules::Action;
using policies::rules::Verdict;

Gate::Gate(const HoldOptions& options, std::chrono::milliseconds time_to_answer, SteadyTime now)
    : options_{options}, opened_{now}, expires_{now + time_to_answer}, next_keep_alive_{now + options.keep_alive},
      next_reminder_{now + options.reminder}
{
}

void Gate::end_with(End end)
{
    if (!end_ || *end_ == End::approved)
        end_ = end;
}

void Gate::settled(State state, std::string reason)
{
    switch (state) {
    case State::pending:
        return;
    case State::approved:
        if (!end_)
            end_ = End::approved;
        break;
    case State::denied:
        end_with(End::denied);
        break;
    case State::expired:
        end_with(End::expired);
        break;
    case State::consumed: // by someone else: impossible, and no reason to release
    case State::cancelled:
        end_with(End::withdrawn);
        break;
    }
    reason_ = std::move(reason);
}

void Gate::client_sent(SteadyTime now)
{
    if (now - opened_ > options_.pipelining)
        end_with(End::client_gave_up);
}

std::optional<Gate::End> Gate::end(SteadyTime now)
{
    if (!end_ && now >= expires_)
        end_ = End::expired;
    return end_;
}

Gate::Due Gate::due(SteadyTime now)
{
    if (now >= next_reminder_) {
        next_reminder_ = now + options_.reminder;
        next_keep_alive_ = now + options_.keep_alive;
        return Due::reminder;
    }
    if (now >= next_keep_alive_) {
        next_keep_alive_ = now + options_.keep_alive;
        return Due::keep_alive;
    }
    return Due::nothing;
}

SteadyTime Gate::next_wake() const
{
    return std::min({expires_, next_keep_alive_, next_reminder_});
}

Verdict join(Verdict a, const Verdict& b)
{
    const policies::rules::Outcome outcome{b.action, b.requirement, b.elevation};
    for (std::size_t i = 0; i < b.rules.size(); ++i) {
        const bool known = b.action == a.action && std::ranges::find(a.rules, b.rules[i]) != a.rules.end();
        policies::rules::join(a, outcome, b.rules[i], i < b.because.size() ? b.because[i] : std::string{});
        if (known && a.rules.back() == b.rules[i]) { // its requirement was joined, its name is there already
            a.rules.pop_back();
            a.because.pop_back();
        }
    }
    a.labels.insert(a.labels.end(), b.labels.begin(), b.labels.end());
    std::ranges::sort(a.labels);
    a.labels.erase(std::unique(a.labels.begin(), a.labels.end()), a.labels.end());
    return a;
}

bool covers(const Verdict& given, const Verdict& needed)
{
    if (needed.action != Action::challenge)
        return needed.action < Action::challenge;
    const auto& had = given.requirement;
    const auto& wants = needed.requirement;
    return wants.level <= had.level && wants.approvals <= had.approvals &&
           (wants.factors.empty() || wants.factors == had.factors) &&
           (!wants.approvers || wants.approvers == had.approvers) &&
           (wants.approvals == 0 || !had.escalate || wants.escalate == had.escalate);
}

} // namespace stepgate::proxy::session
