#include "bytes.h"
#include "certificates.h"

#include "proxy/net/buffer.h"
#include "proxy/net/listener.h"
#include "proxy/net/stream.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace stepgate::proxy::net
{
namespace stream_test
{

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using test::Certificates;

/// Two connected streams on one loop.
struct Pair {
    Loop io;
    std::optional<Stream> a, b;

    Pair()
    {
        Listener listener{io};
        EXPECT_FALSE(listener.bind("127.0.0.1", 0));
        listener.start([this](Socket socket, const tcp::endpoint&) { b.emplace(std::move(socket)); });
        a.emplace(Socket{io.get_executor()});
        run([&]() -> Task<void> {
            const auto failed = co_await a->socket().connect({asio::ip::address_v4::loopback(), listener.port()});
            EXPECT_FALSE(failed);
            while (!b) { // the listener's turn comes between these
                co_await asio::post(io.get_executor(), use_task);
            }
            listener.close();
        });
    }

    /// Runs all until all are done.
    template <class... Coroutine>
    void run(Coroutine... coroutines)
    {
        std::exception_ptr failed;
        std::size_t left = sizeof...(coroutines);
        const auto done = [&](std::exception_ptr failure) {
            if (failure)
                failed = failure;
            if (--left == 0)
                io.stop();
        };
        (spawn(coroutines, done), ...);
        io.run();
        if (failed)
            std::rethrow_exception(failed);
    }

  private:
    template <class Coroutine, class Done>
    void spawn(Coroutine& coroutine, const Done& done)
    {
        auto task = coroutine();
        asio::co_spawn(io.get_executor(), std::move(task), done);
    }
};

Task<std::string> read_until_closed(Stream& stream)
{
    std::string all;
    std::array<std::byte, 1000> some{};
    for (;;) {
        const auto [status, bytes] = stream.try_read(some);
        if (status == Io::done) {
            all.append(reinterpret_cast<const char*>(some.data()), bytes);
            continue;
        }
        if (status != Io::would_block)
            co_return all;
        const auto failed = co_await stream.readable();
        if (failed)
            co_return all;
    }
}

/// From a to b, until a has finished.
void expect_to_carry(Pair& pair, std::size_t size)
{
    const auto sent = pattern(size);
    std::string got;
    pair.run(
        [&]() -> Task<void> {
            const auto failed = co_await pair.a->write_all(bytes_of(sent));
            EXPECT_FALSE(failed);
            pair.a->finish_writing();
        },
        [&]() -> Task<void> { got = co_await read_until_closed(*pair.b); });
    EXPECT_EQ(got.size(), sent.size());
    EXPECT_TRUE(got == sent);
}

TEST(Stream, MovesMoreThanASocketHolds)
{
    Pair pair;
    expect_to_carry(pair, 20'000'000);
}

/// Every byte twice on the connection; a byte that comes once only is an error.
class Doubled final : public Layer
{
  public:
    std::span<std::byte> room() override { return std::span{memory_}.subspan(have_); }
    void commit(std::size_t bytes) override { have_ += bytes; }
    std::size_t take(std::span<std::byte> into) override
    {
        std::size_t taken = 0, at = 0;
        for (; at + 1 < have_ && taken < into.size() && !failed_; at += 2) {
            failed_ = memory_[at] != memory_[at + 1];
            into[taken++] = memory_[at];
        }
        std::copy(memory_.begin() + static_cast<std::ptrdiff_t>(at),
                  memory_.begin() + static_cast<std::ptrdiff_t>(have_), memory_.begin());
        have_ -= at;
        return failed_ ? 0 : taken;
    }
    bool failed() const override { return failed_; }
    bool buffered() const override { return have_ > 1; }
    std::size_t put(std::span<const std::byte> from, std::vector<std::byte>& out) override
    {
        const auto some = from.first(std::min<std::size_t>(from.size(), 777));
        for (const auto byte : some)
            out.insert(out.end(), 2, byte);
        return some.size();
    }

  private:
    std::array<std::byte, 1001> memory_{};
    std::size_t have_ = 0;
    bool failed_ = false;
};

TEST(Stream, ALayerCarriesMoreThanASocketHolds)
{
    Pair pair;
    pair.a->add_layer(std::make_unique<Doubled>());
    pair.b->add_layer(std::make_unique<Doubled>());
    expect_to_carry(pair, 5'000'000);
}

TEST(Stream, ALayerThatFailsEndsReading)
{
    Pair pair;
    pair.b->add_layer(std::make_unique<Doubled>());
    const std::string sent = "aabbcd";
    std::array<std::byte, 100> some{};
    Io status = Io::would_block;
    pair.run([&]() -> Task<void> {
        const auto failed = co_await pair.a->write_all(bytes_of(sent));
        EXPECT_FALSE(failed);
        while (status == Io::would_block || status == Io::done) {
            const auto waited = co_await pair.b->readable();
            EXPECT_FALSE(waited);
            status = pair.b->try_read(some).status;
        }
    });
    EXPECT_EQ(status, Io::failed);
    EXPECT_EQ(pair.b->try_read(some).status, Io::failed);
}

TEST(Stream, TryWriteNeverWaits)
{
    Pair pair;
    const auto text = pattern(1'000'000);
    std::size_t written = 0;
    IoResult last{Io::done, 0};
    while (last.status == Io::done) {
        last = pair.a->try_write(bytes_of(text));
        written += last.bytes;
    }
    EXPECT_EQ(last.status, Io::would_block);
    EXPECT_GT(written, 0U);
}

TEST(Stream, AClosedPeerIsSeenBehindUnreadBytes)
{
    Pair pair;
    const std::string text = "unread";
    EXPECT_EQ(pair.a->try_write(bytes_of(text)).status, Io::done);
    EXPECT_FALSE(pair.b->peer_closed());
    pair.a->close();
    while (!pair.b->peer_closed()) // loopback: at once, or nearly
        ;
    std::array<std::byte, 100> some{};
    EXPECT_EQ(pair.b->try_read(some).bytes, text.size());
    EXPECT_EQ(pair.b->try_read(some).status, Io::closed);
}

TEST(Stream, ClosingEndsAWait)
{
    Pair pair;
    error_code ended;
    pair.run([&]() -> Task<void> { ended = co_await pair.a->readable(); },
             [&]() -> Task<void> {
                 pair.a->close();
                 co_return;
             });
    EXPECT_EQ(ended, asio::error::operation_aborted);
}

struct TlsCase {
    Certificates certificates;
    ServerTlsOptions server;
    ClientTlsOptions client;
    std::string host = "127.0.0.1";
    error_code accepted, connected;

    TlsCase()
    {
        certificates.issue("server");
        server = {ServerTlsMode::require, certificates.certificate("server"), certificates.key("server"), ""};
        client = {ClientTlsMode::verify_full, certificates.ca(), "", ""};
    }

    void shake(Pair& pair)
    {
        std::string why;
        const auto server_context = make_server_context(server, why);
        ASSERT_TRUE(server_context) << why;
        const auto client_context = make_client_context(client, why);
        ASSERT_TRUE(client_context) << why;
        pair.run(
            [&]() -> Task<void> {
                connected = co_await pair.a->connect_tls(*client_context, host, client.mode);
                if (connected)
                    pair.a->close();
            },
            [&]() -> Task<void> {
                accepted = co_await pair.b->accept_tls(*server_context);
                if (accepted)
                    pair.b->close();
            });
    }
};

TEST(Tls, MovesBytesBothWays)
{
    Pair pair;
    TlsCase tls;
    tls.shake(pair);
    ASSERT_FALSE(tls.accepted);
    ASSERT_FALSE(tls.connected);
    EXPECT_TRUE(pair.b->alpn_agreed());
    EXPECT_EQ(pair.a->tls_version(), "TLSv1.3");
    const auto there = pattern(3'000'000), back = pattern(2'000'000);
    std::string got_there, got_back;
    pair.run(
        [&]() -> Task<void> {
            const auto failed = co_await pair.a->write_all(bytes_of(there));
            EXPECT_FALSE(failed);
            pair.a->finish_writing();
            got_back = co_await read_until_closed(*pair.a);
        },
        [&]() -> Task<void> {
            got_there = co_await read_until_closed(*pair.b);
            const auto failed = co_await pair.b->write_all(bytes_of(back));
            EXPECT_FALSE(failed);
            pair.b->finish_writing();
        });
    EXPECT_TRUE(got_there == there);
    EXPECT_TRUE(got_back == back);
}

/// Else every record of a busy session costs a second read, which finds nothing.
TEST(Tls, AReadThatTookAllWaitsForMore)
{
    Pair pair;
    TlsCase tls;
    tls.shake(pair);
    std::array<std::byte, 1000> room{};
    const std::string text = "one record";
    bool more = false;
    const auto watch = [&]() -> Task<void> {
        const auto ended = co_await pair.b->readable();
        more = !ended;
    };
    pair.run([&]() -> Task<void> {
        EXPECT_EQ(pair.a->try_write(bytes_of(text)).bytes, text.size());
        while (pair.b->try_read(room).status == Io::would_block) {
            const auto failed = co_await pair.b->readable();
            EXPECT_FALSE(failed);
        }
        asio::co_spawn(pair.io.get_executor(), watch(), asio::detached);
        for (int round = 0; round < 5; ++round) {
            co_await asio::post(pair.io.get_executor(), use_task);
        }
        EXPECT_FALSE(more);
        EXPECT_EQ(pair.a->try_write(bytes_of(text)).bytes, text.size());
        while (!more) {
            co_await asio::post(pair.io.get_executor(), use_task);
        }
    });
    EXPECT_EQ(pair.b->try_read(room).bytes, text.size());
}

TEST(Tls, WhoIsVerified)
{
    struct Row {
        const char* name;
        ClientTlsMode mode;
        const char* host;
        bool right_ca, works;
    };
    const Row rows[] = {
        {"full, by address", ClientTlsMode::verify_full, "127.0.0.1", true, true},
        {"full, by name", ClientTlsMode::verify_full, "localhost", true, true},
        {"full, another name", ClientTlsMode::verify_full, "example.org", true, false},
        {"full, another address", ClientTlsMode::verify_full, "127.0.0.2", true, false},
        {"full, another CA", ClientTlsMode::verify_full, "localhost", false, false},
        {"ca, another name", ClientTlsMode::verify_ca, "example.org", true, true},
        {"ca, another CA", ClientTlsMode::verify_ca, "localhost", false, false},
        {"require, another CA", ClientTlsMode::require, "example.org", false, true},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.name);
        Pair pair;
        TlsCase tls;
        Certificates others;
        tls.client.mode = row.mode;
        tls.host = row.host;
        if (!row.right_ca)
            tls.client.ca_file = others.ca();
        tls.shake(pair);
        EXPECT_EQ(!tls.connected, row.works);
    }
}

TEST(Tls, ClientCertificatesHaveNames)
{
    Pair pair;
    TlsCase tls;
    tls.certificates.issue("alice");
    tls.server.client_ca_file = tls.certificates.ca();
    tls.client.certificate_file = tls.certificates.certificate("alice");
    tls.client.key_file = tls.certificates.key("alice");
    tls.shake(pair);
    ASSERT_FALSE(tls.accepted);
    EXPECT_EQ(pair.b->peer_names(), std::vector<std::string>{"alice"});
}

TEST(Tls, AClientCertificateOfAnotherCaIsRefused)
{
    Pair pair;
    TlsCase tls;
    Certificates others;
    others.issue("alice");
    tls.server.client_ca_file = tls.certificates.ca();
    tls.client.certificate_file = others.certificate("alice");
    tls.client.key_file = others.key("alice");
    tls.shake(pair);
    EXPECT_TRUE(tls.accepted);
}

TEST(Tls, WithoutAClientCertificateThereAreNoNames)
{
    Pair pair;
    TlsCase tls;
    tls.server.client_ca_file = tls.certificates.ca();
    tls.shake(pair);
    ASSERT_FALSE(tls.accepted);
    EXPECT_TRUE(pair.b->peer_names().empty());
}

TEST(Tls, ClearTextIsNoHandshake)
{
    Pair pair;
    TlsCase tls;
    std::string why;
    const auto context = make_server_context(tls.server, why);
    ASSERT_TRUE(context) << why;
    const std::string text = "select 1, as clear as it gets";
    EXPECT_EQ(pair.a->try_write(bytes_of(text)).status, Io::done);
    error_code accepted;
    pair.run([&]() -> Task<void> { accepted = co_await pair.b->accept_tls(*context); },
             []() -> Task<void> { co_return; });
    EXPECT_EQ(accepted, errc::tls_failed);
}

TEST(Tls, EndPointHashIsTheCertificatesDigest)
{
    Pair pair;
    TlsCase tls;
    tls.shake(pair);
    std::string why;
    const auto context = make_server_context(tls.server, why);
    ASSERT_TRUE(context);
    const auto ours = end_point_hash(*context);
    EXPECT_EQ(ours.size(), 32U); // SHA-256 signature
    EXPECT_EQ(ours, pair.a->peer_end_point_hash());
}

TEST(Tls, FilesThatCannotBeUsed)
{
    Certificates certificates;
    certificates.issue("server");
    certificates.issue("other");
    struct Row {
        const char* name;
        ServerTlsOptions options;
    };
    const auto mode = ServerTlsMode::prefer;
    const Row rows[] = {
        {"no such certificate", {mode, "/nonexistent.crt", certificates.key("server"), ""}},
        {"no such key", {mode, certificates.certificate("server"), "/nonexistent.key", ""}},
        {"key of another", {mode, certificates.certificate("server"), certificates.key("other"), ""}},
        {"no such CA", {mode, certificates.certificate("server"), certificates.key("server"), "/nonexistent.ca"}},
        {"a key is no certificate", {mode, certificates.key("server"), certificates.key("server"), ""}},
    };
    for (const auto& row : rows) {
        std::string why;
        EXPECT_EQ(make_server_context(row.options, why).error(), errc::certificate_unreadable) << row.name;
        EXPECT_FALSE(why.empty()) << row.name;
    }
}

TEST(Buffer, HoldsMemoryOnlyWhileThereAreBytes)
{
    BufferPool pool;
    Buffer buffer{pool};
    buffer.append(bytes_of(std::string{"abc"}));
    EXPECT_EQ(buffer.size(), 3U);
    buffer.consume(2);
    buffer.release_if_empty();
    EXPECT_EQ(buffer.data()[0], std::byte{'c'});
    buffer.consume(1);
    buffer.release_if_empty();
    EXPECT_TRUE(buffer.empty());
    auto chunk = pool.take(); // the one that was given back
    EXPECT_NE(chunk, nullptr);
}

TEST(Buffer, GrowsForALargeMessageAndKeepsWhatIsThere)
{
    BufferPool pool;
    Buffer buffer{pool};
    const auto text = pattern(100'000);
    for (std::size_t at = 0; at < text.size(); at += 777)
        buffer.append(bytes_of(text).subspan(at, std::min<std::size_t>(777, text.size() - at)));
    ASSERT_EQ(buffer.size(), text.size());
    EXPECT_TRUE(std::ranges::equal(buffer.data(), bytes_of(text)));
    buffer.consume(50'000);
    (void)buffer.room(90'000);
    EXPECT_TRUE(std::ranges::equal(buffer.data(), bytes_of(text).subspan(50'000)));
}

TEST(Listener, SeveralShareAPort)
{
    Loop io;
    Listener one{io}, two{io};
    ASSERT_FALSE(one.bind("127.0.0.1", 0));
    EXPECT_FALSE(two.bind("127.0.0.1", one.port()));
    EXPECT_EQ(two.port(), one.port());
}

TEST(Listener, AcceptsUntilClosed)
{
    Loop io;
    Listener listener{io};
    ASSERT_FALSE(listener.bind("127.0.0.1", 0));
    int accepted = 0;
    listener.start([&](Socket, const tcp::endpoint& from) {
        EXPECT_TRUE(from.address().is_loopback());
        if (++accepted < 2)
            return;
        listener.close();
        io.stop();
    });
    const auto connect = [&](Socket& socket) -> Task<void> {
        (void)co_await socket.connect({asio::ip::address_v4::loopback(), listener.port()});
    };
    Socket first{io.get_executor()}, second{io.get_executor()};
    asio::co_spawn(io.get_executor(), connect(first), asio::detached);
    asio::co_spawn(io.get_executor(), connect(second), asio::detached);
    io.run();
    EXPECT_EQ(accepted, 2);
}

/// Without descriptors connections wait, and somebody is told, once; then they are accepted.
TEST(Listener, WaitsWhenDescriptorsAreUsedUp)
{
    Loop io;
    Listener listener{io};
    ASSERT_FALSE(listener.bind("127.0.0.1", 0));
    Socket client{io.get_executor()};
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    int told = 0, accepted = 0;
    listener.start(
        [&](Socket, const tcp::endpoint&) {
            ++accepted;
            io.stop();
        },
        [&](const error_code& why) {
            ++told;
            EXPECT_EQ(why.value(), EMFILE);
            EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
        });
    asio::co_spawn(
        io.get_executor(),
        [&]() -> Task<void> {
            (void)co_await client.connect({asio::ip::address_v4::loopback(), listener.port()});
        },
        asio::detached);
    asio::post(io.get_executor(), [&] { // the client has its descriptor by now
        const rlimit none{static_cast<rlim_t>(client.native_handle()), before.rlim_max};
        EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    });
    io.run();
    EXPECT_EQ(told, 1);
    EXPECT_EQ(accepted, 1);
}

TEST(Listener, BadAddress)
{
    Loop io;
    Listener listener{io};
    EXPECT_EQ(listener.bind("no address", 0), errc::bad_address);
}

} // namespace stream_test
} // namespace stepgate::proxy::net
