#pragma once

#include <cstdint>
#include <string_view>

namespace stepgate::policies::mysql
{

/// Words that the grammars of MySQL and MariaDB give a meaning, as far as stepgate tells them apart.
enum class Word : std::uint16_t {
    none, // any other: an identifier
#define STEPGATE_WORD(name, text, flags) name,
#include "policies/mysql/words.inc"
#undef STEPGATE_WORD
};

/// The keyword that this text spells, in any case.
[[nodiscard]] Word word_of(std::string_view text);
/// Whether the word cannot name anything without quotes.
[[nodiscard]] bool is_reserved(Word word, bool mariadb);
/// DAY, DAY_HOUR, SQL_TSI_DAY and the other units of INTERVAL and EXTRACT.
[[nodiscard]] bool word_is_unit(Word word);
/// Words with a meaning of their own that are functions where "(" follows.
[[nodiscard]] bool is_callable(Word word);
/// Functions that are keywords only where "(" follows; elsewhere they are names.
[[nodiscard]] bool only_before_call(Word word);

} // namespace stepgate::policies::mysql
