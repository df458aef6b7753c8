#pragma once

#include "protocols/mysql/frame.h"
#include "protocols/wire/writer.h"

namespace stepgate::protocols::mysql
{

/// Writes MySQL's basic types to bytes that it does not own.
class Writer : private wire::Writer
{
  public:
    explicit Writer(wire::Bytes& out) : wire::Writer{out} {}

    using wire::Writer::bytes;
    using wire::Writer::c_string;
    using wire::Writer::size;
    using wire::Writer::text;
    using wire::Writer::uint8;

    void uint16(std::uint16_t value) { integer(value, 2); }
    void uint24(std::uint32_t value) { integer(value, 3); }
    void uint32(std::uint32_t value) { integer(value, 4); }
    void uint64(std::uint64_t value) { integer(value, 8); }

    void zeros(std::size_t count)
    {
        for (std::size_t i = 0; i < count; ++i)
            uint8(0);
    }

    void lenenc(std::uint64_t value)
    {
        if (value < 0xfb)
            return uint8(static_cast<std::uint8_t>(value));
        const std::size_t size = value <= 0xffff ? 2U : value <= 0xffffff ? 3U : 8U;
        uint8(size == 2 ? 0xfc : size == 3 ? 0xfd : 0xfe);
        integer(value, size);
    }

    void lenenc_text(std::string_view value)
    {
        lenenc(value.size());
        text(value);
    }

  private:
    void integer(std::uint64_t value, std::size_t size)
    {
        for (std::size_t i = 0; i < size; ++i)
            uint8(static_cast<std::uint8_t>(value >> (8 * i) & 0xffU));
    }
};

/// Writes one packet: the header first, its length is set when the writer goes out of scope. For the encoders, whose
/// messages are all much smaller than a packet can be.
class PacketWriter : public Writer
{
  public:
    PacketWriter(wire::Bytes& out, std::uint8_t sequence) : Writer{out}, out_{&out}, header_at_{out.size()}
    {
        uint24(0);
        uint8(sequence);
    }
    PacketWriter(const PacketWriter&) = delete;
    PacketWriter& operator=(const PacketWriter&) = delete;
    ~PacketWriter()
    {
        const std::size_t length = out_->size() - header_at_ - header_size;
        for (std::size_t i = 0; i < 3; ++i)
            (*out_)[header_at_ + i] = static_cast<std::byte>(length >> (8 * i) & 0xffU);
    }

  private:
    wire::Bytes* out_;
    std::size_t header_at_;
};

} // namespace stepgate::protocols::mysql
