#pragma once

#include "challenge-web/challenges/challenge.h"
#include "challenge-web/challenges/errc.h"

#include <boost/system/result.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace stepgate::challenge_web::challenges {

template <class T>
using result = boost::system::result<T>;

/// A challenge as others see it: a copy, never a reference into the table.
struct Snapshot {
    ChallengeId id;
    std::string code; // short code shown in the terminal and on the page, "KX4-7PM": same place, same statement
    State state = State::pending;
    Question question;
    Digest digest{};
    TimePoint opened{}, expires{};
    std::optional<TimePoint> closed;
    std::vector<Proof> proofs;
    std::string closed_by;    // user who denied, or empty
    std::string close_reason; // "client disconnected", …
};

/// Everything that happens to challenges, for the audit, the inbox and metrics.
struct Event {
    enum class What { opened, proof_accepted, proof_rejected, approved, denied, expired, cancelled, consumed } what;
    Snapshot challenge;        // after the event
    std::optional<Proof> proof;
    std::string detail;        // why a proof was rejected
    TimePoint at{};
};

/// What an opened hold gets back.
struct Opened { ChallengeId id; std::string code; Digest digest{}; TimePoint expires{}; };

/// All challenges of this process. Thread-safe (one mutex, never held while calling out); owned by the app, lives
/// longer than every session. It has no thread and no clock: `tick` is called about once a second.
class Challenges
{
  public:
    /// Called once, when the challenge leaves `pending`, on the thread that caused it. Must only post.
    using OnSettled = std::function<void(State, const std::string& reason)>;
    using OnEvent = std::function<void(const Event&)>;

    explicit Challenges(std::size_t limit_per_user = 100, std::size_t limit_total = 10'000);
    ~Challenges();

    /// Who hears every event (audit, inbox stream, metrics). Only before the first `open`.
    void observe(OnEvent observer);

    [[nodiscard]] result<Opened> open(Question question, std::chrono::seconds time_to_answer, TimePoint now, OnSettled on_settled);

    /// A verified proof. Answers with the state after it.
    [[nodiscard]] result<State> prove(const ChallengeId& id, const Digest& digest, Proof proof, TimePoint now);
    /// A wrong answer was given: recorded, never changes the state.
    void reject(const ChallengeId& id, const Proof& attempt, std::string why, TimePoint now);
    [[nodiscard]] result<void> deny(const ChallengeId& id, const std::string& user, TimePoint now);
    void cancel(const ChallengeId& id, std::string why, TimePoint now);

    /// approved -> consumed, exactly once, and only for the digest that was opened and before expiry.
    [[nodiscard]] result<Approval> consume(const ChallengeId& id, const Digest& digest, TimePoint now);

    /// True if an elevation from an earlier proof covers this question; the caller then needs no challenge.
    [[nodiscard]] bool elevated(const Question& question, TimePoint now) const;
    /// The session is over: its elevations end, its pending challenges are cancelled.
    void session_ended(const std::string& session, TimePoint now);
    /// Users who were disabled, or "" for everyone (a new policy): their elevations end.
    void revoke_elevations(const std::string& user);

    [[nodiscard]] result<Snapshot> find(const ChallengeId& id) const;
    /// Pending first, newest first; those that `user` must answer.
    [[nodiscard]] std::vector<Snapshot> of_user(const std::string& user, std::size_t limit = 100) const;

    /// Expires what is due and forgets what closed more than an hour ago.
    void tick(TimePoint now);

  private:
    struct Table;
    std::unique_ptr<Table> table_;
};

} // namespace stepgate::challenge_web::challenges
