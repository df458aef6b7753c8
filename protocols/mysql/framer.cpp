#include "protocols/mysql/framer.h"

#include "protocols/mysql/cursor.h"

#include <algorithm>

namespace stepgate::protocols::mysql
{

Framed MessageFramer::next(wire::View bytes)
{
    wire::Bytes{}.swap(joined_);
    std::size_t whole = 0, payload = 0;
    Frame frame;
    for (bool continued = true; continued;) {
        if (bytes.size() - whole < header_size)
            return NeedMore{header_size - (bytes.size() - whole)};
        Cursor header{bytes.subspan(whole, header_size)};
        const std::size_t length = header.uint24();
        const std::uint8_t sequence = header.uint8();
        if (whole == 0)
            frame.sequence = sequence;
        else if (sequence != static_cast<std::uint8_t>(frame.last + 1))
            return errc::out_of_order;
        frame.last = sequence;
        payload += length;
        if (payload > limit_)
            return errc::too_large;
        const std::size_t there = bytes.size() - whole - header_size;
        if (there < length)
            return NeedMore{length - there};
        whole += header_size + length;
        continued = length == largest_packet;
    }
    frame.bytes = bytes.first(whole);
    frame.payload = frame.bytes.subspan(header_size);
    if (payload >= largest_packet)
        frame.payload = join(frame);
    return frame;
}

wire::View MessageFramer::join(const Frame& frame)
{
    joined_.reserve(frame.bytes.size());
    for (wire::View left = frame.bytes; !left.empty();) {
        const std::size_t here = std::min(largest_packet, left.size() - header_size);
        const wire::View part = left.subspan(header_size, here);
        joined_.insert(joined_.end(), part.begin(), part.end());
        left = left.subspan(header_size + here);
    }
    return joined_;
}

void SequenceShift::apply(std::span<std::byte> bytes)
{
    while (!bytes.empty()) {
        if (header_ == 0 && remaining_ > 0) {
            const std::size_t passed = std::min(remaining_, bytes.size());
            remaining_ -= passed;
            bytes = bytes.subspan(passed);
            continue;
        }
        if (header_ < 3)
            remaining_ |= std::to_integer<std::size_t>(bytes[0]) << (8 * header_);
        else
            bytes[0] = static_cast<std::byte>(std::to_integer<unsigned>(bytes[0]) + by_);
        header_ = (header_ + 1) % header_size;
        bytes = bytes.subspan(1);
    }
}

} // namespace stepgate::protocols::mysql
