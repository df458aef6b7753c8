#pragma once

#include "protocols/wire/bytes.h"

#include <cstdint>

namespace stepgate::protocols::mysql
{

inline constexpr std::size_t header_size = 4;           // three bytes of length, one of sequence
inline constexpr std::size_t largest_packet = 0xffffff; // a packet of this length is continued by the next one

/// One complete message, as it was on the wire. Borrows.
struct Frame {
    wire::View bytes;          // all its packets, headers included: what is forwarded
    wire::View payload;        // what they say together
    std::uint8_t sequence = 0; // of the first packet
    std::uint8_t last = 0;     // of the last packet: an answer goes on with the next one
};

} // namespace stepgate::protocols::mysql
