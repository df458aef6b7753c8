#pragma once

#include "challenge-web/challenges/challenge.h"
#include "policies/rules/verdict.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::challenge_web::challenges
{

/// What a proof of a factor is worth, known before there is one.
struct FactorWorth {
    std::string_view name, kind;
    bool phishing_resistant = false;
    bool verifies_user = false;
    bool by_oneself = false; // the user adds it on the page; otherwise an administrator sets it up
    bool first = false;      // may be the first; others need a passkey beside them
};
/// All factors that there are, the best first.
[[nodiscard]] std::span<const FactorWorth> factor_worths();

/// Names of factors in the order in which to answer with them.
using Way = std::vector<std::string>;

/// What is left to do for one person.
struct Solution {
    bool done = false;      // nothing
    std::vector<Way> ways;  // with what they have: no way contains another; fewest steps first, then the best factors
    std::vector<Way> enrol; // if there is none: what to add, so that there is one; in the same order
    bool operator==(const Solution&) const = default;
};

/// Solves the requester's part of a requirement: approvals are others' (a second person's part is a requirement of
/// level 1). `proofs`: all so far; `enrolled`: factors that the requester has; `offered`: factors that this
/// installation has. A level that is not known has no solution. It decides nothing: missing_for does.
[[nodiscard]] Solution solve(const policies::rules::Requirement& requirement, const std::string& requester,
                             std::span<const Proof> proofs, std::span<const std::string> enrolled,
                             std::span<const std::string> offered);

} // namespace stepgate::challenge_web::challenges
