#pragma once

#include "challenge-web/server/settings.h"
#include "challenge-web/server/site.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace stepgate::challenge_web::server
{

/// A connection that lives, so that stopping can close it.
struct LiveConnection {
    std::string address;
    std::function<void()> close; // empties itself when the stream is gone
    bool idle = true;            // between requests: may be closed without harm
    bool forwarded = false;      // its requests are those of X-Forwarded-For's clients
};

/// What listeners and connections share. All of it is used on the one thread that runs `io`, but for `tls` and `stop`.
class Transport
{
  public:
    using Handler = Response (Site::*)(const Request&);

    enum class Door : std::uint8_t {
        tls,       // the site
        plain,     // the site, for a proxy with TLS on the same machine
        forwarded, // the same, and it says in X-Forwarded-For who its client is
        admin,     // health and metrics
    };

    Transport(Site& site, TransportLimits limits, unsigned workers);
    ~Transport();
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;

    /// Binds and starts to accept; the port that was bound. Before `run`. Plain ones: only on a loopback address.
    [[nodiscard]] boost::system::result<std::uint16_t> listen(const std::string& host, std::uint16_t port, Door door);
    void run();  // until `stop` and the last connection's end
    void stop(); // from any thread

    void set_tls(std::shared_ptr<boost::asio::ssl::context> context);
    [[nodiscard]] std::shared_ptr<boost::asio::ssl::context> tls() const;

    // For connections.
    [[nodiscard]] Site& site() { return site_; }
    [[nodiscard]] const TransportLimits& limits() const { return limits_; }
    [[nodiscard]] bool stopping() const { return stopping_; }
    /// Runs a handler on a worker thread; comes back on the I/O thread.
    [[nodiscard]] boost::asio::awaitable<Response> handle(Handler handler, const Request& request);
    [[nodiscard]] boost::asio::awaitable<bool> session_alive(const std::string& token_hash);

    using Entry = std::list<LiveConnection>::iterator;
    void leave(Entry entry);

  private:
    boost::asio::awaitable<void> accept(boost::asio::ip::tcp::acceptor& acceptor, Door door);
    void start_connection(boost::asio::ip::tcp::socket socket, Door door);
    void begin_stop();
    void close_connections(bool only_idle);
    void finish_if_empty();

    Site& site_;
    const TransportLimits limits_;
    boost::asio::io_context io_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    boost::asio::thread_pool workers_;
    boost::asio::thread_pool askers_; // of identity providers: one that hangs holds up nobody else
    boost::asio::steady_timer stop_timer_;
    std::list<boost::asio::ip::tcp::acceptor> acceptors_;
    std::list<LiveConnection> connections_;
    std::unordered_map<std::string, std::size_t> by_host_;
    bool stopping_ = false;
    mutable std::mutex tls_mutex_;
    std::shared_ptr<boost::asio::ssl::context> tls_;
};

/// From the TLS handshake to close_notify, and without TLS (connection.cpp).
boost::asio::awaitable<void> serve_tls(Transport& transport, Transport::Entry entry,
                                       boost::asio::ip::tcp::socket socket);
boost::asio::awaitable<void> serve_plain(Transport& transport, Transport::Entry entry,
                                         boost::asio::ip::tcp::socket socket, Transport::Handler handler);

} // namespace stepgate::challenge_web::server
