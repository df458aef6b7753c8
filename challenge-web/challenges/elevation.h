#pragma once

#include "challenge-web/challenges/challenge.h"

#include <optional>
#include <string>
#include <vector>

namespace stepgate::challenge_web::challenges
{

/// The passes that proofs left behind. Each covers only what its proof covered or less: same user, listener, database,
/// role and policy revision, a subset of its rules, and a requirement no stricter than the one met; then
///   session       the same session
///   user_address  the same client address
///   label         the same client address, and a subset of the labels proven for
/// A question is covered only if its own verdict offers an elevation, by the narrower of both offers' scopes and the
/// shorter of their durations; an opaque one only by a proof given for an opaque one.
/// Not thread-safe: `Challenges` holds its lock around it.
class Elevations
{
  public:
    /// After a release: does nothing if the question's verdict offers no elevation.
    void grant(const Question& question, const ChallengeId& challenge, TimePoint now);
    [[nodiscard]] std::optional<ChallengeId> covering(const Question& question, TimePoint now) const;
    void end_session(const std::string& session);
    /// "" for everyone.
    void revoke(const std::string& user);
    void forget_expired(TimePoint now);

  private:
    struct Elevation {
        ChallengeId challenge;
        std::string user, session, listener, database, role, client_address, policy_revision;
        policies::rules::Requirement requirement;
        policies::rules::ElevationOffer offer;
        std::vector<std::string> rules, labels;
        bool opaque = false;
        TimePoint granted{};
    };
    [[nodiscard]] static bool covers(const Elevation& elevation, const Question& question, TimePoint now);
    std::vector<Elevation> elevations_;
};

} // namespace stepgate::challenge_web::challenges
