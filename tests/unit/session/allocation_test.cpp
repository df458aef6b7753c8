// The relay thread asks for no memory in steady state: not for messages, coroutines, waits, facts, verdicts or records.
#include "relay.h"
#include "thread_allocations.h"

#include <gtest/gtest.h>

#include <sys/socket.h>

#include <algorithm>
#include <string>
#include <vector>

namespace stepgate::test
{
namespace allocation_test
{

constexpr int warm_up = 300, rounds = 50, stretches = 10;

wire::Bytes joined(const std::vector<wire::Bytes>& messages)
{
    wire::Bytes all;
    for (const auto& message : messages)
        all.insert(all.end(), message.begin(), message.end());
    return all;
}

bool receive(Peer& peer, std::vector<std::byte>& into, std::size_t size)
{
    return ::recv(peer.descriptor(), into.data(), size, MSG_WAITALL) == static_cast<ssize_t>(size);
}

struct Exchange {
    const char* name;
    wire::Bytes first_request, first_answer; // once, before
    wire::Bytes request, answer;
};

class Allocations : public testing::TestWithParam<Exchange>
{
};

TEST_P(Allocations, NoneInSteadyState)
{
    if (!can_count_allocations())
        GTEST_SKIP() << "the sanitizer has an allocator of its own";
    const Exchange& exchange = GetParam();
    Relay::Setup setup;
    setup.on_relay_thread = count_allocations_of_this_thread;
    Relay relay{std::move(setup)};
    auto session = relay.session();
    std::vector<std::byte> got(4096);
    const auto round = [&](const wire::Bytes& request, const wire::Bytes& answer) {
        session.client.send(request);
        const bool asked = receive(session.server, got, request.size());
        session.server.send(answer);
        return receive(session.client, got, answer.size()) && asked;
    };
    if (!exchange.first_request.empty()) {
        ASSERT_TRUE(round(exchange.first_request, exchange.first_answer));
    }
    for (int i = 0; i < warm_up; ++i)
        ASSERT_TRUE(round(exchange.request, exchange.answer));
    ASSERT_GT(counted_allocations(), 0U) << "nothing is counted";
    // The tick asks for some, a few times a second: the best of several stretches has none at all.
    std::size_t fewest = rounds;
    for (int stretch = 0; stretch < stretches; ++stretch) {
        const auto before = counted_allocations();
        for (int i = 0; i < rounds; ++i)
            ASSERT_TRUE(round(exchange.request, exchange.answer));
        fewest = std::min(fewest, counted_allocations() - before);
    }
    EXPECT_EQ(fewest, 0U);
}

const wire::Bytes row = raw('D', std::string{"\0\1\0\0\0\1x", 7});
const wire::Bytes answers = joined({raw('1'), raw('2'), row, complete("SELECT 1"), ready()});
const std::string text = "SELECT abalance FROM pgbench_accounts WHERE aid = 4711";

INSTANTIATE_TEST_SUITE_P(
    Relay, Allocations,
    testing::Values(Exchange{"simple",
                             {},
                             {},
                             query(text),
                             joined({raw('T', std::string{"\0\0", 2}), row, complete("SELECT 1"), ready()})},
                    Exchange{"extended", {}, {}, joined({parse("", text), bind("", ""), execute(), sync()}), answers},
                    Exchange{"prepared", joined({parse("s", text), sync()}), joined({raw('1'), ready()}),
                             joined({bind("", "s"), execute(), sync()}),
                             joined({raw('2'), row, complete("SELECT 1"), ready()})}),
    [](const auto& test) { return std::string{test.param.name}; });

} // namespace allocation_test
} // namespace stepgate::test
