#pragma once

#include "protocols/wire/cursor.h"

namespace stepgate::protocols::mysql
{

/// Reads MySQL's basic types: integers with the least byte first, and with a length of their own ("lenenc"). Else as
/// wire::Cursor.
class Cursor : private wire::Cursor
{
  public:
    explicit Cursor(wire::View payload) : wire::Cursor{payload} {}

    using wire::Cursor::bytes;
    using wire::Cursor::c_string;
    using wire::Cursor::fail;
    using wire::Cursor::finish;
    using wire::Cursor::good;
    using wire::Cursor::left;
    using wire::Cursor::rest;
    using wire::Cursor::uint8;

    std::uint16_t uint16() { return static_cast<std::uint16_t>(integer(2)); }
    std::uint32_t uint24() { return static_cast<std::uint32_t>(integer(3)); }
    std::uint32_t uint32() { return static_cast<std::uint32_t>(integer(4)); }
    std::uint64_t uint64() { return integer(8); }

    std::string_view text(std::size_t size) { return wire::as_text(bytes(size)); }
    std::string_view rest_text() { return wire::as_text(rest()); }

    /// Bad for NULL (0xfb), which only values of rows can be, and for 0xff.
    std::uint64_t lenenc()
    {
        const std::uint8_t first = uint8();
        switch (first) {
        case 0xfb:
        case 0xff:
            fail();
            return 0;
        case 0xfc:
            return integer(2);
        case 0xfd:
            return integer(3);
        case 0xfe:
            return integer(8);
        default:
            return first;
        }
    }

    wire::View lenenc_bytes() { return bytes(lenenc()); }
    std::string_view lenenc_text() { return wire::as_text(lenenc_bytes()); }

    /// A length that stands in one byte.
    wire::View short_bytes() { return bytes(uint8()); }

  private:
    std::uint64_t integer(std::size_t size)
    {
        const wire::View taken = bytes(size);
        std::uint64_t value = 0;
        for (std::size_t i = taken.size(); i-- > 0;)
            value = value << 8 | std::to_integer<std::uint64_t>(taken[i]);
        return value;
    }
};

} // namespace stepgate::protocols::mysql
