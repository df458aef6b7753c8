#pragma once

#include "challenge-web/accounts/scope.h"
#include "challenge-web/server/call.h"

#include <span>
#include <string_view>

namespace stepgate::challenge_web::server
{

/// Who may call an operation.
enum class Access : std::uint8_t {
    anyone,    // no session needed
    enrolling, // any session, also one of an enrolment link
    signed_in, // a full session
    auditor,   // a full session of a user with the auditor role
    overseer,  // a full session of a user with the auditor or the admin role
    admin,     // a full session of a user with the admin role
};

struct Route {
    Method method;
    std::string_view pattern; // below /api/v1, as in openapi.yaml: "/challenges/{id}"
    Access access;
    Response (*handler)(Call&);
    accounts::Scope scope = accounts::Scope::none; // that a token needs; none: no token will do
};
/// Every operation of the API. A test compares it with openapi.yaml.
[[nodiscard]] std::span<const Route> routes();

inline constexpr std::string_view api_prefix = "/api/v1";

/// Answers a request below /api: finds the route, then checks in this order: rate; origin, session, CSRF token, or
/// instead of these a token and its scope; role.
[[nodiscard]] Response route_api(Services& services, const Request& request, const Target& target);

} // namespace stepgate::challenge_web::server
