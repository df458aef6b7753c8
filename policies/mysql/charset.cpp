#include "policies/mysql/charset.h"

#include "policies/statement/ascii.h"

#include <algorithm>
#include <array>
#include <utility>

namespace stepgate::policies::mysql
{
namespace
{

constexpr std::array allowed{
    std::pair{std::string_view{"utf8mb4"}, Charset::utf8mb4}, std::pair{std::string_view{"utf8mb3"}, Charset::utf8mb3},
    std::pair{std::string_view{"utf8"}, Charset::utf8mb4},    std::pair{std::string_view{"latin1"}, Charset::latin1},
    std::pair{std::string_view{"ascii"}, Charset::ascii},     std::pair{std::string_view{"binary"}, Charset::binary},
};

constexpr std::array<std::string_view, 42> known{
    "armscii8", "ascii", "big5",    "binary", "cp1250",  "cp1251", "cp1256", "cp1257",  "cp850",    "cp852",  "cp866",
    "cp932",    "dec8",  "eucjpms", "euckr",  "gb18030", "gb2312", "gbk",    "geostd8", "greek",    "hebrew", "hp8",
    "keybcs2",  "koi8r", "koi8u",   "latin1", "latin2",  "latin5", "latin7", "macce",   "macroman", "sjis",   "swe7",
    "tis620",   "ucs2",  "ujis",    "utf16",  "utf16le", "utf32",  "utf8",   "utf8mb3", "utf8mb4"};

} // namespace

std::optional<Charset> parse_charset(std::string_view name)
{
    const auto* const found =
        std::ranges::find_if(allowed, [name](const auto& entry) { return same_word(name, entry.first); });
    return found == allowed.end() ? std::nullopt : std::optional{found->second};
}

bool is_charset_name(std::string_view name)
{
    return std::ranges::any_of(known, [name](std::string_view one) { return same_word(name, one); });
}

} // namespace stepgate::policies::mysql
