#pragma once

#include <string>
#include <string_view>

namespace stepgate::challenge_web::factors
{

/// RFC 4648 section 6 without padding: no digits or letters that people mistake for each other.
[[nodiscard]] std::string base32_encode(std::string_view bytes);

} // namespace stepgate::challenge_web::factors
