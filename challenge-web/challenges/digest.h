#pragma once

#include "challenge-web/challenges/challenge.h"
#include "challenge-web/challenges/errc.h"

#include <boost/system/result.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::challenge_web::challenges
{

// The digest of a challenge is SHA-256(digest_input). A passkey signs it, so it must stand for exactly one question:
//
//   digest_input = lp("stepgate-challenge-1"), then for each field, in a fixed order, lp(name) lp(value)
//   recorded     = SHA-256(lp("stepgate-recorded-1")
//                          lp(list of statements) lp(list of parameters) lp(list of premises))
//   commitment   = SHA-256(lp("stepgate-statements-1") lp(nonce)
//                          n { lp(sql) m { type_oid format null|lp(value) } k { lp(name) lp(value) } })
//
// lp(x) is the length of x as 32 bits, big-endian, and x itself; n, m and k (of premises) are 32-bit counts; lists are
// lp items. Every value has exactly one encoding and no two questions share one.
//
// The statements are in the input through `commitment`, not in the clear. That binds them as strongly as the bytes
// themselves would: another statement under the same commitment is a SHA-256 collision, exactly as another input under
// the same digest is. And it hides them: the nonce is 32 random bytes, so who holds the digest input without the nonce
// cannot test guesses of a literal. The audit can therefore always keep the digest input (and re-check a signature
// over it offline). The nonce also makes every digest unpredictable, as a WebAuthn challenge has to be (WebAuthn
// 13.4.3). `recorded` binds the texts that the audit shows, with or without literals, so that these can be compared.

/// Hash over the statements' bytes, parameter values and premises, in order.
[[nodiscard]] Digest statement_commitment(const Nonce& nonce, std::span<const HeldStatement> statements);

[[nodiscard]] Digest recorded_digest(const RecordedTexts& recorded);

/// The bytes the digest is taken over.
[[nodiscard]] std::string digest_input(const Question& question, const ChallengeId& id, TimePoint expires,
                                       const Nonce& nonce);

[[nodiscard]] Digest sha256(std::string_view bytes);
/// A digest, nonce or WebAuthn challenge as the bytes that it is.
[[nodiscard]] inline std::string_view bytes_of(const Digest& digest)
{
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

/// What a digest input says, for the offline verifier: it compares these with the audit record.
struct BoundFields {
    std::string challenge, user, session, listener, database, role, client_address, dialect;
    Digest commitment{}, recorded{};
    std::string action; // "challenge"
    std::int64_t level = 0;
    std::vector<std::string> factors;
    std::string approvers; // "" if the rules name no group
    std::int64_t approvals = 0;
    std::vector<std::string> rules, labels;
    std::string elevation_scope;        // "" if none is offered, else "statement", "session", "user_address", "label"
    std::int64_t elevation_seconds = 0; // 0 if none is offered
    std::int64_t elevation_count = 0;   // of "statement": executions in all
    std::string policy_revision;
    std::int64_t expires_us = 0; // microseconds since 1970
    bool operator==(const BoundFields&) const = default;
};

/// Reads what `digest_input` wrote; errc::malformed_digest_input for anything else. Total: never reads out of bounds.
[[nodiscard]] boost::system::result<BoundFields> parse_digest_input(std::string_view input);

} // namespace stepgate::challenge_web::challenges
