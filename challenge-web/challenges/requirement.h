#pragma once

#include "challenge-web/challenges/challenge.h"
#include "policies/rules/verdict.h"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::challenge_web::challenges
{

/// May this user approve for others, as a member of `group`? May block (it asks the
/// accounts); never called under a lock.
using MayApprove = std::function<bool(const std::string& user, const std::string& group)>;

/// Something that is still to be shown, as data for the page.
struct Missing {
    enum class What : std::uint8_t {
        any_factor,       // any factor at all
        stronger_factor,  // a phishing-resistant factor, or a factor of a kind not in `kinds`
        named_factor,     // one of `factors`
        verified_passkey, // a passkey with user verification
        approvals,        // `count` more people of `group`
    };
    What what{};
    std::vector<std::string> kinds{};
    std::vector<std::string> factors{};
    std::string group{};
    int count = 0;
    bool operator==(const Missing&) const = default;
};
[[nodiscard]] std::string_view to_string(Missing::What what);

/// What the proofs leave open; empty when the requirement is met. Proofs whose user is `requester` count as factors,
/// all others as approvals (only if `may_approve` says so; an empty predicate approves nobody). The same credential
/// counts once, the same person counts once. A level outside 1 to 3 is never met.
[[nodiscard]] std::vector<Missing> missing_for(const policies::rules::Requirement& requirement,
                                               const std::string& requester, std::span<const Proof> proofs,
                                               const MayApprove& may_approve);

/// The group whose members may approve: the one the rule names, else "approvers".
[[nodiscard]] std::string approver_group(const policies::rules::Requirement& requirement);

/// How many second persons a requirement asks for.
[[nodiscard]] int approvals_needed(const policies::rules::Requirement& requirement);

} // namespace stepgate::challenge_web::challenges
