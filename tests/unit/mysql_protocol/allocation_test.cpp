#include "protocols/mysql/scanner.h"
#include "protocols/mysql/tracker.h"
#include "tests/unit/mysql_protocol/support.h"
#include "tests/unit/postgres_protocol/allocations.h"

#include <gtest/gtest.h>

namespace stepgate::protocols::mysql
{
namespace allocation_test
{

constexpr Capabilities agreed = Capability::protocol_41 | Capability::query_attributes;

/// One prepared select and one simple query, with everything that a relay does to their bytes.
class Round
{
  public:
    Round()
    {
        tracker_.prepare(1);
        EXPECT_TRUE(tracker_.received(wire::as_bytes(hex("000100000001000100000000"))));
        for (const auto& payload : {parameter_, eof_, column_, eof_})
            EXPECT_TRUE(tracker_.received(wire::as_bytes(payload)));
        commands_ =
            packet(0, raw("\x17\1\0\0\0\x08\1\0\0\0\1\0\1\x08\0\0\7\0\0\0\0\0\0\0")) + packet(0, raw("\3\0\1select 1"));
        const std::string result = packet(1, "\1") + packet(2, column_) + packet(3, eof_) +
                                   packet(4, "\1"
                                             "1") +
                                   packet(5, "\1"
                                             "2") +
                                   packet(6, eof_);
        replies_ = result + result;
    }

    std::size_t run()
    {
        std::size_t seen = 0;
        for (wire::View left = wire::as_bytes(commands_); !left.empty();) {
            const auto found = framer_.next(left);
            const auto& frame = std::get<Frame>(found);
            left = left.subspan(frame.bytes.size());
            seen += command(frame.payload);
        }
        wire::View left = wire::as_bytes(replies_);
        while (!left.empty()) {
            const auto found = scanner_.next(left, tracker_.rows_follow());
            if (const auto* pass = std::get_if<Pass>(&found)) {
                tracker_.passed(pass->rows);
                left = left.subspan(pass->bytes);
                continue;
            }
            const auto& frame = std::get<Frame>(found);
            const auto event = tracker_.received(frame.payload);
            seen += event ? static_cast<std::size_t>(event->rows) : 1000;
            left = left.subspan(frame.bytes.size());
        }
        return tracker_.quiet() ? seen : 1000;
    }

  private:
    std::size_t command(wire::View payload)
    {
        if (command_of(payload) == Command::query) {
            tracker_.send(Command::query, 2);
            return decode_query(payload, agreed, parameters_)->size();
        }
        const auto execute = *decode_execute(payload);
        auto& statement = *tracker_.statements().find(execute.statement).statement;
        const bool read = decode_parameters(execute, agreed, statement.binding, parameters_).has_value();
        tracker_.execute(statement, true, 1);
        return read ? parameters_.size() : 1000;
    }

    const std::string eof_ = hex("fe00000200");
    const std::string parameter_ = hex("03646566000000013f000c3f0000000000068000000000");
    const std::string column_ = hex("036465660000000161000c3f0001000000038100000000");
    std::string commands_, replies_;
    std::vector<Parameter> parameters_;
    MessageFramer framer_;
    Scanner scanner_;
    Tracker<int> tracker_{agreed};
};

TEST(Allocations, none_in_steady_state)
{
    Round round;
    EXPECT_EQ(round.run(), 13U);
    const std::size_t before = allocations();
    ASSERT_GT(before, 0U);
    std::size_t seen = 0;
    for (int i = 0; i < 1000; ++i)
        seen += round.run();
    const std::size_t after = allocations();
    EXPECT_EQ(seen, 13000U);
    EXPECT_EQ(after, before);
}

} // namespace allocation_test
} // namespace stepgate::protocols::mysql
