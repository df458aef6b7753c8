#include "policies/mysql/words.h"

#include "policies/statement/ascii.h"

#include <array>
#include <cstddef>
#include <iterator>

namespace stepgate::policies::mysql
{
namespace
{

constexpr std::uint8_t R_MYSQL = 1, R_MARIA = 2, R_BOTH = 3, F_CALL = 4, F_FUNCTION = 8, F_UNIT = 16, F_NONE = 0;

struct Entry {
    std::string_view text;
    std::uint8_t flags;
};
constexpr Entry entries[] = {
    Entry{"", F_NONE},
#define STEPGATE_WORD(name, text, flags) Entry{text, flags},
#include "policies/mysql/words.inc"
#undef STEPGATE_WORD
};

constexpr std::size_t slots = 4096;
static_assert(std::size(entries) * 3 < slots);

constexpr std::size_t hash(std::string_view text)
{
    std::uint32_t value = 2166136261U;
    for (const char c : text)
        value = (value ^ static_cast<unsigned char>(lower(c))) * 16777619U;
    return (value ^ value >> 15) % slots;
}

constexpr auto table = [] {
    std::array<std::uint16_t, slots> made{};
    for (std::size_t i = 1; i < std::size(entries); ++i) {
        std::size_t slot = hash(entries[i].text);
        while (made[slot] != 0)
            slot = (slot + 1) % slots;
        made[slot] = static_cast<std::uint16_t>(i);
    }
    return made;
}();

constexpr std::size_t longest = [] {
    std::size_t size = 0;
    for (const Entry& entry : entries)
        size = entry.text.size() > size ? entry.text.size() : size;
    return size;
}();

} // namespace

Word word_of(std::string_view text)
{
    if (text.size() > longest)
        return Word::none;
    for (std::size_t slot = hash(text); table[slot] != 0; slot = (slot + 1) % slots)
        if (same_word(text, entries[table[slot]].text))
            return static_cast<Word>(table[slot]);
    return Word::none;
}

bool is_reserved(Word word, bool mariadb)
{
    return (entries[static_cast<std::size_t>(word)].flags & (mariadb ? R_MARIA : R_MYSQL)) != 0;
}

bool word_is_unit(Word word)
{
    return (entries[static_cast<std::size_t>(word)].flags & F_UNIT) != 0;
}

bool is_callable(Word word)
{
    return (entries[static_cast<std::size_t>(word)].flags & (F_CALL | F_FUNCTION)) != 0;
}

bool only_before_call(Word word)
{
    return (entries[static_cast<std::size_t>(word)].flags & F_CALL) != 0;
}

} // namespace stepgate::policies::mysql
