#pragma once

#include "policies/mysql/session_state.h"
#include "policies/postgres/session_state.h"
#include "policies/rules/asker.h"
#include "policies/rules/matched_facts.h"
#include "policies/rules/policy.h"
#include "policies/rules/verdict.h"
#include "policies/sensitivity/catalog_view.h"
#include "policies/statement/facts.h"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::policies::rules
{

/// Turns texts into facts and verdicts for the sessions of one thread: the analyzer, its memo and the policy together.
/// Not thread-safe; one a thread. No I/O, no clock of its own.
class Judge
{
  public:
    explicit Judge(std::shared_ptr<const Policy> policy);
    ~Judge();
    Judge(const Judge&) = delete;
    Judge& operator=(const Judge&) = delete;

    /// Takes a new policy; memoised labels of the old one are forgotten, facts stay. Facts matched before are matched
    /// again by `verdict`; obtain them again to be fast.
    void replace(std::shared_ptr<const Policy> policy);
    [[nodiscard]] const Policy& policy() const { return *policy_; }
    [[nodiscard]] const std::shared_ptr<const Policy>& policy_pointer() const { return policy_; }

    /// Facts, labels and candidate rules of a text in a session's state. Costs about a hash when the shape was seen
    /// before. `database`: the session's, for labels that name one. `view`: what is known of that database now; memos
    /// are keyed by its revision, so that nothing of an older one is ever used. The pointer stays valid and immutable
    /// while held.
    [[nodiscard]] std::shared_ptr<const MatchedFacts> facts(std::string_view sql, const postgres::SessionState& state,
                                                            std::string_view database,
                                                            const sensitivity::CatalogView& view = {});
    [[nodiscard]] std::shared_ptr<const MatchedFacts> facts(std::string_view sql, const mysql::SessionState& state,
                                                            std::string_view database,
                                                            const sensitivity::CatalogView& view = {});
    /// Labels and candidate rules of facts that came from elsewhere (another dialect, a test). Not memoised.
    [[nodiscard]] std::shared_ptr<const MatchedFacts> match(std::shared_ptr<const statement::Facts> facts,
                                                            std::string_view database,
                                                            const sensitivity::CatalogView& view = {}) const;
    /// The same facts, but not understood, for the reason given. Not memoised.
    [[nodiscard]] std::shared_ptr<const MatchedFacts> doubted(const MatchedFacts& facts, std::string reason,
                                                              std::string_view database) const;

    /// The verdict. Total: an erroring rule makes it stricter, never laxer. Allocates nothing when no rule matches
    /// and nothing is labelled.
    [[nodiscard]] Verdict verdict(const MatchedFacts& facts, std::string_view sql, const Asker& asker,
                                  bool in_transaction, std::chrono::system_clock::time_point now) const;

    /// Literals of the text must not reach logs or audit in the clear: it touches labelled data or holds a password; or
    /// it is not understood or may hold text that runs (PREPARE, DO, CALL, bodies, what code of users is given), and
    /// something labelled or a password is mentioned in it.
    [[nodiscard]] bool sensitive(const MatchedFacts& facts, std::string_view sql) const;

  private:
    struct Memo;
    [[nodiscard]] std::shared_ptr<const MatchedFacts> matched(std::shared_ptr<const statement::Facts> facts,
                                                              std::string_view database,
                                                              const sensitivity::CatalogView& view);

    std::shared_ptr<const Policy> policy_;
    std::unique_ptr<Memo> memo_;
};

} // namespace stepgate::policies::rules
