#pragma once

#include "challenge-web/challenges/challenge.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace stepgate::challenge_web::server
{

/// Bytes as text that shows what is there: valid UTF-8 for JSON, in which bytes that are not UTF-8 appear as \xNN, and
/// characters that a reader cannot see or that reorder what is seen (controls but tab and line feed, zero-width,
/// bidirectional overrides) as \u{NNNN}: a statement must not look like another one to the person who approves it.
struct Readable {
    std::string text;
    bool truncated = false;
};
/// Most bytes of a parameter's value that a page shows.
inline constexpr std::size_t longest_value = 4096;

[[nodiscard]] Readable readable(std::string_view bytes, std::size_t most);

/// A new user's or group's: names are shown, logged and typed, so what cannot be seen or typed easily is not in them.
inline constexpr std::size_t longest_user_name = 63; // PostgreSQL's
[[nodiscard]] bool is_name(std::string_view name);

/// "int4", "text"; "oid 16384" where the name is not known, "unknown" for 0.
[[nodiscard]] std::string type_name(std::uint32_t oid);

/// A parameter's value for people; binary values of the usual types are decoded, others are \x and hex. Never called
/// for NULL.
[[nodiscard]] std::string readable_value(const challenges::Parameter& parameter);

} // namespace stepgate::challenge_web::server
