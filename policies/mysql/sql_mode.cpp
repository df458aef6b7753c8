#include "policies/mysql/sql_mode.h"

#include "policies/statement/ascii.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

namespace stepgate::policies::mysql
{
namespace
{

// Bits of sql_mode in both servers (MySQL: sql/system_variables.h; MariaDB: sql/sql_class.h).
constexpr std::uint64_t pipes_as_concat = 1U << 1;
constexpr std::uint64_t ansi_quotes = 1U << 2;
constexpr std::uint64_t ignore_space = 1U << 3;
constexpr std::uint64_t foreign = 0x1f00; // POSTGRESQL, ORACLE, MSSQL, DB2, MAXDB
constexpr std::uint64_t ansi = 1U << 18;
constexpr std::uint64_t no_backslash_escapes = 1U << 20;
constexpr std::uint64_t high_not_precedence = 1U << 29;
constexpr std::uint64_t without_meaning = 0; // changes values, not the reading of a text
constexpr std::uint64_t highest = 1ULL << 40;

struct Name {
    std::string_view text;
    std::uint64_t bits;
};
constexpr std::array names{
    Name{"allow_invalid_dates", without_meaning},
    Name{"ansi", ansi},
    Name{"ansi_quotes", ansi_quotes},
    Name{"db2", foreign},
    Name{"empty_string_is_null", without_meaning},
    Name{"error_for_division_by_zero", without_meaning},
    Name{"high_not_precedence", high_not_precedence},
    Name{"ignore_bad_table_options", without_meaning},
    Name{"ignore_space", ignore_space},
    Name{"maxdb", foreign},
    Name{"mssql", foreign},
    Name{"mysql323", high_not_precedence},
    Name{"mysql40", high_not_precedence},
    Name{"no_auto_create_user", without_meaning},
    Name{"no_auto_value_on_zero", without_meaning},
    Name{"no_backslash_escapes", no_backslash_escapes},
    Name{"no_dir_in_create", without_meaning},
    Name{"no_engine_substitution", without_meaning},
    Name{"no_field_options", without_meaning},
    Name{"no_key_options", without_meaning},
    Name{"no_table_options", without_meaning},
    Name{"no_unsigned_subtraction", without_meaning},
    Name{"no_zero_date", without_meaning},
    Name{"no_zero_in_date", without_meaning},
    Name{"only_full_group_by", without_meaning},
    Name{"oracle", foreign},
    Name{"pad_char_to_full_length", without_meaning},
    Name{"pipes_as_concat", pipes_as_concat},
    Name{"postgresql", foreign},
    Name{"real_as_float", without_meaning},
    Name{"simultaneous_assignment", without_meaning},
    Name{"strict_all_tables", without_meaning},
    Name{"strict_trans_tables", without_meaning},
    Name{"time_round_fractional", without_meaning},
    Name{"time_truncate_fractional", without_meaning},
    Name{"traditional", without_meaning},
};

SqlMode mode_of(std::uint64_t bits)
{
    const bool all_ansi = (bits & ansi) != 0;
    SqlMode mode;
    mode.ansi_quotes = all_ansi || (bits & ansi_quotes) != 0;
    mode.no_backslash_escapes = (bits & no_backslash_escapes) != 0;
    mode.pipes_as_concat = all_ansi || (bits & pipes_as_concat) != 0;
    mode.ignore_space = all_ansi || (bits & ignore_space) != 0;
    mode.high_not_precedence = (bits & (high_not_precedence | 3U << 16)) != 0; // MYSQL323, MYSQL40
    mode.refused = (bits & foreign) != 0;
    return mode;
}

std::string_view trimmed(std::string_view text)
{
    while (!text.empty() && text.front() == ' ')
        text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ')
        text.remove_suffix(1);
    return text;
}

} // namespace

std::optional<SqlMode> parse_sql_mode(std::string_view value)
{
    std::uint64_t bits = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), bits);
    if (error == std::errc{} && end == value.data() + value.size())
        return bits < highest ? std::optional{mode_of(bits)} : std::nullopt;
    bits = 0;
    while (!value.empty()) {
        const std::size_t comma = std::min(value.find(','), value.size());
        const std::string_view part = trimmed(value.substr(0, comma));
        value.remove_prefix(std::min(comma + 1, value.size()));
        const auto* const found =
            std::ranges::find_if(names, [part](const Name& name) { return same_word(part, name.text); });
        if (found != names.end())
            bits |= found->bits;
        else if (!part.empty())
            return std::nullopt;
    }
    return mode_of(bits);
}

std::string names_of(const SqlMode& mode)
{
    std::string all;
    for (const auto& [is_on, name] : {std::pair{mode.ansi_quotes, "ANSI_QUOTES"},
                                      {mode.no_backslash_escapes, "NO_BACKSLASH_ESCAPES"},
                                      {mode.pipes_as_concat, "PIPES_AS_CONCAT"},
                                      {mode.ignore_space, "IGNORE_SPACE"},
                                      {mode.high_not_precedence, "HIGH_NOT_PRECEDENCE"}})
        if (is_on)
            all.append(all.empty() ? "" : ",").append(name);
    return all;
}

} // namespace stepgate::policies::mysql
