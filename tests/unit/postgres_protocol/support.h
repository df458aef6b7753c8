#pragma once

#include "protocols/postgres/frame.h"
#include "protocols/postgres/message_writer.h"

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

namespace stepgate::protocols::postgres
{

/// A message with its own memory. The memory is exactly as large as the message, so that AddressSanitizer sees every
/// read past its end.
class Message
{
  public:
    explicit Message(wire::View bytes) : memory_{std::make_unique<std::byte[]>(bytes.size())}, size_{bytes.size()}
    {
        std::copy(bytes.begin(), bytes.end(), memory_.get());
    }

    [[nodiscard]] wire::View bytes() const { return {memory_.get(), size_}; }
    [[nodiscard]] Frame frame() const
    {
        const auto first = static_cast<char>(memory_[0]);
        return {first == 0 ? '\0' : first, bytes()};
    }

  private:
    std::unique_ptr<std::byte[]> memory_;
    std::size_t size_;
};

/// A message of this type (0: a start-up packet) with this body.
inline Message message(char type, std::string_view body = {})
{
    wire::Bytes out;
    MessageWriter{out, type}.text(body);
    return Message{out};
}

inline Message message(Frontend type, std::string_view body = {})
{
    return message(static_cast<char>(type), body);
}

inline Message message(Backend type, std::string_view body = {})
{
    return message(static_cast<char>(type), body);
}

/// Text that may hold NULs.
template <std::size_t size>
std::string raw(const char (&literal)[size])
{
    return {literal, size - 1};
}

/// What an encoder writes.
template <class Encode>
Message encoded(Encode encode)
{
    wire::Bytes out;
    encode(out);
    return Message{out};
}

} // namespace stepgate::protocols::postgres
