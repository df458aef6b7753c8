#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace stepgate::challenge_web::server
{

/// A value in PostgreSQL's binary format (its *send functions) as people write it: integers, floats, numeric, bool,
/// text and its kin, uuid, date and times, interval, json, inet, and arrays of these. Anything else, and anything that
/// does not look as its type says, is \x and hex. Total: any bytes give a text.
[[nodiscard]] std::string readable_binary(std::uint32_t type_oid, std::string_view bytes);

/// "\x0102"; cut off where it gets long.
[[nodiscard]] std::string readable_hex(std::string_view bytes);

} // namespace stepgate::challenge_web::server
