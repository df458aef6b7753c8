#include "protocols/mysql/compression.h"

#include "protocols/mysql/cursor.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>
#include <span>

namespace stepgate::protocols::mysql
{

namespace
{

constexpr int fastest_zlib = 1;
constexpr unsigned default_zstd = 3; // of the clients too; 1 is faster, up to 22 are much slower

// Memory for (un)packing is a thread's, not a session's: an idle session has none.

Bytef* zlib_input(wire::View from)
{
    return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(from.data())); // zlib does not change its input
}

class ZlibReader
{
  public:
    ZlibReader() : works_{inflateInit(&stream_) == Z_OK} {}
    ZlibReader(const ZlibReader&) = delete;
    ZlibReader& operator=(const ZlibReader&) = delete;
    ~ZlibReader() { inflateEnd(&stream_); }

    /// True: `from` was one whole stream that fills `to`.
    bool unpack(wire::View from, std::span<std::byte> to)
    {
        if (!works_ || inflateReset(&stream_) != Z_OK)
            return false;
        stream_.next_in = zlib_input(from);
        stream_.avail_in = static_cast<uInt>(from.size());
        stream_.next_out = reinterpret_cast<Bytef*>(to.data());
        stream_.avail_out = static_cast<uInt>(to.size());
        return inflate(&stream_, Z_FINISH) == Z_STREAM_END && stream_.avail_in == 0 && stream_.avail_out == 0;
    }

  private:
    z_stream stream_{};
    bool works_;
};

class ZlibWriter
{
  public:
    ZlibWriter() : works_{deflateInit(&stream_, fastest_zlib) == Z_OK} {}
    ZlibWriter(const ZlibWriter&) = delete;
    ZlibWriter& operator=(const ZlibWriter&) = delete;
    ~ZlibWriter() { deflateEnd(&stream_); }

    /// How many bytes were written; 0: they do not fit.
    std::size_t pack(wire::View from, std::span<std::byte> to)
    {
        if (!works_ || deflateReset(&stream_) != Z_OK)
            return 0;
        stream_.next_in = zlib_input(from);
        stream_.avail_in = static_cast<uInt>(from.size());
        stream_.next_out = reinterpret_cast<Bytef*>(to.data());
        stream_.avail_out = static_cast<uInt>(to.size());
        return deflate(&stream_, Z_FINISH) == Z_STREAM_END ? to.size() - stream_.avail_out : 0;
    }

  private:
    z_stream stream_{};
    bool works_;
};

struct FreeZstd {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

bool unpack(Compression algorithm, wire::View from, std::span<std::byte> to)
{
    if (algorithm == Compression::zlib) {
        thread_local ZlibReader reader;
        return reader.unpack(from, to);
    }
    thread_local const std::unique_ptr<ZSTD_DCtx, FreeZstd> context{ZSTD_createDCtx()};
    return context && ZSTD_decompressDCtx(context.get(), to.data(), to.size(), from.data(), from.size()) == to.size();
}

std::size_t pack(Compression algorithm, int level, wire::View from, std::span<std::byte> to)
{
    if (algorithm == Compression::zlib) {
        thread_local ZlibWriter writer;
        return writer.pack(from, to);
    }
    thread_local const std::unique_ptr<ZSTD_CCtx, FreeZstd> context{ZSTD_createCCtx()};
    if (!context)
        return 0;
    const auto written = ZSTD_compressCCtx(context.get(), to.data(), to.size(), from.data(), from.size(), level);
    return ZSTD_isError(written) != 0U ? 0 : written;
}

/// No library makes more of a piece than this: compressed packets that are longer are none.
std::size_t most_packed(std::size_t unpacked)
{
    return std::max<std::size_t>(compressBound(static_cast<uLong>(unpacked)), ZSTD_compressBound(unpacked));
}

void put_uint24(std::span<std::byte> at, std::size_t value)
{
    for (std::size_t i = 0; i < 3; ++i)
        at[i] = static_cast<std::byte>(value >> (8 * i) & 0xffU);
}

} // namespace

std::variant<NeedMore, Inflated, errc> Inflater::next(wire::View bytes)
{
    wire::Bytes{}.swap(piece_);
    if (bytes.size() < compressed_header_size)
        return NeedMore{compressed_header_size - bytes.size()};
    Cursor header{bytes.first(compressed_header_size)};
    const std::size_t length = header.uint24();
    const std::uint8_t sequence = header.uint8();
    const std::size_t unpacked = header.uint24();
    if (std::max(unpacked, unpacked == 0 ? length : 0) > limit_)
        return errc::too_large;
    if (length == 0 || (unpacked != 0 && length > most_packed(unpacked)))
        return errc::malformed_compressed;
    const wire::View behind = bytes.subspan(compressed_header_size);
    if (behind.size() < length)
        return NeedMore{length - behind.size()};
    const wire::View payload = behind.first(length);
    if (unpacked == 0)
        return Inflated{compressed_header_size + length, payload, sequence};
    piece_.resize(unpacked);
    if (!unpack(algorithm_, payload, piece_))
        return errc::malformed_compressed;
    return Inflated{compressed_header_size + length, piece_, sequence};
}

Deflater::Deflater(Compression algorithm, unsigned level)
    : algorithm_{algorithm}, level_{static_cast<int>(std::clamp(level == 0 ? default_zstd : level, 1U, default_zstd))}
{
}

void Deflater::write(wire::Bytes& out, std::uint8_t sequence, wire::View piece) const
{
    const std::size_t header = out.size();
    out.resize(header + compressed_header_size + piece.size());
    const auto room = std::span{out}.subspan(header + compressed_header_size);
    std::size_t packed = 0;
    if (piece.size() >= smallest_compressed) // what does not become shorter is sent as it is
        packed = pack(algorithm_, level_, piece, room.first(piece.size() - 1));
    if (packed == 0)
        std::ranges::copy(piece, room.begin());
    const std::size_t length = packed != 0 ? packed : piece.size();
    out.resize(header + compressed_header_size + length);
    put_uint24(std::span{out}.subspan(header), length);
    out[header + 3] = static_cast<std::byte>(sequence);
    put_uint24(std::span{out}.subspan(header + 4), packed != 0 ? piece.size() : 0);
}

bool CompressedSequence::received(std::uint8_t id)
{
    const auto behind = static_cast<std::uint8_t>(id + 1);
    if (id == received_) {
        if (next_ == received_)
            next_ = behind;
    } else if (id == next_) { // it answers what was written, as a file does
        next_ = behind;
    } else if (id != 0) {
        return false;
    }
    received_ = behind;
    return true;
}

} // namespace stepgate::protocols::mysql
