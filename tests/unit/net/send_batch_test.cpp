#include "bytes.h"

#include "proxy/net/send_batch.h"

#include "proxy/net/loop.h"
#include "proxy/net/stream.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <vector>

// Seen failing: without `send_batch` at the end of a round (SmallOnes..), without the look at `unsent` before a write
// (WhatASocket..), without `flush` in `remove` and in `finish_writing` (WhatWasWritten..), in `write_all` (WriteAll..),
// without sending first what a socket has in the batch (TwoWrites.., ALargeWrite..) and a full batch (MoreThan..),
// without `lost` (APeer..), with SIGPIPE as it was (Batch.TellsWhat..).

namespace stepgate::proxy::net
{
namespace send_batch_test
{

namespace asio = boost::asio;

/// Both ends, which do not block.
std::array<int, 2> pair()
{
    std::array<int, 2> both{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, both.data()), 0);
    return both;
}

/// What a descriptor has to read now.
std::string heard(int descriptor)
{
    std::string all;
    std::array<char, 65536> some{};
    for (ssize_t bytes = 0; (bytes = ::recv(descriptor, some.data(), some.size(), 0)) > 0;)
        all.append(some.data(), static_cast<std::size_t>(bytes));
    return all;
}

/// A small write that finds no room: the socket is filled first.
std::string fill(int descriptor)
{
    const std::string text = pattern(4096);
    std::string all;
    for (ssize_t bytes = 0; (bytes = ::send(descriptor, text.data(), text.size(), 0)) > 0;)
        all.append(text, 0, static_cast<std::size_t>(bytes));
    return all;
}

class Batch : public testing::TestWithParam<SendBatch::How>
{
};

INSTANTIATE_TEST_SUITE_P(, Batch, testing::Values(SendBatch::How::together, SendBatch::How::singly),
                         [](const auto& each) {
                             return each.param == SendBatch::How::together ? "Together" : "Singly";
                         });

TEST_P(Batch, SendsToEachWhatIsIts)
{
    SendBatch batch{GetParam()};
    std::vector<std::array<int, 2>> pairs;
    for (std::uint64_t i = 0; !batch.full(); ++i) {
        pairs.push_back(pair());
        batch.add(pairs.back()[0], i, bytes_of("number " + std::to_string(i)));
    }
    EXPECT_GT(pairs.size(), 1U);
    EXPECT_EQ(heard(pairs[0][1]), "");
    EXPECT_TRUE(batch.send().empty());
    EXPECT_TRUE(batch.empty());
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        EXPECT_EQ(heard(pairs[i][1]), "number " + std::to_string(i));
        ::close(pairs[i][0]);
        ::close(pairs[i][1]);
    }
}

TEST_P(Batch, TellsWhatWasNotTaken)
{
    SendBatch batch{GetParam()};
    const auto good = pair(), full = pair(), broken = pair();
    (void)fill(full[0]);
    ::close(broken[1]);
    for (int turn = 0; turn < 3; ++turn) { // and the next batch is not disturbed
        batch.add(broken[0], 1, bytes_of("nobody reads this"));
        batch.add(full[0], 2, bytes_of("no room"));
        batch.add(good[0], 3, bytes_of("fine"));
        const auto unsent = batch.send();
        ASSERT_EQ(unsent.size(), 2U);
        EXPECT_EQ(unsent[0].tag, 1U);
        EXPECT_EQ(unsent[0].error, EPIPE);
        EXPECT_EQ(unsent[1].tag, 2U);
        EXPECT_EQ(unsent[1].error, EAGAIN);
        EXPECT_EQ(unsent[1].bytes.size(), 7U);
        EXPECT_EQ(heard(good[1]), "fine");
    }
    for (const int descriptor : {good[0], good[1], full[0], full[1], broken[0]})
        ::close(descriptor);
}

/// Streams on a loop, and their other ends as plain descriptors.
struct Streams {
    Loop loop;
    std::vector<std::unique_ptr<Stream>> ours;
    std::vector<int> peers;

    explicit Streams(std::size_t count)
    {
        for (std::size_t i = 0; i < count; ++i) {
            const auto both = pair();
            ours.push_back(std::make_unique<Stream>(Socket{loop.get_executor(), both[0]}));
            peers.push_back(both[1]);
        }
    }
    ~Streams()
    {
        for (const int peer : peers)
            ::close(peer);
    }

    void run(std::function<Task<void>()> coroutine)
    {
        auto task = coroutine();
        asio::co_spawn(loop.get_executor(), std::move(task), [this](std::exception_ptr) { loop.stop(); });
        loop.run();
    }
    [[nodiscard]] Task<void> next_round()
    {
        co_await asio::post(loop.get_executor(), asio::use_awaitable_t<Executor>{});
    }
};

TEST(Writes, SmallOnesLeaveAtTheEndOfTheRound)
{
    Streams streams{3};
    streams.run([&]() -> Task<void> {
        for (const auto& stream : streams.ours)
            EXPECT_EQ(stream->try_write(bytes_of("hello")).bytes, 5U);
        EXPECT_EQ(heard(streams.peers[0]), "");
        co_await streams.next_round();
        for (const int peer : streams.peers)
            EXPECT_EQ(heard(peer), "hello");
    });
}

