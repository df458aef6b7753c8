#pragma once

#include "protocols/wire/bytes.h"

#include <cstdint>
#include <cstring>

namespace stepgate::wire
{

/// Appends fields to bytes that it does not own. Integers are in network byte order.
class Writer
{
  public:
    explicit Writer(Bytes& out) : out_{&out} {}

    [[nodiscard]] std::size_t size() const { return out_->size(); }

    void uint8(std::uint8_t value) { out_->push_back(static_cast<std::byte>(value)); }
    void uint16(std::uint16_t value) { integer<2>(value); }
    void uint32(std::uint32_t value) { integer<4>(value); }
    void uint64(std::uint64_t value) { integer<8>(value); }
    void int16(std::int16_t value) { uint16(static_cast<std::uint16_t>(value)); }
    void int32(std::int32_t value) { uint32(static_cast<std::uint32_t>(value)); }
    void int64(std::int64_t value) { uint64(static_cast<std::uint64_t>(value)); }
    void character(char value) { uint8(static_cast<std::uint8_t>(value)); }

    void bytes(View value) { out_->insert(out_->end(), value.begin(), value.end()); }
    void text(std::string_view value) { bytes(as_bytes(value)); }

    /// Text and a NUL. A NUL inside the text would end it early for the reader, who would take the rest for other
    /// fields: the text is cut there instead.
    void c_string(std::string_view value)
    {
        text(value.substr(0, value.find('\0')));
        uint8(0);
    }

    /// Overwrites four bytes written before, for lengths known only afterwards.
    void set_int32(std::size_t at, std::int32_t value)
    {
        for (std::size_t i = 0; i < 4; ++i)
            (*out_)[at + i] = static_cast<std::byte>(static_cast<std::uint32_t>(value) >> (24 - 8 * i) & 0xffU);
    }

  private:
    template <std::size_t size>
    void integer(std::uint64_t value)
    {
        for (std::size_t i = size; i-- > 0;)
            out_->push_back(static_cast<std::byte>(value >> (8 * i) & 0xffU));
    }

    Bytes* out_;
};

} // namespace stepgate::wire
