#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace stepgate::policies::mysql
{

/// Character sets that a text may be in, as far as they differ in how it is cut into tokens. Bytes below 128 are ASCII
/// in all of them, where they stand alone.
enum class Charset : std::uint8_t {
    utf8mb4,
    utf8mb3,
    latin1,
    ascii,
    binary,
    other, // latin2, koi8r, euckr, …: no character holds a quote or a backslash. Bytes above 127 only in literals
    mixed, // sjis, gbk, …: characters may hold them. No bytes above 127 at all
};

/// The character set of a name as SET NAMES takes it ("utf8" is utf8mb3 or utf8mb4); nothing for any other.
[[nodiscard]] std::optional<Charset> parse_charset(std::string_view name);
/// Whether this is the name of any character set of the servers: "_name" before a literal is then an introducer.
[[nodiscard]] bool is_charset_name(std::string_view name);
/// Whether a text comes out as it was from a conversion to that character set.
[[nodiscard]] bool survives(std::string_view text, std::string_view charset);

} // namespace stepgate::policies::mysql
