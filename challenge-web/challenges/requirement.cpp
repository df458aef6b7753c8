#include "challenge-web/challenges/requirement.h"

#include <algorithm>
#include <set>

namespace stepgate::challenge_web::challenges
{

namespace
{

using policies::rules::Requirement;

bool is_kind(const std::string& kind)
{
    return kind == "knowledge" || kind == "possession" || kind == "inherence";
}

// Kinds shown by the requester. Two kinds from one credential are still one credential, so each counts for one kind:
// the first it was shown with.
std::set<std::string> kinds_shown(const std::vector<const Proof*>& own)
{
    std::set<std::string> kinds, credentials;
    for (const Proof* proof : own)
        if (is_kind(proof->kind) && credentials.insert(proof->credential).second)
            kinds.insert(proof->kind);
    return kinds;
}

bool any(const std::vector<const Proof*>& own, auto&& condition)
{
    return std::any_of(own.begin(), own.end(), [&](const Proof* proof) { return condition(*proof); });
}

bool is_verified_passkey(const Proof& proof)
{
    return proof.factor == "passkey" && proof.phishing_resistant && proof.user_verified;
}

void add_factor_level(const Requirement& requirement, const std::vector<const Proof*>& own, std::vector<Missing>& out)
{
    if (requirement.level == 1 && own.empty())
        out.push_back({.what = Missing::What::any_factor});
    if (requirement.level == 2) {
        const auto kinds = kinds_shown(own);
        if (!any(own, [](const Proof& p) { return p.phishing_resistant; }) && kinds.size() < 2)
            out.push_back({.what = Missing::What::stronger_factor, .kinds = {kinds.begin(), kinds.end()}});
    }
    // Also for a level that nobody knows, together with an approval that nobody can give: see missing_for.
    if ((requirement.level < 1 || requirement.level > 2) && !any(own, is_verified_passkey))
        out.push_back({.what = Missing::What::verified_passkey});
}

} // namespace

std::string_view to_string(Missing::What what)
{
    switch (what) {
    case Missing::What::any_factor:
        return "any_factor";
    case Missing::What::stronger_factor:
        return "stronger_factor";
    case Missing::What::named_factor:
        return "named_factor";
    case Missing::What::verified_passkey:
        return "verified_passkey";
    case Missing::What::approvals:
        return "approvals";
    }
    return "approvals";
}

std::string approver_group(const Requirement& requirement)
{
    return requirement.approvers.value_or("approvers");
}

int approvals_needed(const Requirement& requirement)
{
    const int stated = std::max(requirement.approvals, 0);
    const bool at_least_one = requirement.level >= 3 || requirement.approvers.has_value();
    return at_least_one ? std::max(stated, 1) : stated;
}

std::vector<Missing> missing_for(const Requirement& requirement, const std::string& requester,
                                 std::span<const Proof> proofs, const MayApprove& may_approve)
{
    const std::string group = approver_group(requirement);
    std::vector<const Proof*> own;
    std::set<std::string> approvers;
    for (const Proof& proof : proofs) {
        if (proof.user.empty())
            continue;
        if (proof.user == requester)
            own.push_back(&proof);
        else if (!approvers.contains(proof.user) && may_approve && may_approve(proof.user, group))
            approvers.insert(proof.user);
    }

    std::vector<Missing> out;
    add_factor_level(requirement, own, out);
    const auto named = [&](const Proof& proof) {
        return std::find(requirement.factors.begin(), requirement.factors.end(), proof.factor) !=
               requirement.factors.end();
    };
    if (!requirement.factors.empty() && !any(own, named))
        out.push_back({.what = Missing::What::named_factor, .factors = requirement.factors});
    const int approvals = approvals_needed(requirement) - static_cast<int>(approvers.size());
    if (approvals > 0)
        out.push_back({.what = Missing::What::approvals, .group = group, .count = approvals});
    // A level that is not known cannot be met by anything.
    if ((requirement.level < 1 || requirement.level > 3) && out.empty())
        out.push_back({.what = Missing::What::verified_passkey});
    return out;
}

} // namespace stepgate::challenge_web::challenges
