#pragma once

#include <string_view>

namespace stepgate::proxy::upstream
{

/// True where the body of a routine, trigger or event may have been written otherwise than information_schema shows it.
/// That shows the values of string literals: MySQL without their escapes and doubled quotes, so that
/// `concat('''', ssn, '''')` looks like one string, MariaDB without escapes. What has no literal is as it was written.
[[nodiscard]] bool may_be_written_otherwise(std::string_view shown);

/// The body as it was written, out of what SHOW CREATE says; "" if it is not found. `shown` tells where it begins: up
/// to its first literal both are the same. `backslashes`: they escape in what the routine's maker wrote. Points into
/// `created`.
[[nodiscard]] std::string_view written_body(std::string_view created, std::string_view shown, bool backslashes);

} // namespace stepgate::proxy::upstream
