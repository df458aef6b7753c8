#include "proxy/audit/verify_releases.h"

#include "challenge-web/challenges/requirement.h"
#include "proxy/audit/verify_binding.h"
#include "proxy/audit/verify_passkey.h"

#include <algorithm>

namespace stepgate::proxy::audit
{

using challenge_web::challenges::Missing;
using challenge_web::challenges::Proof;

void ReleaseCheck::apply(const RecordView& record)
{
    switch (record.type) {
    case Type::challenge_opened:
        opened(record);
        return;
    case Type::proof_accepted:
        proof(record);
        return;
    case Type::release:
        release(record);
        return;
    case Type::elevation_ended:
        elevation_ended(record);
        return;
    case Type::factor_enrolled:
    case Type::factor_removed:
        factors_.apply(record);
        return;
    case Type::challenge_denied:
    case Type::challenge_expired:
    case Type::challenge_cancelled:
        close(record);
        return;
    default:
        return;
    }
}

namespace
{

/// SHA-256 of the canonical bytes must be the digest, wherever a record gives both.
bool digest_holds(const RecordView& record)
{
    if (!record.find("digest_input"))
        return true;
    const auto input = from_base64url(record.text("digest_input"));
    return input && to_hex(Hasher{}(*input)) == record.text("digest");
}

/// A release is on disk a moment after it was decided.
constexpr std::int64_t clock_slack_ns = 10'000'000'000;

std::int64_t executions_of(const RecordView& release)
{
    return static_cast<std::int64_t>(std::max<std::size_t>(release.list("statements").size(), 1));
}

constexpr const char* other_input = "the digest is not that of its input";

Proof proof_of(const RecordView& record)
{
    Proof proof;
    proof.user = record.text("proof_user");
    proof.factor = record.text("factor");
    proof.kind = record.text("kind");
    proof.phishing_resistant = record.number("phishing_resistant") != 0;
    proof.user_verified = record.number("user_verified") != 0;
    proof.credential = record.text("credential");
    return proof;
}

} // namespace

void ReleaseCheck::opened(const RecordView& record)
{
    const std::string id{record.text("challenge")};
    if (challenges_.contains(id))
        report_(FindingKind::release, record.sequence, "challenge " + id + " was opened twice");
    const auto binding = read_binding(record);
    if (!digest_holds(record))
        report_(FindingKind::proof, record.sequence, other_input);
    else if (!binding)
        report_(FindingKind::proof, record.sequence, "what the digest stands for cannot be read");
    else if (!binding->wrong.empty())
        report_(FindingKind::proof, record.sequence, binding->wrong);
    Challenge challenge;
    challenge.digest = record.text("digest");
    challenge.requester = record.user;
    challenge.session = record.session;
    challenge.client_address = record.text("client_address");
    if (binding) {
        challenge.expires_ns = binding->expires_ns;
        challenge.requirement = binding->requirement;
        challenge.reach = binding->reach;
    }
    challenges_[id] = std::move(challenge);
}

void ReleaseCheck::proof(const RecordView& record)
{
    ++proofs_;
    const std::string id{record.text("challenge")};
    auto found = challenges_.find(id);
    if (found == challenges_.end()) {
        if (complete_)
            report_(FindingKind::proof, record.sequence, "a proof for challenge " + id + ", which was never opened");
        found = challenges_.emplace(id, Challenge{}).first;
        found->second.digest = record.text("digest");
        found->second.requester = record.user;
        found->second.known = false;
    }
    Challenge& challenge = found->second;
    if (challenge.closed || challenge.consumed)
        report_(FindingKind::proof, record.sequence, "a proof was accepted after challenge " + id + " was closed");
    if (challenge.known && record.at_ns > challenge.expires_ns + clock_slack_ns)
        report_(FindingKind::proof, record.sequence, "a proof was accepted after challenge " + id + " had expired");
    if (record.text("digest") != challenge.digest) {
        report_(FindingKind::proof, record.sequence, "the proof is for another digest than challenge " + id);
        return;
    }
    const bool signed_by_passkey = evidence_text(record.text("evidence"), "type") == "webauthn";
    if (const auto wrong = wrong_proof(record, signed_by_passkey); !wrong.empty()) {
        report_(FindingKind::proof, record.sequence, wrong);
        return;
    }
    Proof proof = proof_of(record);
    on_proof_({record.sequence, id, proof.user, proof.factor, proof.user != challenge.requester, signed_by_passkey});
    challenge.proofs.push_back(std::move(proof));
}

/// "": it holds.
std::string ReleaseCheck::wrong_proof(const RecordView& record, bool signed_by_passkey) const
{
    if (!digest_holds(record))
        return other_input;
    if (!signed_by_passkey && record.text("factor") == "passkey")
        return "a passkey proof without its evidence";
    if (!signed_by_passkey && record.number("phishing_resistant") != 0)
        return "a proof that is said to resist phishing, without a passkey's signature";
    if (const auto wrong = factors_.check(record))
        return *wrong;
    if (!signed_by_passkey)
        return {};
    const auto digest = from_hex(record.text("digest"));
    return check_passkey_evidence(record.text("evidence"), digest.value_or(std::vector<std::byte>{}),
                                  record.number("user_verified") != 0)
        .value_or("");
}

/// Who may approve was decided by the groups of that time, which the journal does not have: here everyone may.
void ReleaseCheck::check_requirement(const Challenge& challenge, const std::string& id, std::uint64_t sequence)
{
    if (!challenge.known)
        return;
    const auto missing =
        challenge_web::challenges::missing_for(challenge.requirement, challenge.requester, challenge.proofs,
                                               [](const std::string&, const std::string&) { return true; });
    for (const auto& [what, kinds, factors, group, count] : missing)
        report_(FindingKind::release, sequence,
                what == Missing::What::approvals
                    ? "a release without the approvals of " + std::to_string(count) + " more people for challenge " + id
                    : "a release without proofs that meet the requirement of challenge " + id + ": " +
                          std::string{to_string(what)} + " is missing");
}

void ReleaseCheck::release(const RecordView& record)
{
    ++releases_;
    // Under an elevation the release names the challenge whose proof reaches this far.
    const std::string elevation{record.text("elevation")};
    const std::string id = elevation.empty() ? std::string{record.text("challenge")} : elevation;
    const auto found = challenges_.find(id);
    if (found == challenges_.end()) {
        if (complete_)
            report_(FindingKind::release, record.sequence,
                    id.empty() ? "a release without a challenge"
                               : "a release for challenge " + id + ", which was never opened");
        return;
    }
    Challenge& challenge = found->second;
    check_requirement(challenge, id, record.sequence);
    if (record.user != challenge.requester)
        report_(FindingKind::release, record.sequence,
                "a release to somebody else than who asked with challenge " + id);
    if (!elevation.empty()) {
        elevated(challenge, id, record);
        return;
    }
    if (record.text("digest") != challenge.digest)
        report_(FindingKind::release, record.sequence, "the release is for another digest than challenge " + id);
    if (challenge.consumed)
        report_(FindingKind::release, record.sequence, "challenge " + id + " was used twice");
    if (challenge.closed)
        report_(FindingKind::release, record.sequence, "a release after challenge " + id + " was closed");
    if (challenge.known && record.at_ns > challenge.expires_ns + clock_slack_ns)
        report_(FindingKind::release, record.sequence, "a release after challenge " + id + " had expired");
    challenge.consumed = true;
    challenge.released_ns = record.at_ns;
    challenge.executions = executions_of(record);
}

/// A release without a proof of its own. What the elevation's challenge offers is part of what was signed.
void ReleaseCheck::elevated(Challenge& challenge, const std::string& id, const RecordView& record)
{
    const auto wrong = [&](const std::string& what) {
        report_(FindingKind::release, record.sequence, "a release under challenge " + id + what);
    };
    if (!challenge.known)
        return;
    const auto& reach = challenge.reach;
    if (reach.scope.empty())
        return wrong(", which offers no elevation");
    if (!challenge.consumed && reach.scope == "statement")
        wrong(", which was not released itself");
    if (challenge.consumed && record.at_ns - challenge.released_ns > reach.seconds * 1'000'000'000 + clock_slack_ns)
        wrong(" after its elevation was over");
    if (challenge.elevation_ended)
        wrong(" after its elevation had been ended");
    if ((reach.scope == "session" || reach.scope == "statement") && record.session != challenge.session)
        wrong(" in another session");
    if ((reach.scope == "user_address" || reach.scope == "label") &&
        record.text("client_address") != challenge.client_address)
        wrong(" from another address");
    if (reach.scope != "statement")
        return;
    if (record.number("ordinal") != challenge.executions + 1)
        wrong(" that is not the next execution");
    challenge.executions += executions_of(record);
    if (challenge.executions > reach.count)
        wrong(", which allows " + std::to_string(reach.count) + " executions");
}

void ReleaseCheck::elevation_ended(const RecordView& record)
{
    if (const auto found = challenges_.find(record.text("challenge")); found != challenges_.end())
        found->second.elevation_ended = true;
}

void ReleaseCheck::close(const RecordView& record)
{
    const auto found = challenges_.find(record.text("challenge"));
    if (found != challenges_.end())
        found->second.closed = true;
}

} // namespace stepgate::proxy::audit
