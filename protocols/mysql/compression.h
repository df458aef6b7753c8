#pragma once

#include "protocols/mysql/errc.h"
#include "protocols/mysql/framer.h"

#include <cstdint>
#include <variant>

namespace stepgate::protocols::mysql
{

/// What two peers have agreed on.
enum class Compression : std::uint8_t { zlib, zstd };

inline constexpr std::size_t compressed_header_size = 7; // length, sequence id, length before compression
inline constexpr std::size_t smallest_compressed = 50;   // what is shorter is sent as it is

/// One compressed packet and the piece of the stream that was in it. Packets begin and end anywhere in pieces.
struct Inflated {
    std::size_t bytes; // of the wire
    wire::View piece;
    std::uint8_t sequence;
};

/// Cuts compressed packets ("Compressed Packet" in the vendors' documents) and unpacks them. One a connection.
class Inflater
{
  public:
    /// `limit`: most bytes of a piece. Too large shows from the header, before anything is buffered or unpacked.
    Inflater(Compression algorithm, std::size_t limit) : algorithm_{algorithm}, limit_{limit} {}

    /// A piece is valid until the next call and as long as `bytes` are. errc: too_large, malformed_compressed.
    [[nodiscard]] std::variant<NeedMore, Inflated, errc> next(wire::View bytes);

  private:
    Compression algorithm_;
    std::size_t limit_;
    wire::Bytes piece_;
};

/// Packs pieces of a stream. The relay's threads serve many: what a client asks for is capped at fast levels.
class Deflater
{
  public:
    /// `level`: of zstd, as the client's handshake response has it; zlib has none.
    explicit Deflater(Compression algorithm, unsigned level = 0);

    /// Writes one compressed packet with all of `piece`: 1 to `largest_packet` bytes.
    void write(wire::Bytes& out, std::uint8_t sequence, wire::View piece) const;

  private:
    Compression algorithm_;
    int level_;
};

/// The sequence ids of compressed packets: their own count, through a command and its answer, in both directions.
class CompressedSequence
{
  public:
    /// False: neither the next one nor the first of a command.
    [[nodiscard]] bool received(std::uint8_t id);

    /// What is written from here on answers the command that was received last.
    void begin_answer() { next_ = received_; }
    /// What is written next answers nothing.
    void begin_unasked() { next_ = 0; }
    [[nodiscard]] std::uint8_t take() { return next_++; }

  private:
    std::uint8_t received_ = 0; // behind the last one that came
    std::uint8_t next_ = 0;     // of the next one that is written
};

} // namespace stepgate::protocols::mysql
