#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stepgate::challenge_web::server
{

/// [web] public_url in the parts that browsers compare.
struct PublicUrl {
    std::string origin;   // "https://stepgate.example:8443": what browsers send in Origin and WebAuthn signs
    std::string host;     // "stepgate.example": the WebAuthn relying party id
    bool address = false; // the host is an IP address: browsers make no passkeys there
};

/// nullopt unless it is https:// with a host, an optional port, and nothing behind it but "/".
[[nodiscard]] std::optional<PublicUrl> parse_public_url(std::string_view url);

} // namespace stepgate::challenge_web::server
