#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::policies::rules
{

/// What to do with a statement. Ordered: the strictest of all matching rules wins.
enum class Action : std::uint8_t { allow, notify, challenge, deny };
[[nodiscard]] std::string_view to_string(Action action);

/// When nobody of the approvers has answered for so long, members of another group may approve as well.
struct Escalation {
    std::chrono::seconds after{0};
    std::string group;
    bool operator==(const Escalation&) const = default;
};

/// What a person must show before a held statement runs.
/// Level 1: one factor. Level 2: one phishing-resistant factor, or two factors of different kinds.
/// Level 3: a passkey with user verification, and an approval by a second person.
struct Requirement {
    int level = 0;                        // 0 only in verdicts that are not challenges
    std::vector<std::string> factors;     // a rule named them: any one of these, besides the level
    std::optional<std::string> approvers; // group whose members may approve
    int approvals = 0;                    // how many second persons
    std::optional<Escalation> escalate{}; // set only if every rule that asks for approvals says the same
    bool operator==(const Requirement&) const = default;
};

/// How far a proof reaches after it was given. Never wider than every challenging rule allows.
/// `statement`: the very same statement with the same values in the same session, so many times in all.
enum class ElevationScope : std::uint8_t { statement, session, user_address, label };
/// As policies write it, and for pages and the audit.
[[nodiscard]] std::string_view to_string(ElevationScope scope);
struct ElevationOffer {
    std::chrono::seconds duration{0};
    ElevationScope scope = ElevationScope::session;
    int count = 0; // executions in all, the first one too; only of scope `statement`
    bool operator==(const ElevationOffer&) const = default;
};

/// The decision on one text, with its reasons. Allocates nothing when no rule matched.
struct Verdict {
    Action action = Action::allow;
    Requirement requirement;
    std::optional<ElevationOffer> elevation; // set only if every challenging rule offers one: shortest, narrowest
    std::vector<std::string> rules;          // ids of the rules with the winning action, policy order;
                                             // "default.opaque" for the default
    std::vector<std::string> because;        // their reasons, same order; "" where a rule gives none
    std::vector<std::string> labels;         // sorted labels of everything read or written
    bool operator==(const Verdict&) const = default;
};

/// "rule a" or "rules a, b", for sentences.
[[nodiscard]] std::string rule_list(const std::vector<std::string>& rules);

} // namespace stepgate::policies::rules
