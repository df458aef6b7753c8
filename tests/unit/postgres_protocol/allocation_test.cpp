#include "protocols/postgres/report.h"
#include "protocols/postgres/scanner.h"
#include "protocols/postgres/tracker.h"
#include "tests/unit/postgres_protocol/allocations.h"
#include "tests/unit/postgres_protocol/support.h"

#include <gtest/gtest.h>

namespace stepgate::protocols::postgres
{
namespace allocation_test
{

/// One prepared select and one simple query, with everything that a relay does to their bytes.
class Round
{
  public:
    Round()
    {
        MessageWriter{bind_, Frontend::bind}.text(raw("\0s\0\0\0\0\1\0\0\0\1a\0\0"));
        MessageWriter{replies_, Backend::bind_complete}.text("");
        MessageWriter{replies_, Backend::data_row}.text("12345678");
        encode_command_complete(replies_, "SELECT 1");
        encode_ready_for_query(replies_, Transaction::idle);
        MessageWriter{replies_, Backend::row_description}.text("1234");
        encode_command_complete(replies_, "SELECT 1");
        encode_ready_for_query(replies_, Transaction::idle);
    }

    std::size_t run()
    {
        const auto framed = MessageFramer{Side::frontend}.next(bind_);
        const auto bind = decode_bind(std::get<Frame>(framed));
        std::size_t seen = 0;
        for (const auto value : bind->parameters)
            seen += value->size();
        tracker_.bind(bind->portal, 1);
        tracker_.execute(1);
        tracker_.sync();
        tracker_.query(2);
        wire::View left = replies_;
        while (!left.empty()) {
            const auto found = scanner_.next(left);
            if (const auto* pass = std::get_if<Pass>(&found)) {
                left = left.subspan(pass->bytes);
                continue;
            }
            const auto& frame = std::get<Frame>(found);
            const auto event = tracker_.received(frame);
            seen += event ? static_cast<std::size_t>(event->rows) : 1000;
            left = left.subspan(frame.bytes.size());
        }
        return tracker_.quiet() ? seen : 1000;
    }

  private:
    wire::Bytes bind_, replies_;
    Scanner scanner_{Side::backend, replies_types()};
    Tracker<int, int> tracker_;
};

TEST(Allocations, none_in_steady_state)
{
    Round round;
    EXPECT_EQ(round.run(), 3U);
    const std::size_t before = allocations();
    ASSERT_GT(before, 0U);
    std::size_t seen = 0;
    for (int i = 0; i < 1000; ++i)
        seen += round.run();
    const std::size_t after = allocations();
    EXPECT_EQ(seen, 3000U);
    EXPECT_EQ(after, before);
}

} // namespace allocation_test
} // namespace stepgate::protocols::postgres