TEST(Writes, MoreThanABatchTakesLeaveToo)
{
    Streams streams{100};
    streams.run([&]() -> Task<void> {
        for (std::size_t i = 0; i < streams.ours.size(); ++i)
            EXPECT_EQ(streams.ours[i]->try_write(bytes_of(std::to_string(i))).status, Io::done);
        co_await streams.next_round();
        for (std::size_t i = 0; i < streams.ours.size(); ++i)
            EXPECT_EQ(heard(streams.peers[i]), std::to_string(i));
    });
}

TEST(Writes, TwoWritesOfARoundStayInOrder)
{
    Streams streams{2};
    streams.run([&]() -> Task<void> {
        for (const std::string text : {"one ", "two ", "three "})
            for (const auto& stream : streams.ours)
                EXPECT_EQ(stream->try_write(bytes_of(text)).status, Io::done);
        const auto failed = co_await streams.ours[0]->write_all(bytes_of("four"));
        EXPECT_FALSE(failed);
        EXPECT_EQ(heard(streams.peers[0]), "one two three four"); // write_all: now
        co_await streams.next_round();
        EXPECT_EQ(heard(streams.peers[1]), "one two three ");
    });
}

TEST(Writes, ALargeWriteDoesNotOvertakeASmallOne)
{
    Streams streams{1};
    const auto large = pattern(SendBatch::largest + 1);
    streams.run([&]() -> Task<void> {
        (void)streams.ours[0]->try_write(bytes_of("small "));
        EXPECT_EQ(streams.ours[0]->try_write(bytes_of(large)).bytes, large.size());
        EXPECT_EQ(heard(streams.peers[0]), "small " + large);
        co_return;
    });
}

TEST(Writes, WhatWasWrittenIsSentBeforeTheEnd)
{
    const std::array<std::function<void(std::unique_ptr<Stream>&)>, 3> ends{
        [](auto& stream) { stream->close(); },
        [](auto& stream) { stream.reset(); },
        [](auto& stream) { stream->finish_writing(); },
    };
    for (const auto& end : ends) {
        Streams streams{1};
        streams.run([&]() -> Task<void> {
            (void)streams.ours[0]->try_write(bytes_of("the last words"));
            end(streams.ours[0]);
            EXPECT_EQ(heard(streams.peers[0]), "the last words");
            co_return;
        });
    }
}

TEST(Writes, WhatASocketDoesNotTakeFollowsInOrder)
{
    Streams streams{2};
    streams.run([&]() -> Task<void> {
        Stream& slow = *streams.ours[0];
        auto wanted = fill(slow.socket().native_handle());
        for (int turn = 0; turn < 3; ++turn) {
            const auto late = pattern(1500);
            EXPECT_EQ(slow.try_write(bytes_of(late)).status, Io::done);
            (void)streams.ours[1]->try_write(bytes_of("."));
            wanted += late;
            co_await streams.next_round(); // the batch finds no room
            EXPECT_EQ(slow.try_write(bytes_of("not yet")).status, Io::would_block);
            EXPECT_EQ(slow.flush(), Io::would_block);
            std::string got = heard(streams.peers[0]);
            const auto failed = co_await slow.writable();
            EXPECT_FALSE(failed);
            EXPECT_EQ(slow.flush(), Io::done);
            got += heard(streams.peers[0]);
            EXPECT_TRUE(got == wanted);
            wanted = fill(slow.socket().native_handle());
        }
        EXPECT_EQ(heard(streams.peers[1]), "...");
    });
}

TEST(Writes, WriteAllWaitsForWhatASocketDoesNotTake)
{
    Streams streams{1};
    std::string got, wanted;
    streams.run([&]() -> Task<void> {
        wanted = fill(streams.ours[0]->socket().native_handle()) + "the last words";
        asio::co_spawn(
            streams.loop.get_executor(),
            [&]() -> Task<void> {
                for (int turn = 0; turn < 3; ++turn)
                    co_await streams.next_round();
                got = heard(streams.peers[0]);
            },
            [](std::exception_ptr) {});
        const auto failed = co_await streams.ours[0]->write_all(bytes_of("the last words"));
        EXPECT_FALSE(failed);
        streams.ours[0]->close();
        got += heard(streams.peers[0]);
    });
    EXPECT_TRUE(got == wanted);
}

TEST(Writes, APeerThatIsGoneIsAnErrorOfTheNextWrite)
{
    Streams streams{2};
    streams.run([&]() -> Task<void> {
        ::close(std::exchange(streams.peers[0], -1));
        (void)streams.ours[0]->try_write(bytes_of("nobody reads this"));
        (void)streams.ours[1]->try_write(bytes_of("fine"));
        co_await streams.next_round();
        EXPECT_EQ(streams.ours[0]->try_write(bytes_of("nor this")).status, Io::failed);
        EXPECT_EQ(heard(streams.peers[1]), "fine");
        const auto lost = co_await streams.ours[0]->write_all(bytes_of("nor this"));
        EXPECT_TRUE(lost);
    });
}

} // namespace send_batch_test
} // namespace stepgate::proxy::net
