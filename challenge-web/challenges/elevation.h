#pragma once

#include "challenge-web/challenges/challenge.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::challenge_web::challenges
{

/// A pass that a proof left behind; its name is that of the challenge that was answered.
struct Elevation {
    ChallengeId challenge;
    std::string user, session, listener, database, role, client_address, policy_revision;
    policies::rules::Requirement requirement;
    policies::rules::ElevationOffer offer;
    std::vector<std::string> rules, labels;
    bool opaque = false;
    TimePoint granted{};
    Nonce nonce{};                      // of the challenge
    std::optional<Digest> unit;         // commitment to the statement, if all that were answered are the same one
    int used = 0;                       // executions so far, the first one too
    std::vector<std::string> approvers; // other people whose proofs it comes from

    [[nodiscard]] TimePoint expires() const { return granted + offer.duration; }
};

/// An execution under an elevation.
struct ElevatedUse {
    ChallengeId challenge;
    int ordinal = 0; // where executions count: its first one's number among all on the answer, from 2; else 0
    TimePoint at{};  // as of an Approval
    bool operator==(const ElevatedUse&) const = default;
};

/// The passes that proofs left behind. Each covers only what its proof covered or less: same user, listener, database,
/// role and policy revision, a subset of its rules, and a requirement no stricter than the one met; then
///   statement     the same session, and the same statement with the same values, `count` executions in all
///   session       the same session
///   user_address  the same client address
///   label         the same client address, and a subset of the labels proven for
/// A question is covered only if its own verdict offers an elevation, by the narrower of both offers' scopes and the
/// shorter of their durations; an opaque one only by a proof given for an opaque one.
/// Not thread-safe: `Challenges` holds its lock around it.
class Elevations
{
  public:
    /// After a release: the pass, if the question's verdict offers one.
    std::optional<Elevation> grant(const Question& question, const ChallengeId& challenge, const Nonce& nonce,
                                   TimePoint now, std::vector<std::string> approvers = {});
    [[nodiscard]] std::optional<ChallengeId> covering(const Question& question, TimePoint now) const;
    /// The same for an execution that is released now: it counts.
    [[nodiscard]] std::optional<ElevatedUse> use(const Question& question, TimePoint now);
    /// In force, newest first; "" for everyone's.
    [[nodiscard]] std::vector<Elevation> list(const std::string& user, TimePoint now) const;

    // Each answers with what it has ended.
    std::vector<Elevation> end(const ChallengeId& challenge);
    std::vector<Elevation> end_session(const std::string& session);
    /// Those of a user that are bound to another client address.
    std::vector<Elevation> end_elsewhere(const std::string& user, const std::string& client_address);
    /// "" for everyone.
    std::vector<Elevation> revoke(const std::string& user);
    std::vector<Elevation> revoke_approved_by(const std::string& user);
    std::vector<Elevation> forget_expired(TimePoint now);
    std::vector<Elevation> forget_used_up();

  private:
    [[nodiscard]] static bool covers(const Elevation& elevation, const Question& question, TimePoint now);
    [[nodiscard]] static bool covers_again(const Elevation& elevation, const Question& question);
    template <class Condition>
    std::vector<Elevation> end_where(Condition condition);
    std::vector<Elevation> elevations_;
};

} // namespace stepgate::challenge_web::challenges
