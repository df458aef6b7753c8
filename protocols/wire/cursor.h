#pragma once

#include "protocols/wire/bytes.h"

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <cstdint>
#include <cstring>
#include <utility>

namespace stepgate::wire
{

/// Reads fields from one complete frame, never past its end. The first read that does not fit makes the cursor bad;
/// from then on every read gives zero or nothing, so a decoder reads straight through and asks once, in finish().
/// Integers are in network byte order. Views that it gives point into the frame.
class Cursor
{
  public:
    explicit Cursor(View frame) : left_{frame} {}

    [[nodiscard]] bool good() const { return good_; }
    [[nodiscard]] std::size_t left() const { return left_.size(); }

    /// Makes the cursor bad: for values that fit but make no sense.
    void fail()
    {
        good_ = false;
        left_ = {};
    }

    std::uint8_t uint8() { return unsigned_of<std::uint8_t>(); }
    std::uint16_t uint16() { return unsigned_of<std::uint16_t>(); }
    std::uint32_t uint32() { return unsigned_of<std::uint32_t>(); }
    std::uint64_t uint64() { return unsigned_of<std::uint64_t>(); }
    std::int8_t int8() { return static_cast<std::int8_t>(uint8()); }
    std::int16_t int16() { return static_cast<std::int16_t>(uint16()); }
    std::int32_t int32() { return static_cast<std::int32_t>(uint32()); }
    std::int64_t int64() { return static_cast<std::int64_t>(uint64()); }
    char character() { return static_cast<char>(uint8()); }

    /// The next `count` bytes.
    View bytes(std::size_t count)
    {
        if (count > left_.size()) {
            fail();
            return {};
        }
        const View taken = left_.first(count);
        left_ = left_.subspan(count);
        return taken;
    }

    /// All bytes that are left.
    View rest() { return bytes(left_.size()); }

    /// Text up to a NUL, which is read but not given; bad without one.
    std::string_view c_string()
    {
        if (left_.empty()) {
            fail();
            return {};
        }
        const void* nul = std::memchr(left_.data(), 0, left_.size());
        if (nul == nullptr) {
            fail();
            return {};
        }
        const auto length = static_cast<std::size_t>(static_cast<const std::byte*>(nul) - left_.data());
        const auto text = as_text(bytes(length + 1));
        return text.substr(0, length);
    }

    /// A count that must not be negative, of things of at least `each` bytes, which must fit into what is left: so
    /// that a forged count never makes a decoder loop or allocate.
    std::size_t count(std::int32_t value, std::size_t each)
    {
        if (value < 0 || (each != 0 && static_cast<std::size_t>(value) > left_.size() / each)) {
            fail();
            return 0;
        }
        return static_cast<std::size_t>(value);
    }

    /// The value, if all reads fitted and no byte is left; else the error.
    template <class T, class Error>
    [[nodiscard]] boost::system::result<T> finish(T value, Error error) const
    {
        if (!good_ || !left_.empty())
            return {boost::system::in_place_error, error}; // named: T may be a bool
        return value;
    }

  private:
    template <class T>
    T unsigned_of()
    {
        const View taken = bytes(sizeof(T));
        T value = 0;
        for (const std::byte octet : taken)
            value = static_cast<T>(static_cast<std::uint64_t>(value) << 8 | std::to_integer<std::uint64_t>(octet));
        return value;
    }

    View left_;
    bool good_ = true;
};

} // namespace stepgate::wire
