#include "proxy/audit/verify_releases.h"

#include "proxy/audit/verify_passkey.h"

namespace stepgate::proxy::audit
{

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

/// SHA-256 of the canonical bytes that were signed must be the digest, wherever a record gives both.
bool ReleaseCheck::digest_holds(const RecordView& record)
{
    const auto digest = record.text("digest");
    const auto input = from_base64url(record.text("digest_input"));
    if (!record.find("digest_input"))
        return true;
    if (input && to_hex(Hasher{}(*input)) == digest)
        return true;
    report_(FindingKind::proof, record.sequence, "the digest is not that of its input");
    return false;
}

void ReleaseCheck::opened(const RecordView& record)
{
    const std::string id{record.text("challenge")};
    if (challenges_.contains(id))
        report_(FindingKind::release, record.sequence, "challenge " + id + " was opened twice");
    digest_holds(record);
    Challenge challenge;
    challenge.digest = record.text("digest");
    challenge.requester = record.user;
    challenge.approvals = record.number("approvals");
    challenges_[id] = std::move(challenge);
}

void ReleaseCheck::proof(const RecordView& record)
{
    ++proofs_;
    const std::string id{record.text("challenge")};
    auto challenge = challenges_.find(id);
    if (challenge == challenges_.end()) {
        if (complete_)
            report_(FindingKind::proof, record.sequence, "a proof for challenge " + id + ", which was never opened");
        challenge = challenges_.emplace(id, Challenge{}).first;
        challenge->second.digest = record.text("digest");
        challenge->second.requester = record.user;
    }
    if (challenge->second.closed || challenge->second.consumed)
        report_(FindingKind::proof, record.sequence, "a proof was accepted after challenge " + id + " was closed");
    if (record.text("digest") != challenge->second.digest) {
        report_(FindingKind::proof, record.sequence, "the proof is for another digest than challenge " + id);
        return;
    }
    if (!digest_holds(record))
        return;
    const auto evidence = record.text("evidence");
    const std::string type = evidence_text(evidence, "type");
    const bool passkey = record.text("factor") == "passkey";
    if (passkey && type != "webauthn") {
        report_(FindingKind::proof, record.sequence, "a passkey proof without its evidence");
        return;
    }
    if (const auto wrong = factors_.check(record)) {
        report_(FindingKind::proof, record.sequence, *wrong);
        return;
    }
    if (type == "webauthn") {
        const auto digest = from_hex(record.text("digest"));
        const bool verified = record.number("user_verified") != 0;
        const auto wrong = check_passkey_evidence(evidence, digest.value_or(std::vector<std::byte>{}), verified);
        if (wrong) {
            report_(FindingKind::proof, record.sequence, *wrong);
            return;
        }
    }
    const std::string by{record.text("proof_user")};
    if (by == challenge->second.requester)
        challenge->second.proven = true;
    else
        challenge->second.approved_by.insert(by);
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
    if (!challenge.proven)
        report_(FindingKind::release, record.sequence, "a release without a valid proof for challenge " + id);
    if (static_cast<std::int64_t>(challenge.approved_by.size()) < challenge.approvals)
        report_(FindingKind::release, record.sequence,
                "a release without the approvals of " + std::to_string(challenge.approvals) +
                    " other people for challenge " + id);
    if (!elevation.empty())
        return;
    if (record.text("digest") != challenge.digest)
        report_(FindingKind::release, record.sequence, "the release is for another digest than challenge " + id);
    if (challenge.consumed)
        report_(FindingKind::release, record.sequence, "challenge " + id + " was used twice");
    if (challenge.closed)
        report_(FindingKind::release, record.sequence, "a release after challenge " + id + " was closed");
    challenge.consumed = true;
}

void ReleaseCheck::close(const RecordView& record)
{
    const auto found = challenges_.find(record.text("challenge"));
    if (found != challenges_.end())
        found->second.closed = true;
}

} // namespace stepgate::proxy::audit
