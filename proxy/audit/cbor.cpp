#include "proxy/audit/cbor.h"

#include <boost/endian/conversion.hpp>

#include <algorithm>
#include <cstring>

namespace stepgate::proxy::audit::cbor
{

namespace
{

constexpr std::uint64_t not_ascii = 0x8080808080808080U;

template <class Word>
bool has_not_ascii(const char* at)
{
    Word word = 0;
    std::memcpy(&word, at, sizeof word);
    return (word & static_cast<Word>(not_ascii)) != 0;
}

/// As statements and names are nearly always. Some bytes a step, and the last step may look at some again.
bool is_ascii(std::string_view text)
{
    const char* at = text.data();
    const char* const end = at + text.size();
    for (; end - at > 8; at += 8)
        if (has_not_ascii<std::uint64_t>(at))
            return false;
    if (text.size() >= 8)
        return !has_not_ascii<std::uint64_t>(end - 8);
    if (text.size() >= 4)
        return !has_not_ascii<std::uint32_t>(at) && !has_not_ascii<std::uint32_t>(end - 4);
    return std::all_of(at, end, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// Length of the well-formed sequence at the front of `text`, 0 if there is none (Unicode 15, table 3-7).
std::size_t sequence_length(std::string_view text)
{
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto continues = [&](std::size_t i) { return i < text.size() && (at(i) & 0xC0) == 0x80; };
    const unsigned char lead = at(0);
    if (lead < 0x80)
        return 1;
    if (lead < 0xC2 || lead > 0xF4 || !continues(1))
        return 0;
    if (lead < 0xE0)
        return 2;
    if (!continues(2))
        return 0;
    const unsigned char second = at(1);
    if (lead < 0xF0) {
        const bool overlong = lead == 0xE0 && second < 0xA0;
        const bool surrogate = lead == 0xED && second > 0x9F;
        return overlong || surrogate ? 0 : 3;
    }
    const bool overlong = lead == 0xF0 && second < 0x90;
    const bool too_large = lead == 0xF4 && second > 0x8F;
    return overlong || too_large || !continues(3) ? 0 : 4;
}

/// Of one, two, four or eight bytes.
std::uint64_t big_endian(std::span<const std::byte> bytes)
{
    const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
    switch (bytes.size()) {
    case 1:
        return *at;
    case 2:
        return boost::endian::load_big_u16(at);
    case 4:
        return boost::endian::load_big_u32(at);
    default:
        return boost::endian::load_big_u64(at);
    }
}

} // namespace

bool valid_utf8(std::string_view text)
{
    if (is_ascii(text))
        return true;
    const char* at = text.data();
    const char* const end = at + text.size();
    while (at != end) {
        while (end - at >= 8 && !has_not_ascii<std::uint64_t>(at))
            at += 8;
        while (at != end && static_cast<unsigned char>(*at) < 0x80)
            ++at;
        if (at == end)
            return true;
        const std::size_t length = sequence_length({at, static_cast<std::size_t>(end - at)});
        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

void Pen::long_head(unsigned type, std::uint64_t argument)
{
    const unsigned form = argument <= 0xFF ? 0 : argument <= 0xFFFF ? 1 : argument <= 0xFFFFFFFF ? 2 : 3;
    const unsigned width = 1U << form;
    *at_++ = static_cast<std::byte>(type | (24U + form));
    const std::uint64_t first = boost::endian::native_to_big(argument << (64 - 8 * width));
    std::memcpy(at_, &first, sizeof first); // what comes next is written over the bytes that are too many
    at_ += width;
}

void put_head(Buffer& out, Major major, std::uint64_t argument)
{
    Pen{out, Pen::head_bytes}.head(major, argument);
}

void put_integer(Buffer& out, std::int64_t value)
{
    Pen{out, Pen::head_bytes}.integer(value);
}

void put_bool(Buffer& out, bool value)
{
    Pen{out, Pen::head_bytes}.boolean(value);
}

void put_bytes(Buffer& out, std::span<const std::byte> value)
{
    Pen{out, Pen::head_bytes + value.size()}.bytes(value);
}

void put_text(Buffer& out, std::string_view value)
{
    Pen{out, Pen::head_bytes + value.size()}.text(value);
}

/// The rest of a head whose argument does not fit its first byte.
Reader::Head Reader::long_head(Head item)
{
    if (item.argument > 27) { // reserved, or an indefinite length
        fail();
        return {};
    }
    const std::size_t width = std::size_t{1} << (item.argument - 24);
    const auto bytes = take(width);
    const std::uint64_t argument = good_ ? big_endian(bytes) : 0;
    // Shortest form only: a wider head must hold what the next narrower one cannot.
    const std::uint64_t least = width == 1 ? 24 : std::uint64_t{1} << (4 * width);
    if (!good_ || argument < least) {
        fail();
        return {};
    }
    return {item.major, argument};
}

} // namespace stepgate::proxy::audit::cbor
