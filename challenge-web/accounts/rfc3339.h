#pragma once

#include <chrono>
#include <string>

namespace stepgate::challenge_web::accounts
{

/// "2026-01-31T12:00:00.000Z": a time as the API, the audit and messages write it (RFC 3339, UTC, milliseconds).
[[nodiscard]] std::string rfc3339(std::chrono::system_clock::time_point time);

} // namespace stepgate::challenge_web::accounts
