#pragma once

#include "policies/postgres/session_state.h"
#include "policies/rules/policy.h"
#include "policies/rules/verdict.h"
#include "policies/sensitivity/labelled_facts.h"
#include "policies/statement/facts.h"

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::policies::rules {

/// Who asks, from where. Set once a session; strings are owned by the session.
struct Asker {
    std::string listener, user, database, role, client_address, application_name;
    std::vector<std::string> groups; // sorted
};

/// Turns texts into facts and verdicts for the sessions of one thread: the analyzer, its memo and the policy together.
/// Not thread-safe; one a thread. No I/O, no clock of its own.
class Judge
{
  public:
    explicit Judge(std::shared_ptr<const Policy> policy);

    /// Takes a new policy; memoised labels of the old one are forgotten, facts stay.
    void replace(std::shared_ptr<const Policy> policy);
    [[nodiscard]] const Policy& policy() const { return *policy_; }

    /// Facts and labels of a text in a session's state. Costs about a hash when the shape was seen before.
    /// The pointer stays valid (and immutable) for as long as it is held.
    [[nodiscard]] std::shared_ptr<const sensitivity::LabelledFacts> facts(std::string_view sql,
                                                                          const postgres::SessionState& state);

    /// The verdict. Total: an erroring rule makes it stricter, never laxer.
    [[nodiscard]] Verdict verdict(const sensitivity::LabelledFacts& facts, std::string_view sql, const Asker& asker,
                                  bool in_transaction, std::chrono::system_clock::time_point now) const;

  private:
    std::shared_ptr<const Policy> policy_;
    // … memo
};

} // namespace stepgate::policies::rules
