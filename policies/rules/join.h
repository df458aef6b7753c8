#pragma once

#include "policies/rules/rule.h"
#include "policies/rules/verdict.h"

#include <string_view>

namespace stepgate::policies::rules
{

/// Adds one matching rule (or default) to a verdict. The strictest action wins; among challenges everything must be
/// met:
/// - level and number of approvals: the highest;
/// - factors: those that every rule which names factors accepts; if none is left, no proof could satisfy both rules;
/// - approvers: one group; two rules that name different groups cannot both be satisfied;
/// - elevation: only if every challenging rule offers one: the shortest, and the narrowest scope. `statement` is
/// narrower
///   than all (the fewest executions), `session` narrower than `user_address`; `label` cannot be compared with these
///   two, so a mix offers none.
/// What cannot be satisfied is denied, with "requirement-conflict" beside the ids of the rules.
void join(Verdict& verdict, const Outcome& outcome, std::string_view rule, std::string_view because);

inline constexpr std::string_view requirement_conflict = "requirement-conflict";

} // namespace stepgate::policies::rules
