#pragma once

#include "protocols/postgres/framer.h"

#include <bitset>
#include <initializer_list>

namespace stepgate::protocols::postgres
{

/// A set of message types.
class Types
{
  public:
    Types() = default;
    Types(std::initializer_list<Backend> types)
    {
        for (const Backend type : types)
            add(static_cast<char>(type));
    }
    Types(std::initializer_list<Frontend> types)
    {
        for (const Frontend type : types)
            add(static_cast<char>(type));
    }

    void add(char type) { bits_.set(static_cast<unsigned char>(type)); }
    void remove(char type) { bits_.reset(static_cast<unsigned char>(type)); }
    [[nodiscard]] bool has(char type) const { return bits_.test(static_cast<unsigned char>(type)); }

  private:
    std::bitset<256> bits_;
};

/// What Replies must see of a server's messages: all but DataRow and CopyData, which say nothing that others do not.
[[nodiscard]] const Types& replies_types();

/// So many bytes hold nothing that was asked for: they can go on unseen. Never zero.
struct Pass {
    std::size_t bytes;
};

using Scanned = std::variant<NeedMore, Pass, Frame, errc>;

/// Walks a stream of typed messages without buffering those that nobody wants: a wanted message is given whole, all
/// others pass in runs as long as the bytes at hold, also when a message is larger than any buffer.
///
/// The caller consumes exactly the bytes of each Pass and Frame before it asks again. One scanner a direction.
class Scanner
{
  public:
    /// `limit`: most bytes of a wanted message. Others may be as large as the protocol allows.
    Scanner(Side side, const Types& wanted, std::size_t limit = message_limit)
        : side_{side}, wanted_{wanted}, limit_{limit}
    {
    }

    /// errc: unknown_message, invalid_length, too_large. After an error the stream has no meaning any more.
    [[nodiscard]] Scanned next(wire::View bytes);

    /// All bytes given out so far end with a whole message: others may be put in between here.
    [[nodiscard]] bool at_boundary() const { return remaining_ == 0; }

    [[nodiscard]] Types& wanted() { return wanted_; }

  private:
    Side side_;
    Types wanted_;
    std::size_t limit_;
    std::size_t remaining_ = 0; // bytes of the passing message that are still to come
};

} // namespace stepgate::protocols::postgres
