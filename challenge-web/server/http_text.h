#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stepgate::challenge_web::server
{

/// A request target in parts, percent-decoded once. Decoding happens after splitting, so an encoded '/' or '&' stays
/// data.
struct Target {
    std::string path;                  // as sent, without the query: for files and messages
    std::vector<std::string> segments; // "/a/b%20c" -> {"a", "b c"}; "/" -> {}
    std::vector<std::pair<std::string, std::string>> query;
};

/// nullopt: not an absolute path, bad percent-encoding, control characters, "." or ".." segments, empty segments, more
/// than 32 query parameters, or a parameter given twice.
[[nodiscard]] std::optional<Target> parse_target(std::string_view target);

/// The value of one cookie in a Cookie header (RFC 6265 4.2.1). nullopt: absent, or given more than once (somebody
/// may be trying to shadow it).
[[nodiscard]] std::optional<std::string> find_cookie(std::string_view header, std::string_view name);

/// "%41b" -> "Ab"; with `plus_is_space` for queries. nullopt: malformed, or a control character comes out.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

} // namespace stepgate::challenge_web::server
