#pragma once

#include "protocols/mysql/errc.h"
#include "protocols/mysql/frame.h"

#include <variant>

namespace stepgate::protocols::mysql
{

inline constexpr std::size_t login_limit = 128 * 1024;         // for messages before the login is done
inline constexpr std::size_t message_limit = 64 * 1024 * 1024; // for messages after it

/// The bytes do not hold a whole message: at least `bytes` more are needed.
struct NeedMore {
    std::size_t bytes;
};

using Framed = std::variant<NeedMore, Frame, errc>;

/// Cuts messages that are wanted whole: look, use the frame, consume its bytes, look again. A message that fits into
/// one packet is read where it lies. Only the payload of a split one (16 MiB and more) is put together in memory of the
/// framer's own; its bytes lie in place all the same. One framer a direction.
class MessageFramer
{
  public:
    /// `limit`: most bytes of a payload. Too large shows from the header, before anything is buffered.
    explicit MessageFramer(std::size_t limit = message_limit) : limit_{limit} {}

    /// A frame's views are valid until the next call and as long as `bytes` are. errc: too_large, out_of_order.
    [[nodiscard]] Framed next(wire::View bytes);

  private:
    wire::View join(const Frame& frame);

    std::size_t limit_;
    wire::Bytes joined_;
};

/// Adds to the sequence ids of packets that pass in pieces of any size, where they lie (modulo 256): after the proxy
/// has put packets of its own before them. One a direction and answer.
class SequenceShift
{
  public:
    SequenceShift() = default;
    explicit SequenceShift(std::uint8_t by) : by_{by} {}

    void apply(std::span<std::byte> bytes);

    /// The bytes so far end with a whole packet.
    [[nodiscard]] bool at_boundary() const { return remaining_ == 0 && header_ == 0; }

  private:
    std::uint8_t by_ = 0;
    std::size_t header_ = 0;    // bytes of a header seen, if it is not whole yet
    std::size_t remaining_ = 0; // bytes of a payload still to come; while in a header: what its bytes say so far
};

} // namespace stepgate::protocols::mysql
