#pragma once

#include "protocols/mysql/framer.h"

#include <algorithm>
#include <cstdint>
#include <variant>

namespace stepgate::protocols::mysql
{

inline constexpr std::size_t reply_limit = 4 * 1024 * 1024; // for a server's packets that are wanted whole

/// So many bytes are rows, or parts of them: they can go on unseen. Never zero bytes.
struct Pass {
    std::size_t bytes;
    std::uint64_t rows; // that began in them
};

using Scanned = std::variant<NeedMore, Pass, Frame, errc>;

/// Walks a server's stream without buffering rows, however large: everything else is given whole. Whether a packet can
/// be a row only the answer that it is in can tell: ask Replies::rows_follow() each time.
///
/// The caller consumes exactly the bytes of each Pass and Frame before it asks again. One scanner a session.
class Scanner
{
  public:
    /// `limit`: most bytes of a wanted payload.
    explicit Scanner(std::size_t limit = reply_limit) : limit_{std::min(limit, largest_packet - 1)} {}

    /// errc: too_large. After an error the stream has no meaning any more.
    [[nodiscard]] Scanned next(wire::View bytes, bool rows_follow);

    /// All bytes given out so far end with a whole message: others may be put in between here.
    [[nodiscard]] bool at_boundary() const { return remaining_ == 0 && !continues_; }

    /// Of the last packet that was given out or passed.
    [[nodiscard]] std::uint8_t sequence() const { return sequence_; }

  private:
    std::size_t limit_;
    std::size_t remaining_ = 0; // bytes of the passing packet that are still to come
    bool continues_ = false;    // the next packet belongs to the row before it
    std::uint8_t sequence_ = 0;
};

} // namespace stepgate::protocols::mysql
