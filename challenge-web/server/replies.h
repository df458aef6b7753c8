#pragma once

#include "challenge-web/accounts/rfc3339.h"
#include "challenge-web/server/message.h"

#include <chrono>
#include <string>
#include <string_view>

namespace boost::json
{
class value;
}

namespace stepgate::challenge_web::server
{

using accounts::rfc3339;
/// Accepts what `rfc3339` writes, with fewer or no fractional digits; UTC ("Z") only.
[[nodiscard]] std::optional<std::chrono::system_clock::time_point> parse_rfc3339(std::string_view text);

[[nodiscard]] Response json_reply(int status, const boost::json::value& value);
[[nodiscard]] Response json_text_reply(int status, std::string json);
[[nodiscard]] Response no_content();

/// {"error":{"code":…,"message":…}}. Messages are for people, written here, and never carry what a library said.
[[nodiscard]] Response error_reply(int status, std::string_view code, std::string_view message);

[[nodiscard]] Response bad_request(std::string_view message);
[[nodiscard]] Response not_found();
[[nodiscard]] Response unavailable();
[[nodiscard]] Response rate_limited(std::chrono::seconds retry_after);

} // namespace stepgate::challenge_web::server
