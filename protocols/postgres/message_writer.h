#pragma once

#include "protocols/postgres/frame.h"
#include "protocols/wire/writer.h"

namespace stepgate::protocols::postgres
{

/// Writes one message: type and length first, the length is set when the writer goes out of scope. For the encoders.
class MessageWriter : public wire::Writer
{
  public:
    /// Type 0: a start-up packet, which has none.
    MessageWriter(wire::Bytes& out, char type) : Writer{out}
    {
        if (type != 0)
            character(type);
        length_at_ = size();
        int32(0);
    }
    MessageWriter(wire::Bytes& out, Frontend type) : MessageWriter{out, static_cast<char>(type)} {}
    MessageWriter(wire::Bytes& out, Backend type) : MessageWriter{out, static_cast<char>(type)} {}
    MessageWriter(const MessageWriter&) = delete;
    MessageWriter& operator=(const MessageWriter&) = delete;
    ~MessageWriter() { set_int32(length_at_, static_cast<std::int32_t>(size() - length_at_)); }

  private:
    std::size_t length_at_;
};

} // namespace stepgate::protocols::postgres
