#include "policies/rules/join.h"

#include <algorithm>

namespace stepgate::policies::rules
{
namespace
{

/// False if nothing can satisfy both.
bool join_factors(std::vector<std::string>& factors, const std::vector<std::string>& others)
{
    if (others.empty())
        return true;
    if (factors.empty()) {
        factors = others;
        return true;
    }
    std::erase_if(factors, [&](const auto& factor) { return std::ranges::find(others, factor) == others.end(); });
    return !factors.empty();
}

bool asks_others(const Requirement& requirement)
{
    return requirement.approvals > 0 || requirement.approvers.has_value();
}

/// More people who may approve is laxer: all rules that ask for approvals must want them.
std::optional<Escalation> join_escalation(const Requirement& a, const Requirement& b)
{
    if (!asks_others(a))
        return b.escalate;
    if (!asks_others(b) || a.escalate == b.escalate)
        return a.escalate;
    return std::nullopt;
}

bool join_requirement(Requirement& requirement, const Requirement& other)
{
    requirement.escalate = join_escalation(requirement, other);
    requirement.level = std::max(requirement.level, other.level);
    requirement.approvals = std::max(requirement.approvals, other.approvals);
    if (!requirement.approvers)
        requirement.approvers = other.approvers;
    else if (other.approvers && *other.approvers != *requirement.approvers)
        return false;
    return join_factors(requirement.factors, other.factors);
}

std::optional<ElevationOffer> narrower(const std::optional<ElevationOffer>& a, const std::optional<ElevationOffer>& b)
{
    if (!a || !b)
        return std::nullopt;
    using enum ElevationScope;
    const auto one_is = [&](ElevationScope scope) { return a->scope == scope || b->scope == scope; };
    if (a->scope != b->scope && one_is(label) && !one_is(statement))
        return std::nullopt;
    const int count = a->count == 0 || b->count == 0 ? std::max(a->count, b->count) : std::min(a->count, b->count);
    return ElevationOffer{std::min(a->duration, b->duration), std::min(a->scope, b->scope), count};
}

void start(Verdict& verdict, const Outcome& outcome)
{
    verdict.action = outcome.action;
    verdict.rules.clear();
    verdict.because.clear();
    verdict.requirement = {};
    verdict.elevation.reset();
    if (outcome.action == Action::challenge) {
        verdict.requirement = outcome.requirement;
        verdict.elevation = outcome.elevation;
    }
}

} // namespace

void join(Verdict& verdict, const Outcome& outcome, std::string_view rule, std::string_view because)
{
    if (outcome.action < verdict.action)
        return;
    const bool first = verdict.rules.empty() || outcome.action > verdict.action;
    bool satisfiable = true;
    if (first) {
        start(verdict, outcome);
    } else if (outcome.action == Action::challenge) {
        satisfiable = join_requirement(verdict.requirement, outcome.requirement);
        verdict.elevation = narrower(verdict.elevation, outcome.elevation);
    }
    verdict.rules.emplace_back(rule);
    verdict.because.emplace_back(because);
    if (satisfiable)
        return;
    verdict.action = Action::deny;
    verdict.requirement = {};
    verdict.elevation.reset();
    verdict.rules.emplace_back(requirement_conflict);
    verdict.because.emplace_back("These rules ask for proofs or approvers that exclude each other");
}

} // namespace stepgate::policies::rules
