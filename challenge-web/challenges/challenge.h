#pragma once

#include "policies/rules/verdict.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::challenge_web::challenges
{

using TimePoint = std::chrono::system_clock::time_point;
using Digest = std::array<std::byte, 32>;
using Nonce = std::array<std::byte, 32>;

/// 128 random bits as 22 base64url characters: not guessable, safe in a URL.
using ChallengeId = std::string;

enum class State : std::uint8_t {
    pending,   // waiting for proofs
    approved,  // requirement met, statement not yet released; may still be denied, expire or be cancelled
    consumed,  // released once; nothing leads out of here
    denied,    // a person said no
    expired,   // nobody answered in time
    cancelled, // the client, its server or the proxy went away, or the client sent something newer
};
[[nodiscard]] std::string_view to_string(State state);

/// One parameter value of an extended-protocol execution, as bound.
struct Parameter {
    std::optional<std::string> value; // nullopt: NULL; bytes as sent
    bool binary = false;
    std::uint32_t type_oid = 0; // 0: not stated
    bool operator==(const Parameter&) const = default;
};

/// Something of the session without which the text would mean something else: what SET gave a setting or a variable,
/// the text behind a name that it executes.
struct Premise {
    std::string name, value;
    bool operator==(const Premise&) const = default;
};

/// One execution inside the hold.
struct HeldStatement {
    std::string sql; // exact bytes
    std::vector<Parameter> parameters;
    std::vector<Premise> premises = {};
    bool operator==(const HeldStatement&) const = default;
};

/// What the audit keeps of held statements: the texts, or, where they are sensitive, the texts without their literals.
struct RecordedTexts {
    std::vector<std::string> statements;
    std::vector<std::string> parameters;    // "1.$2 = 17": second value of the first statement
    std::vector<std::string> premises = {}; // "1.search_path = aside": of the first statement
    bool operator==(const RecordedTexts&) const = default;
};

/// The question put to a person: everything that an approval binds, and what the page shows.
struct Question {
    std::string user;    // who must answer
    std::string session; // session id, as in logs and audit
    std::string listener, database, role, client_address, application_name;
    std::string dialect; // "postgres", "mysql", "mariadb"
    std::vector<HeldStatement> statements;
    RecordedTexts recorded; // of them; bound too, so that reviewers read what was answered
    policies::rules::Verdict verdict;
    std::string policy_revision;
    std::vector<std::string> tables; // "public.customers (ssn, email)", for people
    std::vector<std::string> opaque_reasons;
    bool in_transaction = false;
    bool sensitive = false; // literals must not reach logs or audit in the clear
    /// The client cannot wait for the answer: it runs the statement again, maybe in another session.
    bool outlives_session = false;
};

/// What a held statement would do to the data, as far as the server can tell without running it. For people only: an
/// approval does not bind it, and it may come after the challenge was opened, or never.
struct Impact {
    std::optional<std::int64_t> rows;  // that the planner expects to return or change; MySQL: to look at
    std::vector<std::string> tables;   // that it reads or changes
    std::vector<std::string> cascades; // other tables whose rows change by foreign keys: "payments (about 700 rows)"
    std::vector<std::string> locks;    // that the session's transaction holds: "RowExclusiveLock on orders"
    std::string problem;               // why there is no estimate; "" if there is one
    bool operator==(const Impact&) const = default;
};

/// What a factor's verification yields. Only factors make these (challenge-web/factors).
struct Proof {
    std::string user;   // who proved
    std::string factor; // "passkey", "totp", …
    std::string kind;   // "possession", "knowledge", "inherence"
    bool phishing_resistant = false;
    bool user_verified = false;
    std::string credential; // id of the credential used; two proofs with the same credential count once
    std::string evidence;   // JSON for the audit: what a verifier needs to check the proof offline
    std::string reason{};   // why they approve, in their words; "" for none
    std::string from{};     // address of the browser; for the audit
};

/// A yes that releases the statement: made by `Challenges::consume`, once.
class Approval
{
  public:
    [[nodiscard]] const ChallengeId& challenge() const { return challenge_; }
    [[nodiscard]] const Digest& digest() const { return digest_; }
    /// By the clock of the challenges, which does not run back: limits hold by it.
    [[nodiscard]] TimePoint at() const { return at_; }

  private:
    friend class Challenges;
    Approval(ChallengeId challenge, Digest digest, TimePoint at)
        : challenge_(std::move(challenge)), digest_(digest), at_(at)
    {
    }
    ChallengeId challenge_;
    Digest digest_;
    TimePoint at_;
};

} // namespace stepgate::challenge_web::challenges
