#pragma once

#include "challenge-web/server/call.h"

#include <boost/json/object.hpp>

namespace stepgate::challenge_web::server
{

/// Kinds of factor a user has enrolled ("passkey", "totp", "pin", "recovery_code"). An error only when the store fails.
[[nodiscard]] result<std::vector<std::string>> factor_kinds(Services& services, const std::string& user);

/// Those, and the ones that need no enrolment: what the user can answer a challenge with.
[[nodiscard]] result<std::vector<std::string>> answer_kinds(Services& services, const std::string& user);

/// Kinds of factor that this installation has, the best first.
[[nodiscard]] std::vector<std::string> offered_factors(const Services& services);

/// Somebody's groups, roles and kinds of factor, as Session and User of openapi.yaml have them.
[[nodiscard]] result<boost::json::object> standing_json(Services& services, const accounts::User& user);

/// openapi.yaml's Session.
[[nodiscard]] result<boost::json::object> session_json(Services& services, const accounts::WebSession& session,
                                                       const accounts::User& user);

} // namespace stepgate::challenge_web::server
