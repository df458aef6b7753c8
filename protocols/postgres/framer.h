#pragma once

#include "protocols/postgres/errc.h"
#include "protocols/postgres/frame.h"

#include <variant>

namespace stepgate::protocols::postgres
{

inline constexpr std::size_t startup_limit = 10000;            // as the server has it: without the length word
inline constexpr std::size_t login_limit = 65536;              // for messages before the login is done
inline constexpr std::size_t message_limit = 64 * 1024 * 1024; // for messages after it

/// The bytes do not hold a whole message: at least `bytes` more are needed.
struct NeedMore {
    std::size_t bytes;
};

using Framed = std::variant<NeedMore, Frame, errc>;

/// Cuts the packets before the login, which have no type byte: StartupMessage, SSLRequest, GSSENCRequest,
/// CancelRequest. Stateless: look, use the frame, consume its bytes, look again.
class StartupFramer
{
  public:
    /// `limit`: most bytes after the length word.
    explicit StartupFramer(std::size_t limit = startup_limit) : limit_{limit} {}

    /// errc: invalid_length, too_large.
    [[nodiscard]] Framed next(wire::View bytes) const;

    /// A TLS ClientHello instead of a packet: a client that starts TLS directly (PostgreSQL 17 and later).
    [[nodiscard]] static bool is_tls(wire::View bytes) { return !bytes.empty() && bytes[0] == std::byte{0x16}; }

  private:
    std::size_t limit_;
};

/// Cuts typed messages that are wanted whole. A wrong type or length shows from the first five bytes, before anything
/// is buffered. Stateless, as StartupFramer.
class MessageFramer
{
  public:
    /// `limit`: most bytes of a message with type and length.
    explicit MessageFramer(Side side, std::size_t limit = message_limit) : side_{side}, limit_{limit} {}

    /// errc: unknown_message, invalid_length, too_large.
    [[nodiscard]] Framed next(wire::View bytes) const;

  private:
    Side side_;
    std::size_t limit_;
};

} // namespace stepgate::protocols::postgres
