#include "protocols/mysql/text_result.h"

#include "protocols/mysql/framer.h"
#include "protocols/mysql/replies.h"
#include "protocols/mysql/scanner.h"
#include "tests/unit/mysql_protocol/support.h"

#include <gtest/gtest.h>

namespace stepgate::protocols::mysql
{
namespace text_result_test
{

constexpr Capabilities plain = Capability::protocol_41;

struct Row {
    const char* name;
    Capabilities capabilities;
    std::uint8_t packets;
};

TEST(TextResult, is_a_result_with_more_behind_it_for_every_client)
{
    const Row table[] = {
        {"plain", plain, 6},
        {"modern", plain | Capability::deprecate_eof, 5},
        {"modern, tracking", plain | Capability::deprecate_eof | Capability::session_track, 5},
        {"mariadb", plain | Capability::extended_metadata, 6},
        {"mariadb, modern", plain | Capability::extended_metadata | Capability::deprecate_eof, 5},
    };
    const auto status = StatusFlags{Status::autocommit}.with(Status::more_results_exists);
    for (const auto& row : table) {
        wire::Bytes out;
        EXPECT_EQ(encode_text_result(out, 254, "STATEMENT HELD", "needs a passkey\nApprove at https://x", status,
                                     row.capabilities),
                  static_cast<std::uint8_t>(254 + row.packets))
            << row.name;
        Replies replies{row.capabilities};
        replies.send(Command::query);
        Scanner scanner;
        std::uint64_t rows = 0;
        std::string shown;
        std::uint8_t sequence = 254;
        for (wire::View left = out; !left.empty();) {
            const auto found = scanner.next(left, replies.rows_follow());
            if (const auto* pass = std::get_if<Pass>(&found)) {
                shown = text(left.subspan(header_size + 1, pass->bytes - header_size - 1));
                rows += pass->rows;
                left = left.subspan(pass->bytes);
                sequence = static_cast<std::uint8_t>(sequence + pass->rows);
                EXPECT_EQ(scanner.sequence(), static_cast<std::uint8_t>(sequence - 1)) << row.name;
                continue;
            }
            const auto& frame = std::get<Frame>(found);
            const auto event = replies.received(frame.payload);
            ASSERT_TRUE(event) << row.name;
            EXPECT_FALSE(event->last) << row.name;
            EXPECT_EQ(scanner.sequence(), sequence++) << row.name;
            left = left.subspan(frame.bytes.size());
        }
        EXPECT_EQ(rows, 2U) << row.name;
        EXPECT_TRUE(shown.starts_with("needs a passkey") && shown.ends_with("Approve at https://x")) << row.name;
        EXPECT_EQ(replies.status(), status) << row.name;
        EXPECT_FALSE(replies.rows_follow()) << row.name;
        EXPECT_EQ(replies.outstanding(), 1U) << row.name << ": the real answer is still to come";
    }
}

/// As the servers write such a result themselves.
TEST(TextResult, looks_as_from_a_server)
{
    wire::Bytes out;
    (void)encode_text_result(out, 1, "a", "b", StatusFlags{2}, plain);
    EXPECT_EQ(text(out), packet(1, "\1") + packet(2, hex("036465660000000161000c2d0004000000fd0000000000")) +
                             packet(3, hex("fe00000200")) + packet(4, "\1b") + packet(5, hex("fe00000200")));
    out.clear();
    (void)encode_text_result(out, 1, "a", "b", StatusFlags{2}, plain | Capability::deprecate_eof);
    EXPECT_EQ(text(out), packet(1, "\1") + packet(2, hex("036465660000000161000c2d0004000000fd0000000000")) +
                             packet(3, "\1b") + packet(4, hex("fe000002000000")));
}

} // namespace text_result_test
} // namespace stepgate::protocols::mysql
