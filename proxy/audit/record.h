#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace stepgate::proxy::audit
{

using TimePoint = std::chrono::system_clock::time_point;

/// What happened. Names (`to_string`) are stable: they are in journals that are kept for years.
enum class Type : std::uint8_t {
    start,
    stop,
    policy_loaded,     // of the proxy
    journal_recovered, // the disk took records again after it had refused; made by the writer itself
    session_start,
    session_end,
    login_failed,
    protocol_error,
    statement, // judged and about to be forwarded or held
    outcome,   // rows, SQLSTATE, duration of a forwarded statement
    challenge_opened,
    proof_accepted,
    proof_rejected,
    challenge_approved,
    challenge_denied,
    challenge_expired,
    challenge_cancelled,
    challenge_reason,    // why the requester needs it
    challenge_escalated, // another group may approve as well
    release,             // release: the approval was used and the bytes go on
    session_end_asked,   // a person ended a database session on a page
    elevation_started,   // a proof reaches further than its statement
    elevation_ended,
    database_password_issued,
    database_password_revoked,
    api_token_created,
    api_token_revoked,
    api_token_used, // for the first time from an address
    web_sign_in,
    web_sign_in_failed,
    web_sign_out,
    factor_enrolled,
    factor_removed,
    user_changed,
    notification_failed, // a message that nobody got
    audit_read,          // a reviewer searched or exported
    checkpoint,          // signed; made by the writer itself
};
[[nodiscard]] std::string_view to_string(Type type);
[[nodiscard]] std::optional<Type> type_from_string(std::string_view name);

/// A named value of a record. Keys are short snake_case names listed in proxy/audit/README.md.
using Value = std::variant<std::int64_t, bool, std::string, std::vector<std::string>>;
using Field = std::pair<std::string, Value>; // twice the same key: the last wins

/// One event, before it has a place in the chain (the writer adds sequence number, hash of the record before).
struct Record {
    Type type{};
    TimePoint at{};
    std::string session; // "" for events outside a session
    std::string user;
    std::vector<Field> fields;
};

} // namespace stepgate::proxy::audit
