#include "protocols/mysql/scanner.h"

#include "protocols/mysql/cursor.h"
#include "protocols/mysql/reply.h"

namespace stepgate::protocols::mysql
{

Scanned Scanner::next(wire::View bytes, bool rows_follow)
{
    std::size_t passed = std::min(remaining_, bytes.size());
    std::uint64_t rows = 0;
    remaining_ -= passed;
    // What stops the run (an error, a wanted packet, half a header) is found again when it stands at the front.
    const auto stop = [&](Scanned found) { return passed > 0 ? Scanned{Pass{passed, rows}} : found; };
    while (remaining_ == 0) {
        const wire::View rest = bytes.subspan(passed);
        if (rest.size() < header_size)
            return stop(NeedMore{header_size - rest.size()});
        Cursor header{rest.first(header_size)};
        const std::size_t length = header.uint24();
        const std::uint8_t sequence = header.uint8();
        // A row can begin with these bytes only if its first value is so long that the packet is a full one.
        bool is_row = continues_ || (rows_follow && length == largest_packet);
        if (!is_row && rows_follow && length > 0) {
            if (rest.size() == header_size)
                return stop(NeedMore{1});
            is_row = rest[header_size] != eof_header && rest[header_size] != err_header;
        }
        if (!is_row) {
            if (length > limit_)
                return stop(errc::too_large);
            if (rest.size() - header_size < length)
                return stop(NeedMore{length - (rest.size() - header_size)});
            if (passed > 0)
                return Pass{passed, rows};
            sequence_ = sequence;
            return Frame{rest.first(header_size + length), rest.subspan(header_size, length), sequence, sequence};
        }
        if (!continues_)
            ++rows;
        sequence_ = sequence;
        continues_ = length == largest_packet;
        const std::size_t here = std::min(header_size + length, rest.size());
        passed += here;
        remaining_ = header_size + length - here;
    }
    return stop(NeedMore{1});
}

} // namespace stepgate::protocols::mysql
