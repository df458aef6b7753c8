#pragma once

#include "protocols/mysql/errc.h"
#include "protocols/mysql/frame.h"
#include "protocols/mysql/framer.h"
#include "protocols/mysql/packet_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace stepgate::protocols::mysql
{

/// Bytes with their own memory, exactly as large, so that AddressSanitizer sees every read past the end.
class Exact
{
  public:
    explicit Exact(wire::View bytes) : memory_{std::make_unique<std::byte[]>(bytes.size())}, size_{bytes.size()}
    {
        std::ranges::copy(bytes, memory_.get());
    }
    explicit Exact(std::string_view text) : Exact{wire::as_bytes(text)} {}

    [[nodiscard]] wire::View bytes() const { return {memory_.get(), size_}; }
    [[nodiscard]] std::span<std::byte> writable() { return {memory_.get(), size_}; }

  private:
    std::unique_ptr<std::byte[]> memory_;
    std::size_t size_;
};

/// Text that may hold NULs.
template <std::size_t size>
std::string raw(const char (&literal)[size])
{
    return {literal, size - 1};
}

/// The bytes that hexadecimal digits stand for, spaces aside.
inline std::string hex(std::string_view digits)
{
    std::string bytes;
    unsigned value = 0;
    bool half = false;
    for (const char digit : digits) {
        if (digit == ' ')
            continue;
        value = value * 16 + static_cast<unsigned>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
        half = !half;
        if (!half)
            bytes += static_cast<char>(value & 0xffU);
    }
    return bytes;
}

/// One packet on the wire.
inline std::string packet(std::uint8_t sequence, std::string_view payload)
{
    wire::Bytes out;
    PacketWriter{out, sequence}.text(payload);
    return std::string{wire::as_text(out)};
}

/// What an encoder writes.
template <class Encode>
std::string written(Encode encode)
{
    wire::Bytes out;
    encode(out);
    return std::string{wire::as_text(out)};
}

inline std::string text(wire::View bytes)
{
    return std::string{wire::as_text(bytes)};
}

inline std::string error(errc code)
{
    return "error " + std::to_string(static_cast<int>(code));
}

/// A piece that a cutter found: its sequence id, what it carries, and its bytes in the stream.
struct Seen {
    std::uint8_t sequence = 0;
    std::string text;
    std::size_t bytes = 0;
};

/// Feeds `stream` to `cutter` in two parts cut at `split`; gives sequence ids and texts and, in the end, the error.
/// `see` turns what `Cutter::next` finds into a Seen.
template <class Found, class Cutter>
std::string seen_in_two(Cutter& cutter, const std::string& stream, std::size_t split, Seen (*see)(const Found&))
{
    std::string all;
    std::size_t begin = 0;
    for (const std::size_t end : {split, stream.size()}) {
        for (;;) {
            const Exact window{std::string_view{stream}.substr(begin, end - begin)};
            const auto found = cutter.next(window.bytes());
            if (const auto* one = std::get_if<Found>(&found)) {
                const Seen seen = see(*one);
                all += std::to_string(seen.sequence) + ":" + seen.text + " ";
                begin += seen.bytes;
                continue;
            }
            if (const auto* code = std::get_if<errc>(&found))
                return all + error(*code);
            EXPECT_GT(std::get<NeedMore>(found).bytes, 0U);
            break;
        }
    }
    return all;
}

} // namespace stepgate::protocols::mysql
