#pragma once

#include "policies/rules/asker.h"
#include "policies/rules/rule.h"
#include "policies/sensitivity/labelled_facts.h"

#include <chrono>
#include <cstddef>

namespace stepgate::policies::rules
{

/// All conditions on facts hold on the statement with this index together. A text without statements is judged as one
/// statement of kind `empty`, or `unknown` if it could not be parsed: any index.
[[nodiscard]] bool facts_hold(const FactConditions& conditions, const sensitivity::LabelledFacts& facts,
                              std::size_t statement);

/// `when_unsure`: the answer for a condition that cannot be decided, such as one on an address that is none.
[[nodiscard]] bool asker_holds(const AskerConditions& conditions, const Asker& asker, bool in_transaction,
                               std::chrono::system_clock::time_point now, bool when_unsure);

} // namespace stepgate::policies::rules
