#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace stepgate::policies::mysql
{

/// Character sets that a text may be in: those in which no character holds a byte that means something else alone.
enum class Charset : std::uint8_t { utf8mb4, utf8mb3, latin1, ascii, binary };

/// The character set of a name as SET NAMES takes it ("utf8" is utf8mb3 or utf8mb4); nothing for any other.
[[nodiscard]] std::optional<Charset> parse_charset(std::string_view name);
/// Whether this is the name of any character set of the servers: "_name" before a literal is then an introducer.
[[nodiscard]] bool is_charset_name(std::string_view name);

} // namespace stepgate::policies::mysql
