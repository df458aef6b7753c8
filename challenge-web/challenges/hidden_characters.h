#pragma once

namespace stepgate::challenge_web::challenges
{

/// Not visible, or changes the order of what is: a statement with such a character would look like another one. Tab and
/// line feed are neither.
[[nodiscard]] constexpr bool hidden_character(char32_t c)
{
    if (c == '\n' || c == '\t')
        return false;
    struct Range {
        char32_t first, last;
    };
    constexpr Range ranges[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},       {0xad, 0xad},       {0x34f, 0x34f},     {0x61c, 0x61c},
        {0x115f, 0x1160}, {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x200b, 0x200f},   {0x2028, 0x202e},
        {0x2060, 0x206f}, {0x3164, 0x3164},   {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},
        {0xfff0, 0xfffb}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
    };
    for (const auto& range : ranges)
        if (c >= range.first && c <= range.last)
            return true;
    return false;
}

} // namespace stepgate::challenge_web::challenges
