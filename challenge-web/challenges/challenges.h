#pragma once

#include "challenge-web/challenges/challenge.h"
#include "challenge-web/challenges/elevation.h"
#include "challenge-web/challenges/errc.h"
#include "challenge-web/challenges/random.h"
#include "challenge-web/challenges/requirement.h"

#include <boost/system/result.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace stepgate::challenge_web::challenges
{

template <class T>
using result = boost::system::result<T>;

/// A challenge as others see it: a copy, never a reference into the table.
struct Snapshot {
    ChallengeId id;
    std::string code; // short code shown in the terminal and on the page, "KX4-7PM": same place, same statement
    State state = State::pending;
    Question question;
    Digest digest{};
    std::string digest_input; // the digest is its SHA-256: the audit keeps it, see digest.h
    Nonce nonce{};            // the audit keeps it only if !question.sensitive
    TimePoint opened{}, expires{};
    std::optional<TimePoint> closed; // set when the state is no longer pending or approved
    std::vector<Proof> proofs;
    std::vector<Missing> missing;       // what is still to be shown, while pending
    std::string closed_by;              // user who denied, or empty
    std::string closed_from;            // and the address of their browser; for the audit
    std::string close_reason;           // "client disconnected", …
    std::string request_reason;         // why the requester needs it, for those who may approve; "" for none
    std::optional<TimePoint> escalated; // since then the members of another group may approve too
    std::optional<Impact> impact;       // once it is known
};

/// Everything that happens to challenges, for the audit, the inbox and metrics.
struct Event {
    enum class What {
        opened,
        proof_accepted,
        proof_rejected,
        approved,
        denied,
        expired,
        cancelled,
        consumed,
        reason_given, // by the requester
        escalated,    // to another group
        impact_known  // not an event of the challenge itself: nothing for the audit
    } what;
    Snapshot challenge; // after the event
    std::optional<Proof> proof;
    std::string detail; // why a proof was rejected
    TimePoint at{};
};

/// The beginning or the end of an elevation, for the audit.
struct ElevationEvent {
    bool started = false;
    Elevation elevation;
    std::string reason; // why it ended
    std::string by;     // who ended it; "": nobody in particular
    TimePoint at{};
};

/// What an opened hold gets back.
struct Opened {
    ChallengeId id;
    std::string code;
    Digest digest{};
    TimePoint expires{};
};

struct ChallengesOptions {
    std::size_t limit_per_user = 100; // pending and approved
    std::size_t limit_total = 10'000; // pending and approved in all; as many closed ones are kept, for an hour
    std::size_t limit_bytes = std::size_t{256} << 20;                // of all statements and parameter values together
    RandomSource random;                                             // empty: system_random()
    MayApprove may_approve;                                          // empty: nobody approves for others
    std::function<std::chrono::steady_clock::time_point()> steady{}; // empty: the system's
};

/// All challenges of this process. Thread-safe (one mutex, not held while calling out); owned by the app, lives
/// longer than every session. It has no thread: `tick` is called about once a second. Time never runs backwards for it,
/// nor does it stand still: after an earlier `now` than one seen before it goes on from that one, as steady time does.
class Challenges
{
  public:
    /// Called once, when the challenge leaves `pending`, after the observers. Must only post: it may run inside any
    /// method of this class, on any thread that calls one. Approved is not the end: `consume` may still fail (expired,
    /// denied or cancelled in between), and then the statement is not released.
    using OnSettled = std::function<void(State, const std::string& reason)>;
    using OnEvent = std::function<void(const Event&)>;
    using OnElevation = std::function<void(const ElevationEvent&)>;
    using OnUse = std::function<void(const ElevatedUse&)>;

    explicit Challenges(ChallengesOptions options = {});
    ~Challenges();
    Challenges(const Challenges&) = delete;
    Challenges& operator=(const Challenges&) = delete;

    /// Who hears every event (audit, inbox stream, metrics): one at a time, in the order in which they happened, and
    /// before the method that caused it returns (unless an observer called that). Only before the first `open`.
    void observe(OnEvent observer);
    void observe_elevations(OnElevation observer);

    /// errc::invalid_question, too_many, no_randomness. The question's verdict must be a challenge.
    [[nodiscard]] result<Opened> open(Question question, std::chrono::seconds time_to_answer, TimePoint now,
                                      OnSettled on_settled);

    /// A verified proof. Answers with the state after it: pending (more is needed, see Snapshot.missing) or approved.
    /// A proof of another user than the question's is an approval: errc::wrong_user unless they may give one.
    [[nodiscard]] result<State> prove(const ChallengeId& id, const Digest& digest, Proof proof, TimePoint now);
    /// A wrong answer was given: recorded, never changes the state.
    void reject(const ChallengeId& id, const Proof& attempt, std::string why, TimePoint now);
    /// A no, by the user or by someone who may approve. It also takes back an approval that was not released yet.
    /// `why` is shown to the one who asked, "" for none; `from` is the address of the browser.
    [[nodiscard]] result<void> deny(const ChallengeId& id, const std::string& user, TimePoint now, std::string why = {},
                                    const std::string& from = {});
    /// The requester takes the question back. errc::wrong_user for everybody else.
    [[nodiscard]] result<void> withdraw(const ChallengeId& id, const std::string& user, TimePoint now,
                                        const std::string& from = {});
    /// The requester says why; refused (errc::settled) once somebody else has approved: they did so for what they read.
    [[nodiscard]] result<void> give_reason(const ChallengeId& id, const std::string& user, std::string why,
                                           TimePoint now);
    void cancel(const ChallengeId& id, std::string why, TimePoint now);

    /// The server's estimate has come. Ignored unless the challenge is pending.
    void note_impact(const ChallengeId& id, Impact impact, TimePoint now);

    /// approved -> consumed, exactly once, and only for the digest that was opened and before expiry. The caller has
    /// checked that policy and verdict are still those of the question. Starts the elevation the verdict offers.
    /// errc::approver_gone, and the challenge is cancelled, if somebody who approved may not any more. May block on the
    /// accounts.
    [[nodiscard]] result<Approval> consume(const ChallengeId& id, const Digest& digest, TimePoint now);

    /// The challenge whose elevation covers this question, if any; the caller then needs no challenge of its own.
    [[nodiscard]] std::optional<ChallengeId> elevated(const Question& question, TimePoint now) const;
    /// The same for an execution that is released now, and counts. `on_use` is told of it in its turn: behind the start
    /// of the elevation, before its end, and before this returns; perhaps on another thread, which holds no lock.
    [[nodiscard]] std::optional<ElevatedUse> use_elevation(const Question& question, TimePoint now, OnUse on_use);
    /// The session is over: its elevations (scopes statement and session) end, its pending and approved challenges are
    /// cancelled, unless they outlive it.
    void session_ended(const std::string& session, TimePoint now);
    /// Somebody has logged in from this address: what was granted to them at another one, and not to one session, ends.
    void session_started(const std::string& user, const std::string& client_address, TimePoint now);
    /// Those in force of a user, or "" for everyone's; newest first.
    [[nodiscard]] std::vector<Elevation> elevations(const std::string& user, TimePoint now) const;
    /// Ends one, by the challenge that it comes from. False: there is none.
    bool end_elevation(const ChallengeId& id, const std::string& by, TimePoint now);
    /// Those of a user (signed out, disabled, other factors), or "" for everyone's (a new policy).
    void end_elevations(const std::string& user, const std::string& why, TimePoint now);
    /// Those that this user approved for others: what a proof reaches is worth no more than who gave it.
    void end_elevations_approved_by(const std::string& user, const std::string& why, TimePoint now);

    [[nodiscard]] result<Snapshot> find(const ChallengeId& id) const;
    /// Pending first, newest first; those that `user` must answer.
    [[nodiscard]] std::vector<Snapshot> of_user(const std::string& user, std::size_t limit = 100) const;
    /// Of other people, that `user` may approve or deny; in the same order. May block on the accounts.
    [[nodiscard]] std::vector<Snapshot> for_approver(const std::string& user, std::size_t limit = 100) const;
    /// Is it this user's to say yes or no: as the one who asks, or as a second person? May block on the accounts.
    [[nodiscard]] bool may_decide(const Snapshot& challenge, const std::string& user) const;
    /// Pending and approved, for metrics.
    [[nodiscard]] std::size_t waiting() const;

    /// Expires and escalates what is due, and forgets what closed more than an hour ago.
    void tick(TimePoint now);

  private:
    struct Table;
    std::unique_ptr<Table> table_;
};

} // namespace stepgate::challenge_web::challenges
