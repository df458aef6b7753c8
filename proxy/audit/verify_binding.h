#pragma once

#include "policies/rules/verdict.h"
#include "proxy/audit/record_codec.h"

#include <cstdint>
#include <optional>
#include <string>

namespace stepgate::proxy::audit
{

/// How far a proof reaches; as in BoundFields.
struct Reach {
    std::string scope; // "": only the statement itself, once
    std::int64_t seconds = 0, count = 0;
};

/// What a challenge really asked, read from the bytes that its digest stands for.
struct Binding {
    policies::rules::Requirement requirement;
    Reach reach;
    std::int64_t expires_ns = 0; // since 1970
    std::string wrong;           // what the record says otherwise than those bytes; "": nothing
};

/// Compares a `challenge_opened` record with its `digest_input` (challenge-web/challenges/digest.h): who, where, rules,
/// labels, requirement, and the statements and parameter values as they are recorded. A passkey signed those bytes;
/// the record's other fields are only stepgate's word. nullopt: the record has no digest input that can be read.
[[nodiscard]] std::optional<Binding> read_binding(const RecordView& opened);

} // namespace stepgate::proxy::audit
