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

/// In the servers' sql/share/charsets and strings/ctype-*.c: the second bytes of ujis, eucjpms and gb2312 are above
/// 160, those of euckr may be letters.
constexpr std::array<std::string_view, 26> others{
    "armscii8", "cp1250", "cp1251", "cp1256",  "cp1257", "cp850",    "cp852",  "cp866",   "dec8",
    "eucjpms",  "euckr",  "gb2312", "geostd8", "greek",  "hebrew",   "hp8",    "keybcs2", "koi8r",
    "koi8u",    "latin2", "latin5", "latin7",  "macce",  "macroman", "tis620", "ujis"};
constexpr std::array<std::string_view, 5> mixed{"big5", "cp932", "gb18030", "gbk", "sjis"};
/// Without ASCII as it is: no client can use those but swe7.
constexpr std::array<std::string_view, 5> unreadable{"swe7", "ucs2", "utf16", "utf16le", "utf32"};

bool is_among(const auto& names, std::string_view name)
{
    return std::ranges::any_of(names, [name](std::string_view one) { return same_word(name, one); });
}

} // namespace

std::optional<Charset> parse_charset(std::string_view name)
{
    const auto* const found =
        std::ranges::find_if(allowed, [name](const auto& entry) { return same_word(name, entry.first); });
    if (found != allowed.end())
        return found->second;
    if (is_among(others, name))
        return Charset::other;
    return is_among(mixed, name) ? std::optional{Charset::mixed} : std::nullopt;
}

bool is_charset_name(std::string_view name)
{
    return parse_charset(name) || is_among(unreadable, name);
}

/// Letters outside ASCII may be missing in any; swe7 has others in the places of some signs. So may an unknown one
/// ("").
bool survives(std::string_view text, std::string_view charset)
{
    const bool has_signs = !charset.empty() && is_charset_name(charset) && !same_word(charset, "swe7");
    return is_ascii(text) && (has_signs || text.find_first_of("@[\\]^`{|}~") == std::string_view::npos);
}

} // namespace stepgate::policies::mysql
