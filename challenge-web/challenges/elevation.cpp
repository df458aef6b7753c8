#include "challenge-web/challenges/elevation.h"

#include "challenge-web/challenges/digest.h"
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

bool bound_to_session(const Elevation& elevation)
{
    return elevation.offer.scope == ElevationScope::session || elevation.offer.scope == ElevationScope::statement;
}

/// The one statement that all of them are.
std::optional<Digest> unit_of(const Question& question, const Nonce& nonce)
{
    const auto& all = question.statements;
    if (all.empty() || !std::all_of(all.begin(), all.end(), [&](const auto& one) { return one == all.front(); }))
        return std::nullopt;
    return statement_commitment(nonce, std::span{all}.first(1));
}

} // namespace

std::optional<Elevation> Elevations::grant(const Question& question, const ChallengeId& challenge, const Nonce& nonce,
                                           TimePoint now, std::vector<std::string> approvers)
{
    const auto& verdict = question.verdict;
    if (!verdict.elevation || verdict.elevation->duration.count() <= 0)
        return std::nullopt;
    elevations_.push_back({challenge, question.user, question.session, question.listener, question.database,
                           question.role, question.client_address, question.policy_revision, verdict.requirement,
                           *verdict.elevation, verdict.rules, verdict.labels, !question.opaque_reasons.empty(), now,
                           nonce, unit_of(question, nonce), static_cast<int>(question.statements.size()),
                           std::move(approvers)});
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
        case ElevationScope::statement:
            return elevation.session == question.session && covers_again(elevation, question);
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

/// The same statement, and executions left.
bool Elevations::covers_again(const Elevation& elevation, const Question& question)
{
    const int most = std::max(elevation.offer.count, question.verdict.elevation->count);
    const int least = std::min(elevation.offer.count, question.verdict.elevation->count);
    const int allowed = least == 0 ? most : least;
    const auto asked = static_cast<int>(question.statements.size());
    return elevation.unit && elevation.unit == unit_of(question, elevation.nonce) && asked <= allowed - elevation.used;
}

std::optional<ElevatedUse> Elevations::use(const Question& question, TimePoint now)
{
    for (auto it = elevations_.rbegin(); it != elevations_.rend(); ++it) {
        if (!covers(*it, question, now))
            continue;
        const bool counts = it->offer.count > 0 || question.verdict.elevation->count > 0;
        const ElevatedUse use{it->challenge, counts ? it->used + 1 : 0, now};
        it->used += static_cast<int>(question.statements.size());
        return use;
    }
    return std::nullopt;
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
        if ((user.empty() || it->user == user) && now < it->expires() &&
            (it->offer.count == 0 || it->used < it->offer.count))
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
    return end_where(
        [&](const Elevation& elevation) { return elevation.session == session && bound_to_session(elevation); });
}

std::vector<Elevation> Elevations::end_elsewhere(const std::string& user, const std::string& client_address)
{
    return end_where([&](const Elevation& elevation) {
        return elevation.user == user && !bound_to_session(elevation) && elevation.client_address != client_address;
    });
}

std::vector<Elevation> Elevations::revoke(const std::string& user)
{
    return end_where([&](const Elevation& elevation) { return user.empty() || elevation.user == user; });
}

std::vector<Elevation> Elevations::revoke_approved_by(const std::string& user)
{
    return end_where([&](const Elevation& elevation) {
        return std::find(elevation.approvers.begin(), elevation.approvers.end(), user) != elevation.approvers.end();
    });
}

std::vector<Elevation> Elevations::forget_used_up()
{
    return end_where([](const Elevation& elevation) {
        return elevation.offer.scope == ElevationScope::statement && elevation.used >= elevation.offer.count;
    });
}

std::vector<Elevation> Elevations::forget_expired(TimePoint now)
{
    return end_where([&](const Elevation& elevation) { return now >= elevation.expires(); });
}

} // namespace stepgate::challenge_web::challenges
