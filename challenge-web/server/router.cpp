#include "challenge-web/server/router.h"

#include "challenge-web/accounts/host_of.h"
#include "challenge-web/server/bearer.h"
#include "challenge-web/server/handlers.h"
#include "challenge-web/server/replies.h"
#include "challenge-web/server/secrets.h"

#include <array>

namespace stepgate::challenge_web::server
{

namespace
{

using accounts::Scope;

constexpr auto all_routes = std::to_array<Route>({
    {Method::get, "/session", Access::enrolling, get_session},
    {Method::remove, "/session", Access::enrolling, sign_out},
    {Method::post, "/session/passkey/begin", Access::anyone, begin_passkey_sign_in},
    {Method::post, "/session/passkey/finish", Access::anyone, finish_passkey_sign_in},
    {Method::post, "/session/totp", Access::anyone, sign_in_with_totp},
    {Method::post, "/session/recovery-code", Access::anyone, sign_in_with_recovery_code},
    {Method::get, "/identity-providers", Access::anyone, list_identity_providers},
    {Method::post, "/session/identity-provider/begin", Access::anyone, begin_provider_sign_in},
    {Method::post, "/session/identity-provider/finish", Access::anyone, finish_provider_sign_in},
    {Method::post, "/session/enrolment", Access::anyone, redeem_enrolment},
    {Method::get, "/factors", Access::enrolling, list_factors},
    {Method::post, "/factors/passkey/begin", Access::enrolling, begin_passkey_enrolment},
    {Method::post, "/factors/passkey/finish", Access::enrolling, finish_passkey_enrolment},
    {Method::post, "/factors/totp/begin", Access::enrolling, begin_totp_enrolment},
    {Method::post, "/factors/totp/finish", Access::enrolling, finish_totp_enrolment},
    {Method::post, "/factors/recovery-codes/begin", Access::signed_in, begin_recovery_codes},
    {Method::post, "/factors/recovery-codes/finish", Access::signed_in, finish_recovery_codes},
    {Method::post, "/factors/pin", Access::signed_in, set_pin},
    {Method::get, "/factors/push", Access::signed_in, get_push},
    {Method::post, "/factors/push/begin", Access::signed_in, begin_push_enrolment},
    {Method::post, "/factors/push/finish", Access::signed_in, finish_push_enrolment},
    {Method::remove, "/factors/{id}", Access::signed_in, remove_factor},
    {Method::get, "/challenges", Access::signed_in, list_challenges, Scope::challenges_read},
    {Method::get, "/challenges/{id}", Access::signed_in, get_challenge, Scope::challenges_read},
    {Method::post, "/challenges/{id}/passkey/begin", Access::signed_in, begin_passkey_proof},
    {Method::post, "/challenges/{id}/passkey", Access::signed_in, prove_with_passkey},
    {Method::post, "/challenges/{id}/totp", Access::signed_in, prove_with_totp},
    {Method::post, "/challenges/{id}/recovery-code", Access::signed_in, prove_with_recovery_code},
    {Method::post, "/challenges/{id}/pin", Access::signed_in, prove_with_pin},
    {Method::post, "/challenges/{id}/email-code/begin", Access::signed_in, begin_email_code_proof},
    {Method::get, "/challenges/{id}/email-code", Access::signed_in, get_email_code},
    {Method::post, "/challenges/{id}/email-code", Access::signed_in, prove_with_email_code},
    {Method::post, "/challenges/{id}/push/begin", Access::signed_in, begin_push_proof},
    {Method::post, "/challenges/{id}/push/open", Access::signed_in, open_push},
    {Method::post, "/challenges/{id}/push", Access::signed_in, prove_with_push},
    {Method::post, "/challenges/{id}/identity-provider/begin", Access::signed_in, begin_provider_proof},
    {Method::post, "/challenges/{id}/identity-provider", Access::signed_in, prove_with_identity_provider},
    {Method::post, "/challenges/{id}/deny", Access::signed_in, deny_challenge, Scope::challenges_write},
    {Method::post, "/challenges/{id}/withdraw", Access::signed_in, withdraw_challenge, Scope::challenges_write},
    {Method::post, "/challenges/{id}/reason", Access::signed_in, give_request_reason, Scope::challenges_write},
    {Method::get, "/history", Access::signed_in, get_history, Scope::challenges_read},
    {Method::get, "/policy", Access::overseer, get_policy, Scope::policy_read},
    {Method::get, "/elevations", Access::signed_in, list_elevations, Scope::sessions_read},
    {Method::remove, "/elevations/{id}", Access::signed_in, end_elevation, Scope::sessions_end},
    {Method::get, "/web-sessions", Access::signed_in, list_web_sessions},
    {Method::remove, "/web-sessions", Access::signed_in, sign_out_everywhere},
    {Method::remove, "/web-sessions/{id}", Access::signed_in, end_web_session},
    {Method::get, "/database-sessions", Access::signed_in, list_database_sessions, Scope::sessions_read},
    {Method::remove, "/database-sessions/{id}", Access::signed_in, end_database_session, Scope::sessions_end},
    {Method::get, "/database-passwords", Access::signed_in, list_database_passwords},
    {Method::post, "/database-passwords", Access::signed_in, issue_database_password},
    {Method::remove, "/database-passwords/{id}", Access::signed_in, revoke_database_password},
    {Method::get, "/api-tokens", Access::signed_in, list_api_tokens},
    {Method::post, "/api-tokens", Access::signed_in, add_api_token},
    {Method::remove, "/api-tokens/{id}", Access::signed_in, revoke_api_token},
    {Method::get, "/events", Access::signed_in, stream_events, Scope::challenges_read},
    {Method::get, "/users", Access::admin, list_users, Scope::users_read},
    {Method::post, "/users", Access::admin, add_user},
    {Method::post, "/users/{name}/groups", Access::admin, set_user_groups},
    {Method::post, "/users/{name}/disable", Access::admin, disable_user, Scope::users_disable},
    {Method::post, "/users/{name}/enable", Access::admin, enable_user},
    {Method::post, "/users/{name}/enrolment", Access::admin, make_enrolment_link},
    {Method::get, "/audit/records", Access::auditor, search_audit, Scope::audit_read},
    {Method::get, "/audit/records/{sequence}", Access::auditor, get_audit_record, Scope::audit_read},
    {Method::get, "/audit/status", Access::auditor, get_audit_status, Scope::audit_read},
});

/// Does the path below the prefix fit? Collects what the braces stand for.
bool matches(std::string_view pattern, std::span<const std::string> segments, std::vector<std::string>& parameters)
{
    parameters.clear();
    for (const auto& segment : segments) {
        if (pattern.empty())
            return false;
        pattern.remove_prefix(1); // the slash
        const auto end = std::min(pattern.find('/'), pattern.size());
        const auto part = pattern.substr(0, end);
        if (part.starts_with('{'))
            parameters.push_back(segment);
        else if (part != segment)
            return false;
        pattern.remove_prefix(end);
    }
    return pattern.empty();
}

struct Found {
    const Route* route = nullptr;
    bool other_method = false; // the path exists
    std::vector<std::string> parameters;
};

Found find_route(const Request& request, std::span<const std::string> segments)
{
    Found found;
    std::vector<std::string> parameters;
    for (const auto& route : all_routes) {
        if (!matches(route.pattern, segments, parameters))
            continue;
        if (route.method == request.method) {
            found.route = &route;
            found.parameters = parameters;
            return found;
        }
        found.other_method = true;
    }
    return found;
}

Response csrf_refused()
{
    return error_reply(403, "csrf",
                       "This request did not come from stepgate's own page. Reload the page and try again.");
}

/// Browsers tell where a request comes from in headers that pages cannot set (Fetch standard; W3C Fetch Metadata).
bool from_own_page(const Request& request, const PublicUrl& url)
{
    const auto site = request.header("sec-fetch-site");
    if (request.count("sec-fetch-site") > 1 || request.count("origin") > 1)
        return false;
    if (request.method == Method::get)
        return site.empty() || site == "same-origin" || site == "none";
    return request.header("origin") == url.origin && (site.empty() || site == "same-origin");
}

/// The checks of a browser: where the request comes from, and its session.
std::optional<Response> refuse_session(const Route& route, Call& call)
{
    if (!from_own_page(call.request, call.services.url) || call.request.count("cookie") > 1)
        return csrf_refused();
    auto visitor = call.services.sessions.visitor(call.request, call.now);
    if (visitor.has_error())
        return unavailable();
    call.visitor = std::move(*visitor);
    if (!call.visitor && route.access != Access::anyone)
        return error_reply(401, "not_signed_in", "Sign in first.");
    if (call.visitor && route.method != Method::get &&
        !same_secret(call.request.header("x-csrf-token"), call.visitor->session.csrf))
        return csrf_refused();
    return std::nullopt;
}

/// The checks between finding the route and running its handler.
std::optional<Response> refuse(const Route& route, Call& call)
{
    auto& services = call.services;
    if (auto refused = call.limit("api " + accounts::host_of(call.request.client_address), services.limits.any_address))
        return refused;
    auto refused = sends_token(call.request) ? admit_token(call, route.scope) : refuse_session(route, call);
    if (refused || route.access == Access::anyone || route.access == Access::enrolling)
        return refused;
    if (call.visitor->session.enrolment_only)
        return error_reply(403, "enrolment_only", "Add a passkey or an authenticator app first.");
    if (route.access == Access::auditor && !call.visitor->user.auditor)
        return error_reply(403, "needs_role", "Only auditors may read the audit.");
    if (route.access == Access::overseer && !call.visitor->user.auditor && !call.visitor->user.admin)
        return error_reply(403, "needs_role", "Only auditors and admins may read the policy.");
    if (route.access == Access::admin && !call.visitor->user.admin)
        return error_reply(403, "needs_role", "Only admins may do that.");
    return std::nullopt;
}

} // namespace

std::span<const Route> routes()
{
    return all_routes;
}

std::optional<Response> Call::limit(const std::string& key, Rate rate) const
{
    if (const auto wait = services.rates.take(key, rate, services.use.steady()))
        return rate_limited(*wait);
    return std::nullopt;
}

Response route_api(Services& services, const Request& request, const Target& target)
{
    const std::span<const std::string> segments{target.segments};
    if (segments.size() < 3 || segments[1] != "v1") // segments[0] is "api"
        return not_found();
    auto found = find_route(request, segments.subspan(2));
    if (found.route == nullptr)
        return found.other_method ? error_reply(405, "method_not_allowed", "This address does not take that method.")
                                  : not_found();
    Call call{services, request, target, std::move(found.parameters), std::nullopt, services.use.now()};
    if (auto refused = refuse(*found.route, call))
        return std::move(*refused);
    return found.route->handler(call);
}

} // namespace stepgate::challenge_web::server
