#include "protocols/mysql/compression.h"
#include "tests/unit/mysql_protocol/support.h"

#include <gtest/gtest.h>

#include <array>

namespace stepgate::protocols::mysql
{
namespace compression_test
{

constexpr std::size_t limit = 1 << 20;
constexpr std::array algorithms{Compression::zlib, Compression::zstd};

std::string name(Compression algorithm)
{
    return algorithm == Compression::zlib ? "zlib" : "zstd";
}

/// Bytes that nothing can pack.
std::string noise(std::size_t size)
{
    std::string bytes;
    for (std::uint32_t state = 1; bytes.size() < size; bytes += static_cast<char>(state >> 24U))
        state = state * 1664525U + 1013904223U;
    return bytes;
}

std::string packed(Compression algorithm, std::uint8_t sequence, const std::string& piece)
{
    return written([&](auto& out) { Deflater{algorithm}.write(out, sequence, wire::as_bytes(piece)); });
}

std::string header(std::size_t length, std::uint8_t sequence, std::size_t unpacked)
{
    return written([&](auto& out) {
        Writer to{out};
        to.uint24(static_cast<std::uint32_t>(length));
        to.uint8(sequence);
        to.uint24(static_cast<std::uint32_t>(unpacked));
    });
}

/// Feeds `stream` in two parts cut at `split`; gives sequence ids and pieces and, in the end, the error.
std::string unpacked(Compression algorithm, std::size_t most, const std::string& stream, std::size_t split)
{
    Inflater inflater{algorithm, most};
    return seen_in_two<Inflated>(inflater, stream, split, [](const Inflated& one) {
        return Seen{one.sequence, text(one.piece), one.bytes};
    });
}

TEST(Compression, brings_the_same_pieces_wherever_the_stream_is_split)
{
    const std::string shorter = "\3select 1", longer = std::string(300, 'a') + "b", random = noise(200);
    for (const auto algorithm : algorithms) {
        const std::string stream =
            packed(algorithm, 0, shorter) + packed(algorithm, 255, longer) + packed(algorithm, 7, random);
        for (std::size_t split = 0; split <= stream.size(); ++split)
            EXPECT_EQ(unpacked(algorithm, limit, stream, split),
                      "0:" + shorter + " 255:" + longer + " 7:" + random + " ")
                << name(algorithm) << ", split at " << split;
    }
}

TEST(Compression, asks_for_what_a_packet_lacks)
{
    for (const auto algorithm : algorithms) {
        const std::string stream = packed(algorithm, 0, std::string(300, 'a'));
        for (std::size_t size = 0; size < stream.size(); ++size) {
            Inflater inflater{algorithm, limit};
            const Exact bytes{std::string_view{stream}.substr(0, size)};
            const auto found = inflater.next(bytes.bytes());
            const auto* more = std::get_if<NeedMore>(&found);
            ASSERT_NE(more, nullptr) << name(algorithm) << ", cut at " << size;
            EXPECT_EQ(more->bytes, (size < compressed_header_size ? compressed_header_size : stream.size()) - size);
        }
    }
}

TEST(Compression, sends_as_it_is_what_does_not_become_shorter)
{
    for (const auto algorithm : algorithms)
        for (const auto& piece : {std::string{"x"}, std::string(smallest_compressed - 1, 'a'), noise(1000)})
            EXPECT_EQ(packed(algorithm, 3, piece), header(piece.size(), 3, 0) + piece) << name(algorithm);
    for (const auto algorithm : algorithms)
        EXPECT_LT(packed(algorithm, 3, std::string(1000, 'a')).size(), 60U) << name(algorithm);
}

TEST(Compression, asks_zstd_for_no_more_than_its_usual_effort)
{
    std::string piece;
    for (int i = 0; i < 3000; ++i)
        piece += "row " + std::to_string(i * 7919 % 1000) + ",";
    const auto size = [&](unsigned level) {
        wire::Bytes out;
        Deflater{Compression::zstd, level}.write(out, 0, wire::as_bytes(piece));
        return out.size();
    };
    EXPECT_EQ(size(22), size(3));
    EXPECT_EQ(size(0), size(3));
    EXPECT_NE(size(1), size(3));
}

struct Refused {
    const char* name;
    std::string stream;
    errc error;
};

TEST(Compression, refuses_from_the_header_what_is_over_the_limit)
{
    const Refused table[] = {
        {"as it is", header(1001, 0, 0), errc::too_large},
        {"packed", header(20, 0, 1001), errc::too_large},
        {"the most that can be written", header(0xffffff, 0, 0xffffff), errc::too_large},
        {"nothing", header(0, 0, 0), errc::malformed_compressed},
        {"nothing that would become something", header(0, 0, 100), errc::malformed_compressed},
        {"packed to more than any library makes", header(2000, 0, 1000), errc::malformed_compressed},
    };
    for (const auto& row : table)
        for (const auto algorithm : algorithms)
            EXPECT_EQ(unpacked(algorithm, 1000, row.stream, 0), error(row.error))
                << row.name << ", " << name(algorithm);
    EXPECT_EQ(unpacked(Compression::zlib, 1000, header(1000, 0, 0) + noise(1000), 0), "0:" + noise(1000) + " ");
}

TEST(Compression, refuses_what_is_not_what_its_header_says)
{
    for (const auto algorithm : algorithms) {
        const std::string piece(100'000, 'a');
        const std::string payload = packed(algorithm, 0, piece).substr(compressed_header_size);
        const auto claimed = [&](std::size_t size, const std::string& bytes) {
            return header(bytes.size(), 0, size) + bytes;
        };
        const Refused table[] = {
            {"more comes out: a bomb", claimed(1000, payload), errc::malformed_compressed},
            {"one byte more comes out", claimed(piece.size() - 1, payload), errc::malformed_compressed},
            {"less comes out", claimed(piece.size() + 1, payload), errc::malformed_compressed},
            {"its end is missing", claimed(piece.size(), payload.substr(0, payload.size() - 1)),
             errc::malformed_compressed},
            {"something is behind it", claimed(piece.size(), payload + "x"), errc::malformed_compressed},
            {"no compression at all", claimed(piece.size(), noise(100)), errc::malformed_compressed},
            {"the other algorithm",
             packed(algorithm == Compression::zlib ? Compression::zstd : Compression::zlib, 0, piece),
             errc::malformed_compressed},
        };
        for (const auto& row : table)
            EXPECT_EQ(unpacked(algorithm, limit, row.stream, 0), error(row.error))
                << row.name << ", " << name(algorithm);
        ASSERT_EQ(unpacked(algorithm, limit, claimed(piece.size(), payload), 0), "0:" + piece + " ") << name(algorithm);
    }
}

TEST(Compression, works_again_after_what_was_refused)
{
    for (const auto algorithm : algorithms) {
        const std::string piece(300, 'a');
        EXPECT_EQ(unpacked(algorithm, limit, header(20, 0, 100) + noise(20), 0), error(errc::malformed_compressed));
        EXPECT_EQ(unpacked(algorithm, limit, packed(algorithm, 0, piece), 0), "0:" + piece + " ");
    }
}

/// What happens: "<5" a packet with this id came, ">" one is written, "a" the answer begins, "u" something unasked.
std::string followed(std::string_view events)
{
    CompressedSequence sequence;
    std::string seen;
    for (std::size_t at = 0; at < events.size(); ++at) {
        const char event = events[at];
        if (event == 'a') {
            sequence.begin_answer();
        } else if (event == 'u') {
            sequence.begin_unasked();
        } else if (event == '>') {
            seen += std::to_string(sequence.take()) + " ";
        } else {
            const auto end = std::min(events.find(' ', at), events.size());
            const auto id = std::stoul(std::string{events.substr(at + 1, end - at - 1)});
            if (!sequence.received(static_cast<std::uint8_t>(id)))
                return seen + "out of order";
            at = end;
        }
    }
    return seen;
}

TEST(CompressedSequence, counts_through_a_command_and_its_answer)
{
    struct Row {
        const char* name;
        const char* events;
        const char* written;
    };
    const Row table[] = {
        {"a command and its answer", "<0 a>>", "1 2 "},
        {"the next command begins again", "<0 a>><0 a>", "1 2 1 "},
        {"a command in three packets", "<0 <1 <2 a>", "3 "},
        {"a packet is missing", "<0 <2 a>", "out of order"},
        {"an id comes twice", "<0 <1 <1 ", "out of order"},
        {"it begins with another one", "<1 ", "out of order"},
        {"the client answers: a file, a proof", "<0 a>><3 <4 >>", "1 2 5 6 "},
        {"an answer to what was not written", "<0 a>><4 ", "1 2 out of order"},
        {"the next command comes before the answer to the first", "<0 a<0 >>a>", "1 2 1 "},
        {"a command that is answered by none, and one that is", "<0 a<0 a>", "1 "},
        {"nobody asked", "<0 a>u>", "1 0 "},
    };
    for (const auto& row : table)
        EXPECT_EQ(followed(row.events), row.written) << row.name;
}

TEST(CompressedSequence, goes_round)
{
    std::string events = "<0 ";
    for (int i = 1; i < 258; ++i)
        events += "<" + std::to_string(i % 256) + " ";
    EXPECT_EQ(followed(events + "a>"), "2 ");
    CompressedSequence sequence;
    EXPECT_TRUE(sequence.received(0));
    sequence.begin_answer();
    for (int i = 0; i < 255; ++i)
        (void)sequence.take();
    EXPECT_EQ(sequence.take(), 0);
}

} // namespace compression_test
} // namespace stepgate::protocols::mysql
