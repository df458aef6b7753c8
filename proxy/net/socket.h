#pragma once

#include "proxy/net/loop.h"

#include <boost/asio/ip/tcp.hpp>

#include <functional>
#include <utility>

namespace stepgate::proxy::net
{

/// A TCP socket and its place in a loop. Reads and writes never block. Used on the loop's thread only.
class Socket
{
  public:
    explicit Socket(Executor executor) : executor_{executor} {}
    /// Owns the descriptor, which is non-blocking. Not open if the loop could not take it.
    Socket(Executor executor, int descriptor);
    Socket(Socket&& other) noexcept
        : executor_{other.executor_}, descriptor_{std::exchange(other.descriptor_, -1)}, key_{other.key_}
    {
    }
    Socket& operator=(Socket&& other) noexcept;
    ~Socket() { close(); }

    [[nodiscard]] Executor get_executor() const { return executor_; }
    [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }
    [[nodiscard]] int native_handle() const { return descriptor_; }

    /// A new connection in place of the one that it had.
    [[nodiscard]] Task<boost::system::error_code> connect(boost::asio::ip::tcp::endpoint to);
    /// Waits end with operation_aborted.
    void cancel();
    void close();

    /// As the loop's: a small write leaves at the end of the round, or with `flush`, or before the socket is closed.
    [[nodiscard]] IoResult read(std::span<std::byte> into) { return executor_.context().read(key_, into); }
    [[nodiscard]] IoResult write(std::span<const std::byte> from) { return executor_.context().write(key_, from); }
    /// The last look took all that was there, so `readable` shall wait for more.
    void drained() { executor_.context().drained(key_); }
    Io flush() { return executor_.context().flush(key_); }
    [[nodiscard]] Task<Waited> readable() { return executor_.context().readable(key_, Loop::For::reading); }
    /// The bytes are still in the socket then: for other calls than `read`.
    [[nodiscard]] Task<Waited> worth_a_look() { return executor_.context().readable(key_, Loop::For::looking); }
    [[nodiscard]] Task<Waited> writable() { return executor_.context().writable(key_); }
    /// One function at a time; it may wait beside a coroutine.
    void when_readable(std::function<void(const boost::system::error_code&)> tell)
    {
        executor_.context().when_readable(key_, std::move(tell));
    }

  private:
    [[nodiscard]] boost::system::error_code assign(int descriptor);

    Executor executor_;
    int descriptor_ = -1;
    Loop::Key key_{~std::uint32_t{0}, 0};
};

/// No delay and keep-alive probes: for every connection of ours.
void tune(const Socket& socket);

} // namespace stepgate::proxy::net
