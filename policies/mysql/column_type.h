#pragma once

#include "policies/catalog/catalog.h"
#include "policies/mysql/lexer.h"

#include <string_view>

namespace stepgate::policies::mysql
{

/// Whether a change of a table says anything of character sets: `ahead` stands somewhere in it.
[[nodiscard]] bool names_charset(Lexer ahead);

/// Whether a column keeps all that it holds if it is defined anew: `ahead` stands at the new type, and ends with the
/// definition or the text. `charset`: what the table gives to columns that name none; "": not known.
[[nodiscard]] bool only_widens(const catalog::Column& now, std::string_view charset, Lexer ahead,
                               const Reading& reading);

} // namespace stepgate::policies::mysql
