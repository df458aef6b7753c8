// Compressed packets of a client. The first byte chooses the algorithm; the pieces must be the same however the stream
// is cut, never larger than the limit, and come back when they are packed again.
#include "protocols/mysql/compression.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace
{

using namespace stepgate;
using namespace stepgate::protocols::mysql;

constexpr std::size_t limit = 1 << 16;

void check(bool holds)
{
    if (!holds)
        std::abort();
}

struct Seen {
    std::string pieces;
    bool failed = false;
    friend bool operator==(const Seen&, const Seen&) = default;
};

void pack_again(Compression algorithm, const Inflated& one)
{
    wire::Bytes again;
    Deflater{algorithm}.write(again, one.sequence, one.piece);
    Inflater reader{algorithm, limit};
    const auto found = reader.next(again);
    const auto* same = std::get_if<Inflated>(&found);
    check(same != nullptr && same->bytes == again.size() && same->sequence == one.sequence);
    check(std::ranges::equal(same->piece, one.piece));
}

Seen read(Compression algorithm, wire::View stream, std::size_t step)
{
    Inflater inflater{algorithm, limit};
    Seen seen;
    std::size_t begin = 0;
    for (std::size_t end = std::min(step, stream.size());; end = std::min(end + step, stream.size())) {
        for (;;) {
            const auto found = inflater.next(stream.subspan(begin, end - begin));
            if (std::holds_alternative<errc>(found)) {
                seen.failed = true;
                return seen;
            }
            if (std::holds_alternative<NeedMore>(found))
                break;
            const auto& one = std::get<Inflated>(found);
            check(!one.piece.empty() && one.piece.size() <= limit);
            seen.pieces += wire::as_text(one.piece);
            if (step >= stream.size())
                pack_again(algorithm, one);
            begin += one.bytes;
        }
        if (end == stream.size())
            return seen;
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 2)
        return 0;
    const auto algorithm = (*data & 1U) != 0 ? Compression::zstd : Compression::zlib;
    const wire::View stream{reinterpret_cast<const std::byte*>(data + 1), size - 1};
    check(read(algorithm, stream, stream.size()) == read(algorithm, stream, 1 + *data / 2U));
    return 0;
}
