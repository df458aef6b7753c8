#pragma once

#include "challenge-web/server/call.h"

namespace stepgate::challenge_web::server
{

// One function an operation of challenge-web/api/openapi.yaml, named by its operationId. They may block; the router
// has checked access, origin and CSRF token before.

// session_api.cpp
[[nodiscard]] Response get_session(Call& call);
[[nodiscard]] Response sign_out(Call& call);
[[nodiscard]] Response begin_passkey_sign_in(Call& call);
[[nodiscard]] Response finish_passkey_sign_in(Call& call);
[[nodiscard]] Response sign_in_with_totp(Call& call);
[[nodiscard]] Response sign_in_with_recovery_code(Call& call);
[[nodiscard]] Response redeem_enrolment(Call& call);

// factor_api.cpp
[[nodiscard]] Response list_factors(Call& call);
[[nodiscard]] Response begin_passkey_enrolment(Call& call);
[[nodiscard]] Response finish_passkey_enrolment(Call& call);
[[nodiscard]] Response begin_totp_enrolment(Call& call);
[[nodiscard]] Response finish_totp_enrolment(Call& call);
[[nodiscard]] Response begin_recovery_codes(Call& call);
[[nodiscard]] Response finish_recovery_codes(Call& call);
[[nodiscard]] Response set_pin(Call& call);
[[nodiscard]] Response remove_factor(Call& call);

// challenge_api.cpp
[[nodiscard]] Response list_challenges(Call& call);
[[nodiscard]] Response get_challenge(Call& call);
[[nodiscard]] Response begin_passkey_proof(Call& call);
[[nodiscard]] Response prove_with_passkey(Call& call);
[[nodiscard]] Response prove_with_totp(Call& call);
[[nodiscard]] Response prove_with_recovery_code(Call& call);
[[nodiscard]] Response prove_with_pin(Call& call);
[[nodiscard]] Response deny_challenge(Call& call);

// events_api.cpp
[[nodiscard]] Response stream_events(Call& call);

// audit_api.cpp
[[nodiscard]] Response search_audit(Call& call);
[[nodiscard]] Response get_audit_record(Call& call);
[[nodiscard]] Response get_audit_status(Call& call);

} // namespace stepgate::challenge_web::server
