#include "proxy/audit/verify_factors.h"

#include "proxy/audit/verify_passkey.h"

namespace stepgate::proxy::audit
{

void EnrolledFactors::apply(const RecordView& record)
{
    const std::string credential{record.text("credential")};
    if (record.type == Type::factor_enrolled) {
        const auto replaced = by_credential_.find(std::string{record.text("replaces")});
        if (replaced != by_credential_.end())
            replaced->second.removed = true;
        by_credential_[credential] = {std::string{record.text("factor")}, std::string{record.user},
                                      std::string{record.text("public_key")}};
        return;
    }
    const auto known = by_credential_.find(credential);
    if (record.type == Type::factor_removed && known != by_credential_.end())
        known->second.removed = true;
}

namespace
{

/// An address that an administrator has set: nothing was enrolled. The evidence says where the code went.
std::optional<std::string> check_mailed_code(const RecordView& proof)
{
    const auto evidence = proof.text("evidence");
    if (evidence_text(evidence, "type") != "email_code" ||
        evidence_text(evidence, "credential") != proof.text("credential"))
        return "the evidence is of another code";
    return std::nullopt;
}

/// An account elsewhere: nothing was enrolled. The evidence has what its provider signed.
std::optional<std::string> check_login(const RecordView& proof)
{
    const auto evidence = proof.text("evidence");
    if (evidence_text(evidence, "type") != "identity_provider" || evidence_text(evidence, "id_token").empty() ||
        evidence_text(evidence, "credential") != proof.text("credential"))
        return "the evidence is of another login";
    return std::nullopt;
}

} // namespace

std::optional<std::string> EnrolledFactors::check(const RecordView& proof) const
{
    if (proof.text("factor") == "email_code")
        return check_mailed_code(proof);
    if (proof.text("factor") == "identity_provider")
        return check_login(proof);
    const auto known = by_credential_.find(proof.text("credential"));
    if (known == by_credential_.end())
        return complete_ ? std::optional<std::string>{"a proof by a factor that was never enrolled"} : std::nullopt;
    const Factor& factor = known->second;
    if (factor.removed)
        return "a proof by a factor that was removed before";
    if (factor.kind != proof.text("factor"))
        return "a proof by another kind of factor than the enrolled one";
    if (factor.user != proof.text("proof_user"))
        return "a proof by the factor of another user";
    const auto evidence = proof.text("evidence");
    if (factor.kind == "passkey" && evidence_text(evidence, "credential_id") != known->first)
        return "the evidence is of another passkey";
    if (!factor.public_key.empty() && evidence_text(evidence, "public_key") != factor.public_key)
        return "the passkey's key is not the one that was enrolled";
    return std::nullopt;
}

} // namespace stepgate::proxy::audit
