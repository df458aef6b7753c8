#pragma once

#include "protocols/mysql/compression.h"
#include "proxy/net/layer.h"

#include <optional>

namespace stepgate::proxy::session
{

/// What a client has asked for in its handshake response.
struct MySqlCompressed {
    protocols::mysql::Compression algorithm{};
    unsigned level = 0; // of zstd
};

/// Compressed packets on a client's connection. Owned by its stream; the session tells it where answers begin.
class MySqlCompression final : public net::Layer
{
  public:
    /// `limit`: most bytes of a message.
    MySqlCompression(MySqlCompressed agreed, std::size_t limit);

    /// What is written from here on answers the command that was read last; nothing at all.
    void begin_answer() { sequence_.begin_answer(); }
    void begin_unasked() { sequence_.begin_unasked(); }
    [[nodiscard]] const std::optional<protocols::mysql::errc>& error() const { return error_; }

    [[nodiscard]] std::span<std::byte> room() override;
    void commit(std::size_t bytes) override;
    [[nodiscard]] std::size_t take(std::span<std::byte> into) override;
    [[nodiscard]] bool failed() const override { return error_.has_value(); }
    [[nodiscard]] bool buffered() const override { return begin_ < end_; }
    std::size_t put(std::span<const std::byte> from, std::vector<std::byte>& out) override;

  private:
    [[nodiscard]] bool next_piece();
    void consume();

    protocols::mysql::Inflater inflater_;
    protocols::mysql::Deflater deflater_;
    protocols::mysql::CompressedSequence sequence_;
    wire::Bytes memory_; // what was read lies between `begin_` and `end_`
    std::size_t begin_ = 0, end_ = 0;
    std::size_t wanted_ = 1; // bytes that the packet at the front lacks
    wire::View piece_;       // what is left of it
    std::size_t packet_ = 0; // bytes of the packet that it came in
    std::optional<protocols::mysql::errc> error_;
};

} // namespace stepgate::proxy::session
