#include "challenge-web/challenges/elevation.h"

#include "challenge-web/challenges/requirement.h"

#include <algorithm>
#include <iterator>

namespace stepgate::challenge_web::challenges
{

namespace
{

using policies::rules::ElevationScope;
using policies::rules::Requirement;

bool subset(const std::vector<std::string>& part, const std::vector<std::string>& whole)
{
    return std::all_of(part.begin(), part.end(), [&](const std::string& item) {
        return std::find(whole.begin(), whole.end(), item) != whole.end();
    });
}

// Who met `met` has met `asked` as well. Where that is not plain (another factor list, another group), no.
bool no_stricter(const Requirement& asked, const Requirement& met)
{
    return asked.level <= met.level && (asked.factors.empty() || asked.factors == met.factors) &&
           (!asked.approvers || asked.approvers == met.approvers) && approvals_needed(asked) <= approvals_needed(met) &&
           (approvals_needed(asked) == 0 || !met.escalate || asked.escalate == met.escalate);
}

} // namespace

std::optional<Elevation> Elevations::grant(const Question& question, const ChallengeId& challenge, TimePoint now)
{
    const auto& verdict = question.verdict;
    if (!verdict.elevation || verdict.elevation->duration.count() <= 0)
        return std::nullopt;
    elevations_.push_back({challenge, question.user, question.session, question.listener, question.database,
                           question.role, question.client_address, question.policy_revision, verdict.requirement,
                           *verdict.elevation, verdict.rules, verdict.labels, !question.opaque_reasons.empty(), now});
    return elevations_.back();
}

bool Elevations::covers(const Elevation& elevation, const Question& question, TimePoint now)
{
    const auto& verdict = question.verdict;
    if (verdict.action != policies::rules::Action::challenge || !verdict.elevation || verdict.rules.empty())
        return false;
    if (elevation.user != question.user || elevation.listener != question.listener ||
        elevation.database != question.database || elevation.role != question.role ||
        elevation.policy_revision != question.policy_revision)
        return false;
    if (!subset(verdict.rules, elevation.rules) || !no_stricter(verdict.requirement, elevation.requirement))
        return false;
    if (!question.opaque_reasons.empty() && !elevation.opaque)
        return false;
    if (now < elevation.granted ||
        now - elevation.granted >= std::min(elevation.offer.duration, verdict.elevation->duration))
        return false;
    const auto scoped = [&](ElevationScope scope) {
        switch (scope) {
        case ElevationScope::session:
            return elevation.session == question.session;
        case ElevationScope::user_address:
            return elevation.client_address == question.client_address;
        case ElevationScope::label:
            return elevation.client_address == question.client_address && subset(verdict.labels, elevation.labels);
        }
        return false;
    };
    return scoped(elevation.offer.scope) && scoped(verdict.elevation->scope);
}

std::optional<ChallengeId> Elevations::covering(const Question& question, TimePoint now) const
{
    for (auto it = elevations_.rbegin(); it != elevations_.rend(); ++it)
        if (covers(*it, question, now))
            return it->challenge;
    return std::nullopt;
}

std::vector<Elevation> Elevations::list(const std::string& user, TimePoint now) const
{
    std::vector<Elevation> out;
    for (auto it = elevations_.rbegin(); it != elevations_.rend(); ++it)
        if ((user.empty() || it->user == user) && now < it->expires())
            out.push_back(*it);
    return out;
}

template <class Condition>
std::vector<Elevation> Elevations::end_where(Condition condition)
{
    const auto first = std::stable_partition(elevations_.begin(), elevations_.end(),
                                             [&](const Elevation& elevation) { return !condition(elevation); });
    std::vector<Elevation> ended(std::make_move_iterator(first), std::make_move_iterator(elevations_.end()));
    elevations_.erase(first, elevations_.end());
    return ended;
}

std::vector<Elevation> Elevations::end(const ChallengeId& challenge)
{
    return end_where([&](const Elevation& elevation) { return elevation.challenge == challenge; });
}

std::vector<Elevation> Elevations::end_session(const std::string& session)
{
    return end_where([&](const Elevation& elevation) {
        return elevation.session == session && elevation.offer.scope == ElevationScope::session;
    });
}

std::vector<Elevation> Elevations::end_elsewhere(const std::string& user, const std::string& client_address)
{
    return end_where([&](const Elevation& elevation) {
        return elevation.user == user && elevation.offer.scope != ElevationScope::session &&
               elevation.client_address != client_address;
    });
}

std::vector<Elevation> Elevations::revoke(const std::string& user)
{
    return end_where([&](const Elevation& elevation) { return user.empty() || elevation.user == user; });
}

std::vector<Elevation> Elevations::forget_expired(TimePoint now)
{
    return end_where([&](const Elevation& elevation) { return now >= elevation.expires(); });
}

} // namespace stepgate::challenge_web::challenges
