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
[[nodiscard]] Response list_identity_providers(Call& call);
[[nodiscard]] Response begin_provider_sign_in(Call& call);
[[nodiscard]] Response finish_provider_sign_in(Call& call);
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
[[nodiscard]] Response get_push(Call& call);
[[nodiscard]] Response begin_push_enrolment(Call& call);
[[nodiscard]] Response finish_push_enrolment(Call& call);
[[nodiscard]] Response remove_factor(Call& call);

// challenge_api.cpp
[[nodiscard]] Response list_challenges(Call& call);
[[nodiscard]] Response get_challenge(Call& call);
[[nodiscard]] Response begin_passkey_proof(Call& call);
[[nodiscard]] Response prove_with_passkey(Call& call);
[[nodiscard]] Response prove_with_totp(Call& call);
[[nodiscard]] Response prove_with_recovery_code(Call& call);
[[nodiscard]] Response prove_with_pin(Call& call);
[[nodiscard]] Response begin_email_code_proof(Call& call);
[[nodiscard]] Response get_email_code(Call& call);
[[nodiscard]] Response prove_with_email_code(Call& call);
[[nodiscard]] Response begin_push_proof(Call& call);
[[nodiscard]] Response open_push(Call& call);
[[nodiscard]] Response prove_with_push(Call& call);
[[nodiscard]] Response begin_provider_proof(Call& call);
[[nodiscard]] Response prove_with_identity_provider(Call& call);
[[nodiscard]] Response deny_challenge(Call& call);
[[nodiscard]] Response withdraw_challenge(Call& call);
[[nodiscard]] Response give_request_reason(Call& call);

// elevation_api.cpp
[[nodiscard]] Response list_elevations(Call& call);
[[nodiscard]] Response end_elevation(Call& call);

// sessions_api.cpp
[[nodiscard]] Response list_web_sessions(Call& call);
[[nodiscard]] Response end_web_session(Call& call);
[[nodiscard]] Response sign_out_everywhere(Call& call);
[[nodiscard]] Response list_database_sessions(Call& call);
[[nodiscard]] Response end_database_session(Call& call);

// connect_api.cpp
[[nodiscard]] Response list_database_passwords(Call& call);
[[nodiscard]] Response issue_database_password(Call& call);
[[nodiscard]] Response revoke_database_password(Call& call);

// token_api.cpp
[[nodiscard]] Response list_api_tokens(Call& call);
[[nodiscard]] Response add_api_token(Call& call);
[[nodiscard]] Response revoke_api_token(Call& call);

// events_api.cpp
[[nodiscard]] Response stream_events(Call& call);

// overview_api.cpp
[[nodiscard]] Response get_history(Call& call);
[[nodiscard]] Response get_policy(Call& call);

// users_api.cpp
[[nodiscard]] Response list_users(Call& call);
[[nodiscard]] Response add_user(Call& call);
[[nodiscard]] Response set_user_groups(Call& call);
[[nodiscard]] Response disable_user(Call& call);
[[nodiscard]] Response enable_user(Call& call);
[[nodiscard]] Response make_enrolment_link(Call& call);

// audit_api.cpp
/// How often somebody may read what the audit has.
[[nodiscard]] std::optional<Response> limit_audit(Call& call);
[[nodiscard]] Response search_audit(Call& call);
[[nodiscard]] Response get_audit_record(Call& call);
[[nodiscard]] Response get_audit_status(Call& call);

} // namespace stepgate::challenge_web::server
