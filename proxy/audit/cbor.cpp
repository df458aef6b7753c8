#include "proxy/audit/cbor.h"

#include <boost/endian/conversion.hpp>

namespace stepgate::proxy::audit::cbor
{

namespace
{

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
