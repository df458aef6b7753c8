#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace stepgate::proxy::net
{

/// What stands between a session's bytes and the connection's once both peers have agreed on it: compression. Bytes in,
/// bytes out; the stream that owns it does the reading and writing. It keeps memory only while it keeps bytes.
class Layer
{
  public:
    virtual ~Layer() = default;

    /// Where the connection's next bytes are read to; then, how many there were: perhaps none.
    [[nodiscard]] virtual std::span<std::byte> room() = 0;
    virtual void commit(std::size_t bytes) = 0;

    /// Moves what the bytes so far say; 0: more of them are needed, or `failed`.
    [[nodiscard]] virtual std::size_t take(std::span<std::byte> into) = 0;
    /// The connection's bytes mean nothing; nothing is read from it any more.
    [[nodiscard]] virtual bool failed() const = 0;
    /// `take` may find bytes before the connection brings more.
    [[nodiscard]] virtual bool buffered() const = 0;

    /// Writes to `out` what the connection is to carry for the first bytes of `from`; gives how many those were.
    virtual std::size_t put(std::span<const std::byte> from, std::vector<std::byte>& out) = 0;
};

} // namespace stepgate::proxy::net
