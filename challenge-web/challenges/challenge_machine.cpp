#include "challenge-web/challenges/challenge_machine.h"

#include <algorithm>
#include <utility>

namespace stepgate::challenge_web::challenges
{

namespace
{

using Action = ChallengeMachine::Action;

Action too_late()
{
    return Settle{State::expired, "not approved in time", errc::expired};
}

// Why a further proof, a no or a release is refused in a state that it cannot change.
errc refusal_in(State state)
{
    switch (state) {
    case State::pending:
        return errc::not_approved;
    case State::approved:
        return errc::settled;
    case State::consumed:
        return errc::consumed;
    case State::denied:
        return errc::denied;
    case State::expired:
        return errc::expired;
    case State::cancelled:
        return errc::cancelled;
    }
    return errc::cancelled;
}

} // namespace

ChallengeMachine::ChallengeMachine(policies::rules::Requirement requirement, std::string requester,
                                   const Digest& digest, TimePoint expires)
    : requirement_(std::move(requirement)), requester_(std::move(requester)), digest_(digest), expires_(expires)
{
}

bool ChallengeMachine::live() const
{
    switch (state_) {
    case State::pending:
    case State::approved:
        return true;
    case State::consumed:
    case State::denied:
    case State::expired:
    case State::cancelled:
        return false;
    }
    return false;
}

bool ChallengeMachine::expire_if_due(TimePoint now)
{
    if (!live() || now < expires_)
        return false;
    state_ = State::expired;
    return true;
}

Action ChallengeMachine::settle(State state, std::string reason)
{
    state_ = state;
    return Settle{state, std::move(reason), std::nullopt};
}

std::vector<Missing> ChallengeMachine::missing() const
{
    // Approvers were checked before their proof came in: whoever is in here may approve.
    const MayApprove checked_before = [](const std::string&, const std::string&) { return true; };
    return missing_for(requirement_, requester_, proofs_, checked_before);
}

Action ChallengeMachine::on(const ProofGiven& event, TimePoint now)
{
    if (expire_if_due(now))
        return too_late();
    switch (state_) {
    case State::pending:
        return take(event);
    case State::approved:
    case State::consumed:
    case State::denied:
    case State::expired:
    case State::cancelled:
        return Refuse{refusal_in(state_)};
    }
    return Refuse{errc::cancelled};
}

Action ChallengeMachine::take(const ProofGiven& event)
{
    if (event.digest != digest_)
        return Refuse{errc::wrong_digest};
    const Proof& proof = event.proof;
    if (proof.user.empty() || (proof.user != requester_ && approvals_needed(requirement_) == 0))
        return Refuse{errc::wrong_user};
    const auto same = [&](const Proof& other) {
        return other.user == proof.user && other.credential == proof.credential && other.evidence == proof.evidence;
    };
    if (std::any_of(proofs_.begin(), proofs_.end(), same))
        return Refuse{errc::replayed};
    if (proofs_.size() >= max_proofs)
        return Refuse{errc::too_many};
    proofs_.push_back(proof);
    if (!missing().empty())
        return Wait{};
    return settle(State::approved, "approved");
}

Action ChallengeMachine::on(const DenyAsked& event, TimePoint now)
{
    if (expire_if_due(now))
        return too_late();
    switch (state_) {
    case State::pending:
    case State::approved:
        return settle(State::denied, "denied by " + event.user + (event.why.empty() ? "" : ": " + event.why));
    case State::consumed:
    case State::denied:
    case State::expired:
    case State::cancelled:
        return Refuse{refusal_in(state_)};
    }
    return Refuse{errc::cancelled};
}

Action ChallengeMachine::on(const WithdrawAsked& event, TimePoint now)
{
    if (event.user != requester_)
        return Refuse{errc::wrong_user};
    if (expire_if_due(now))
        return too_late();
    if (!live())
        return Refuse{refusal_in(state_)};
    return settle(State::cancelled, "withdrawn by " + event.user);
}

Action ChallengeMachine::on(const CancelAsked& event, TimePoint now)
{
    if (expire_if_due(now))
        return Settle{State::expired, "not approved in time", std::nullopt};
    switch (state_) {
    case State::pending:
    case State::approved:
        return settle(State::cancelled, event.why);
    case State::consumed:
    case State::denied:
    case State::expired:
    case State::cancelled:
        return Ignore{};
    }
    return Ignore{};
}

Action ChallengeMachine::on(const ReleaseAsked& event, TimePoint now)
{
    if (expire_if_due(now))
        return too_late();
    switch (state_) {
    case State::approved:
        if (event.digest != digest_)
            return Refuse{errc::wrong_digest};
        state_ = State::consumed;
        return Release{};
    case State::pending:
    case State::consumed:
    case State::denied:
    case State::expired:
    case State::cancelled:
        return Refuse{refusal_in(state_)};
    }
    return Refuse{errc::cancelled};
}

Action ChallengeMachine::on(const ClockTicked&, TimePoint now)
{
    if (expire_if_due(now))
        return Settle{State::expired, "not approved in time", std::nullopt};
    return Ignore{};
}

} // namespace stepgate::challenge_web::challenges
