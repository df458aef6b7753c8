#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace stepgate::proxy::audit
{

/// A text of the evidence in a proof_accepted record; "" if it is not there.
[[nodiscard]] std::string evidence_text(std::string_view evidence_json, std::string_view key);

/// Checks a passkey assertion offline, from the evidence in a proof_accepted record (proxy/audit/README.md): challenge,
/// origin, relying party, user presence and the signature (ES256, RS256). nullopt: it holds; else what is wrong.
[[nodiscard]] std::optional<std::string> check_passkey_evidence(std::string_view evidence_json,
                                                                std::span<const std::byte> digest,
                                                                bool user_verification_required);

} // namespace stepgate::proxy::audit
