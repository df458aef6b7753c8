#pragma once

#include "challenge-web/challenges/challenge.h"
#include "challenge-web/challenges/errc.h"
#include "challenge-web/challenges/requirement.h"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace stepgate::challenge_web::challenges
{

// What happens to a challenge.
struct ProofGiven {
    Digest digest{};
    Proof proof; // verified; and if it is an approval, its giver was checked to be one who may approve
};
struct DenyAsked {
    std::string user, why;
};
struct WithdrawAsked { // by the requester
    std::string user;
};
struct CancelAsked {
    std::string why;
};
struct ReleaseAsked {
    Digest digest{};
};
struct ClockTicked {
};

// What to do about it.
struct Wait {
};              // the proof was taken, and more is needed
struct Settle { // the state has changed; `refusal` is for an event that came too late to matter
    State state{};
    std::string reason;
    std::optional<errc> refusal;
};
struct Release {
};              // the state is now consumed; the one and only time
struct Refuse { // nothing has changed
    errc why{};
};
struct Ignore {
};

/// The life of one challenge: event in, action out. No clock, no lock, no callbacks; `Challenges` owns and drives it.
/// Time is checked first in every event, so nothing is approved or released at or after the expiry, ticked or not.
class ChallengeMachine
{
  public:
    using Action = std::variant<Wait, Settle, Release, Refuse, Ignore>;

    /// More proofs than this for one challenge are refused.
    static constexpr std::size_t max_proofs = 32;

    ChallengeMachine(policies::rules::Requirement requirement, std::string requester, const Digest& digest,
                     TimePoint expires);

    [[nodiscard]] Action on(const ProofGiven& event, TimePoint now);
    [[nodiscard]] Action on(const DenyAsked& event, TimePoint now);
    [[nodiscard]] Action on(const WithdrawAsked& event, TimePoint now);
    [[nodiscard]] Action on(const CancelAsked& event, TimePoint now);
    [[nodiscard]] Action on(const ReleaseAsked& event, TimePoint now);
    [[nodiscard]] Action on(const ClockTicked& event, TimePoint now);

    [[nodiscard]] State state() const { return state_; }
    /// Pending or approved: something can still happen.
    [[nodiscard]] bool live() const;
    [[nodiscard]] const std::vector<Proof>& proofs() const { return proofs_; }
    [[nodiscard]] std::vector<Missing> missing() const;

  private:
    [[nodiscard]] bool expire_if_due(TimePoint now);
    [[nodiscard]] Action take(const ProofGiven& event);
    [[nodiscard]] Action settle(State state, std::string reason);

    policies::rules::Requirement requirement_;
    std::string requester_;
    Digest digest_;
    TimePoint expires_;
    State state_ = State::pending;
    std::vector<Proof> proofs_;
};

} // namespace stepgate::challenge_web::challenges
