#include "proxy/app/challenge_recorder.h"

#include "challenge-web/challenges/base64url.h"
#include "proxy/app/log.h"

#include <array>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace stepgate::proxy::app
{
namespace
{

namespace challenges = challenge_web::challenges;
using What = challenges::Event::What;

constexpr const char* unwritable = "the audit journal cannot be written";

audit::Type type_of(What what)
{
    switch (what) {
    case What::opened:
        return audit::Type::challenge_opened;
    case What::proof_accepted:
        return audit::Type::proof_accepted;
    case What::proof_rejected:
        return audit::Type::proof_rejected;
    case What::approved:
        return audit::Type::challenge_approved;
    case What::denied:
        return audit::Type::challenge_denied;
    case What::expired:
        return audit::Type::challenge_expired;
    case What::cancelled:
        return audit::Type::challenge_cancelled;
    case What::reason_given:
        return audit::Type::challenge_reason;
    case What::escalated:
        return audit::Type::challenge_escalated;
    case What::impact_known:
    case What::consumed: // neither is recorded here
        return audit::Type::release;
    }
    return audit::Type::challenge_cancelled;
}

std::string hex(std::span<const std::byte> bytes)
{
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const auto byte : bytes) {
        text += digits[std::to_integer<unsigned>(byte) >> 4];
        text += digits[std::to_integer<unsigned>(byte) & 15];
    }
    return text;
}

// Statement texts and parameter values as the audit may keep them.
using Fields = std::vector<audit::Field>;

void add_question(Fields& fields, const challenges::Snapshot& challenge)
{
    const auto& question = challenge.question;
    fields.emplace_back("code", challenge.code);
    fields.emplace_back("digest_input", challenges::base64url_encode(challenge.digest_input));
    fields.emplace_back("listener", question.listener);
    fields.emplace_back("database", question.database);
    fields.emplace_back("role", question.role);
    fields.emplace_back("client_address", question.client_address);
    fields.emplace_back("application_name", question.application_name);
    fields.emplace_back("statements", question.recorded.statements);
    fields.emplace_back("parameters", question.recorded.parameters);
    fields.emplace_back("premises", question.recorded.premises);
    fields.emplace_back("redacted", question.sensitive);
    fields.emplace_back("level", std::int64_t{question.verdict.requirement.level});
    if (const int approvals = challenges::approvals_needed(question.verdict.requirement); approvals > 0) {
        fields.emplace_back("approvals", std::int64_t{approvals});
        fields.emplace_back("approvers", challenges::approver_group(question.verdict.requirement));
    }
    if (const auto& escalate = question.verdict.requirement.escalate) {
        fields.emplace_back("escalate_after", std::int64_t{escalate->after.count()});
        fields.emplace_back("escalate_to", escalate->group);
    }
    fields.emplace_back("rules", question.verdict.rules);
    fields.emplace_back("because", question.verdict.because);
    fields.emplace_back("labels", question.verdict.labels);
    fields.emplace_back("tables", question.tables);
    fields.emplace_back("opaque_reasons", question.opaque_reasons);
    fields.emplace_back("policy_revision", question.policy_revision);
    fields.emplace_back("in_transaction", question.in_transaction);
    fields.emplace_back(
        "expires",
        std::int64_t{
            std::chrono::duration_cast<std::chrono::milliseconds>(challenge.expires.time_since_epoch()).count()});
}

void add_proof(Fields& fields, const challenges::Snapshot& challenge, const challenges::Proof& proof)
{
    fields.emplace_back("proof_user", proof.user);
    fields.emplace_back("factor", proof.factor);
    fields.emplace_back("kind", proof.kind);
    fields.emplace_back("phishing_resistant", proof.phishing_resistant);
    fields.emplace_back("user_verified", proof.user_verified);
    fields.emplace_back("credential", proof.credential);
    fields.emplace_back("digest_input", challenges::base64url_encode(challenge.digest_input));
    fields.emplace_back("evidence", proof.evidence);
    fields.emplace_back("answered_from", proof.from);
}

} // namespace

void ChallengeRecorder::operator()(const challenges::Event& event) const
{
    if (event.what == What::consumed)
        return; // the session writes `release` itself, durably, before the statement goes on
    if (event.what == What::impact_known)
        return;
    const auto& challenge = event.challenge;
    audit::Record record;
    record.type = type_of(event.what);
    record.at = event.at;
    record.session = challenge.question.session;
    record.user = challenge.question.user;
    record.fields.emplace_back("challenge", challenge.id);
    record.fields.emplace_back("digest", hex(challenge.digest));
    if (event.what == What::opened)
        add_question(record.fields, challenge);
    if (event.proof)
        add_proof(record.fields, challenge, *event.proof);
    if (event.what == What::escalated)
        record.fields.emplace_back("group", challenge.question.verdict.requirement.escalate->group);
    if (event.what == What::proof_accepted && !event.proof->reason.empty())
        record.fields.emplace_back("reason", event.proof->reason);
    const auto& reason = event.detail.empty() ? challenge.close_reason : event.detail;
    if (!reason.empty())
        record.fields.emplace_back("reason", reason);
    if (!challenge.closed_by.empty())
        record.fields.emplace_back("by", challenge.closed_by);
    if (!challenge.closed_from.empty())
        record.fields.emplace_back("answered_from", challenge.closed_from);

    if (writer_.submit(std::move(record)))
        return;
    const auto now = challenges_.find(challenge.id);
    if (now && now->close_reason == unwritable)
        return; // told: one answer makes several events, and cancelling makes one
    log_error("the audit journal could not take an event of challenge " + challenge.id + "; it is cancelled");
    if (event.what != What::cancelled) // cancelling again would only come back here
        challenges_.cancel(challenge.id, unwritable, event.at);
}

void ChallengeRecorder::operator()(const challenges::ElevationEvent& event) const
{
    const auto& elevation = event.elevation;
    audit::Record record;
    record.type = event.started ? audit::Type::elevation_started : audit::Type::elevation_ended;
    record.at = event.at;
    record.session = elevation.session;
    record.user = elevation.user;
    record.fields.emplace_back("challenge", elevation.challenge);
    if (event.started) {
        record.fields.emplace_back("scope", std::string{to_string(elevation.offer.scope)});
        if (elevation.offer.count > 0)
            record.fields.emplace_back("count", std::int64_t{elevation.offer.count});
        record.fields.emplace_back("seconds", std::int64_t{elevation.offer.duration.count()});
        record.fields.emplace_back("client_address", elevation.client_address);
        record.fields.emplace_back("rules", elevation.rules);
        record.fields.emplace_back("labels", elevation.labels);
    } else {
        record.fields.emplace_back("reason", event.reason);
    }
    if (!event.by.empty())
        record.fields.emplace_back("by", event.by);
    if (writer_.submit(std::move(record)) || !event.started)
        return;
    log_error("the audit journal could not take an elevation of challenge " + elevation.challenge + "; it ends");
    (void)challenges_.end_elevation(elevation.challenge, {}, event.at);
}

} // namespace stepgate::proxy::app
