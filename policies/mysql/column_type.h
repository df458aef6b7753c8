#pragma once

#include "policies/catalog/catalog.h"
#include "policies/mysql/lexer.h"
#include "policies/mysql/whole_span.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::policies::mysql
{

/// Whether a change of a table says anything of character sets: `ahead` stands somewhere in it.
[[nodiscard]] bool names_charset(Lexer ahead);

/// What numbers its type has, of whole ones and bits.
[[nodiscard]] Span span_of(const catalog::Column& column);
/// Of char(n) and varchar(n); 0: another type.
[[nodiscard]] std::uint32_t most_characters_of(const catalog::Column& column);
/// Of an ENUM, all.
[[nodiscard]] std::vector<std::string> values_of(const catalog::Column& column);

/// Whether a column keeps all that it holds if it is defined anew: `ahead` stands at the new type, and ends with the
/// definition or the text. `charset`: what the table gives to columns that name none; "": not known.
[[nodiscard]] bool only_widens(const catalog::Column& now, std::string_view charset, Lexer ahead,
                               const Reading& reading);

} // namespace stepgate::policies::mysql
