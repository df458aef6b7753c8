#include "protocols/postgres/framer.h"
#include "protocols/postgres/scanner.h"
#include "tests/unit/postgres_protocol/support.h"

#include <gtest/gtest.h>

namespace stepgate::protocols::postgres
{
namespace framer_test
{

std::string text(std::string_view view)
{
    return std::string{view};
}

/// Feeds `stream` to a framer in two pieces cut at `split`; gives the types of the frames and, in the end, the error.
template <class Framer>
std::string cut(const Framer& framer, const std::string& stream, std::size_t split)
{
    std::string seen;
    std::size_t begin = 0;
    for (const std::size_t end : {split, stream.size()}) {
        for (;;) {
            const Message window{wire::as_bytes(std::string_view{stream}.substr(begin, end - begin))};
            const auto found = framer.next(window.bytes());
            if (const auto* frame = std::get_if<Frame>(&found)) {
                seen += frame->type == 0 ? '-' : frame->type;
                seen += text(wire::as_text(frame->body())) + " ";
                begin += frame->bytes.size();
                continue;
            }
            if (const auto* error = std::get_if<errc>(&found))
                return seen + "error " + std::to_string(static_cast<int>(*error));
            EXPECT_GT(std::get<NeedMore>(found).bytes, 0U);
            break;
        }
    }
    return seen;
}

std::string wire_of(std::initializer_list<Message> messages)
{
    std::string stream;
    for (const auto& message : messages)
        stream += wire::as_text(message.bytes());
    return stream;
}

std::string error(errc code)
{
    return "error " + std::to_string(static_cast<int>(code));
}

TEST(MessageFramer, cuts_the_same_frames_wherever_the_stream_is_split)
{
    const std::string stream = wire_of({message('Q', "select"), message('S'), message('X')});
    for (std::size_t split = 0; split <= stream.size(); ++split)
        EXPECT_EQ(cut(MessageFramer{Side::frontend}, stream, split), "Qselect S X ") << "split at " << split;
}

TEST(StartupFramer, cuts_the_same_frames_wherever_the_stream_is_split)
{
    const std::string stream = wire_of({message('\0', "abcd"), message('\0', "efghij")});
    for (std::size_t split = 0; split <= stream.size(); ++split)
        EXPECT_EQ(cut(StartupFramer{}, stream, split), "-abcd -efghij ") << "split at " << split;
}

TEST(MessageFramer, refuses)
{
    const struct {
        const char* name;
        Side side;
        std::string stream;
        errc expected;
    } cases[] = {
        {"an unknown type, from its first byte", Side::frontend, "?", errc::unknown_message},
        {"a server's message from a client", Side::frontend, "Z", errc::unknown_message},
        {"a client's message from a server", Side::backend, "Q", errc::unknown_message},
        {"a length that does not count itself", Side::frontend, raw("Q\0\0\0\3"), errc::invalid_length},
        {"a negative length", Side::frontend, raw("Q\xff\xff\xff\xff"), errc::invalid_length},
        {"a length over the limit, from its header", Side::frontend, raw("Q\0\0\0\x10"), errc::too_large},
        {"the largest length", Side::frontend, raw("Q\x7f\xff\xff\xff"), errc::too_large},
        {"a TLS record in the middle", Side::frontend, raw("\x16\x03\x01\x02\x00"), errc::unknown_message},
    };
    for (const auto& test : cases) {
        const MessageFramer framer{test.side, 16};
        for (std::size_t split = 0; split <= test.stream.size(); ++split)
            EXPECT_EQ(cut(framer, test.stream, split), error(test.expected)) << test.name << ", split at " << split;
    }
}

TEST(MessageFramer, takes_a_message_of_exactly_the_limit)
{
    EXPECT_EQ(cut(MessageFramer{Side::frontend, 16}, wire_of({message('Q', "12345678901")}), 3), "Q12345678901 ");
    EXPECT_EQ(cut(MessageFramer{Side::frontend, 16}, wire_of({message('Q', "123456789012")}), 3),
              error(errc::too_large));
}

TEST(MessageFramer, says_how_much_is_missing)
{
    const std::string stream = raw("Q\0\0\0\x0a") + "abc";
    const auto found = MessageFramer{Side::frontend}.next(wire::as_bytes(stream));
    EXPECT_EQ(std::get<NeedMore>(found).bytes, 3U);
}

TEST(StartupFramer, refuses)
{
    const struct {
        const char* name;
        std::string stream;
        errc expected;
    } cases[] = {
        {"a length without a version", raw("\0\0\0\4"), errc::invalid_length},
        {"length zero", raw("\0\0\0\0"), errc::invalid_length},
        {"one byte more than a server takes", raw("\0\0\x27\x15"), errc::too_large}, // 10005 = 4 + 10001
        {"a length with the highest bit", raw("\x80\0\0\x08"), errc::too_large},
        {"a TLS ClientHello", raw("\x16\x03\x01\x02\x00"), errc::too_large},
        {"an HTTP request", "GET / HTTP/1.1\r\n", errc::too_large},
    };
    for (const auto& test : cases)
        EXPECT_EQ(cut(StartupFramer{}, test.stream, 0), error(test.expected)) << test.name;
    EXPECT_TRUE(std::holds_alternative<NeedMore>(StartupFramer{}.next(wire::as_bytes(raw("\0\0\x27\x14")))));
}

TEST(StartupFramer, knows_a_direct_tls_start_by_its_first_byte)
{
    EXPECT_TRUE(StartupFramer::is_tls(wire::as_bytes("\x16")));
    EXPECT_FALSE(StartupFramer::is_tls(wire::as_bytes(raw("\0\0"))));
    EXPECT_FALSE(StartupFramer::is_tls({}));
}

/// Walks a stream cut at `split`: letters of wanted messages with their bodies, '.' for each passed byte, '|' where a
/// piece ended at a boundary.
std::string scan(Scanner scanner, const std::string& stream, std::size_t split)
{
    std::string seen;
    std::size_t begin = 0;
    for (const std::size_t end : {split, stream.size()}) {
        for (;;) {
            const Message window{wire::as_bytes(std::string_view{stream}.substr(begin, end - begin))};
            const auto found = scanner.next(window.bytes());
            if (const auto* frame = std::get_if<Frame>(&found)) {
                seen += frame->type + text(wire::as_text(frame->body()));
                begin += frame->bytes.size();
            } else if (const auto* pass = std::get_if<Pass>(&found)) {
                EXPECT_GT(pass->bytes, 0U);
                EXPECT_LE(pass->bytes, window.bytes().size());
                seen.append(pass->bytes, '.');
                begin += pass->bytes;
            } else if (const auto* failed = std::get_if<errc>(&found)) {
                return seen + error(*failed);
            } else {
                EXPECT_GT(std::get<NeedMore>(found).bytes, 0U);
                break;
            }
        }
    }
    return seen + (scanner.at_boundary() ? "|" : "+");
}

TEST(Scanner, passes_rows_and_gives_the_rest_whole_wherever_the_stream_is_split)
{
    const std::string stream =
        wire_of({message('D', "1234567890"), message('D'), message('C', "SELECT 2"), message('Z', "I"), message('D')});
    const Scanner scanner{Side::backend, replies_types()};
    for (std::size_t split = 0; split <= stream.size(); ++split)
        EXPECT_EQ(scan(scanner, stream, split), "....................CSELECT 2ZI.....|") << "split at " << split;
}

TEST(Scanner, passes_a_message_larger_than_any_buffer)
{
    Scanner scanner{Side::backend, replies_types(), 16};
    const std::string header = raw("D\x3f\xff\xff\xff"); // 1 GiB
    const auto first = scanner.next(wire::as_bytes(header));
    EXPECT_EQ(std::get<Pass>(first).bytes, 5U);
    EXPECT_FALSE(scanner.at_boundary());
    const std::string block(1 << 20, 'Z');
    std::size_t left = 0x3fffffff - 4;
    while (left > block.size()) {
        const auto found = scanner.next(wire::as_bytes(block));
        ASSERT_EQ(std::get<Pass>(found).bytes, block.size());
        left -= block.size();
    }
    EXPECT_FALSE(scanner.at_boundary());
    const std::string end = block.substr(0, left) + std::string{wire::as_text(message('Z', "I").bytes())};
    EXPECT_EQ(std::get<Pass>(scanner.next(wire::as_bytes(end))).bytes, left);
    EXPECT_TRUE(scanner.at_boundary());
    EXPECT_TRUE(std::holds_alternative<Frame>(scanner.next(wire::as_bytes(end).subspan(left))));
}

TEST(Scanner, passes_what_came_before_an_error)
{
    const struct {
        const char* name;
        std::string after_a_row;
        errc expected;
    } cases[] = {
        {"an unknown type", "?", errc::unknown_message},
        {"a wrong length", raw("D\0\0\0\3"), errc::invalid_length},
        {"a negative length", raw("D\xff\0\0\0"), errc::invalid_length},
        {"a wanted message over the limit", raw("E\0\0\0\x10"), errc::too_large},
    };
    const std::string row = wire_of({message('D', "ab")});
    for (const auto& test : cases) {
        const std::string stream = row + test.after_a_row;
        for (std::size_t split = 0; split <= stream.size(); ++split)
            EXPECT_EQ(scan(Scanner{Side::backend, replies_types(), 16}, stream, split),
                      "......." + error(test.expected))
                << test.name << ", split at " << split;
    }
}

TEST(Scanner, walks_a_client_as_well)
{
    const std::string stream = wire_of({message('Q', "copy"), message('d', "data"), message('c'), message('X')});
    Types wanted{Frontend::query, Frontend::copy_done, Frontend::terminate};
    const Scanner scanner{Side::frontend, wanted};
    for (std::size_t split = 0; split <= stream.size(); ++split)
        EXPECT_EQ(scan(scanner, stream, split), "Qcopy.........cX|") << "split at " << split;
}

TEST(Scanner, stops_for_half_a_header_without_passing_it)
{
    Scanner scanner{Side::backend, replies_types()};
    const std::string row = wire_of({message('D', "ab")});
    EXPECT_EQ(std::get<Pass>(scanner.next(wire::as_bytes(row + row.substr(0, 4)))).bytes, row.size());
    EXPECT_TRUE(scanner.at_boundary()) << "a notice may be put in here";
    EXPECT_EQ(std::get<NeedMore>(scanner.next(wire::as_bytes(row.substr(0, 4)))).bytes, 1U);
}

} // namespace framer_test
} // namespace stepgate::protocols::postgres
