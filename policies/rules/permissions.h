#pragma once

#include "policies/rules/asker.h"
#include "policies/rules/matched_facts.h"
#include "policies/rules/policy.h"
#include "policies/rules/verdict.h"

#include <chrono>
#include <string_view>

namespace stepgate::policies::rules
{

// What carries no SQL text, or decides what texts mean, is denied unless a rule speaks for it; as with statements, the
// strictest of the rules that speak wins. Pure; any thread.

/// A connection starts with this parameter, which is not on the list of harmless ones ("replication" is one of them).
/// `key` in lower case. Rules: when = {startup_key = ["replication"]}.
[[nodiscard]] Verdict startup_key_verdict(const Policy& policy, std::string_view key, const Asker& asker,
                                          std::chrono::system_clock::time_point now);

/// A function is called by its number. Rules: when = {message = ["function_call"]}, also with conditions on the facts
/// of the call. Says nothing about what the function does: join it with the verdict on `call`.
[[nodiscard]] Verdict function_call_verdict(const Policy& policy, const MatchedFacts& call, const Asker& asker,
                                            bool in_transaction, std::chrono::system_clock::time_point now);

} // namespace stepgate::policies::rules
