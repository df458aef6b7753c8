#include "policies/rules/permissions.h"

#include "policies/rules/conditions.h"
#include "policies/rules/join.h"

#include <algorithm>

namespace stepgate::policies::rules
{
namespace
{

const Outcome denied{Action::deny, {}, {}};

/// A condition that cannot be decided makes a rule match, unless the rule allows.
bool holds_for(const Rule& rule, const Asker& asker, bool in_transaction, std::chrono::system_clock::time_point now)
{
    return asker_holds(rule.asker, asker, in_transaction, now, rule.outcome.action != Action::allow);
}

/// The strictest of the rules that `speaks` picks, or the denial by default.
template <class Speaks>
Verdict strictest(const Policy& policy, std::string_view by_default, std::string_view because, Speaks speaks)
{
    Verdict verdict;
    bool spoken = false;
    for (const Rule& rule : policy.rules()) {
        if (!speaks(rule))
            continue;
        spoken = true;
        join(verdict, rule.outcome, rule.id, rule.because);
    }
    if (!spoken)
        join(verdict, denied, by_default, because);
    return verdict;
}

} // namespace

Verdict startup_key_verdict(const Policy& policy, std::string_view key, const Asker& asker,
                            std::chrono::system_clock::time_point now)
{
    return strictest(policy, "default.startup_key", "No rule speaks for this start-up parameter",
                     [&](const Rule& rule) {
                         return std::ranges::find(rule.startup_keys, key) != rule.startup_keys.end() &&
                                holds_for(rule, asker, false, now);
                     });
}

Verdict function_call_verdict(const Policy& policy, const MatchedFacts& call, const Asker& asker, bool in_transaction,
                              std::chrono::system_clock::time_point now)
{
    return strictest(policy, "default.function_call", "No rule speaks for calls by number", [&](const Rule& rule) {
        return rule.function_calls && facts_hold(rule.facts, call, 0) && holds_for(rule, asker, in_transaction, now);
    });
}

} // namespace stepgate::policies::rules
