#include "challenge-web/server/transport.h"

#include "challenge-web/accounts/host_of.h"
#include "challenge-web/server/errc.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>

namespace stepgate::challenge_web::server
{

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace
{

constexpr std::chrono::seconds stop_patience{2};
constexpr std::chrono::milliseconds accept_pause{100}; // after an error such as "too many open files"

asio::awaitable<Response> run_handler(Site& site, Transport::Handler handler, const Request& request)
{
    co_return (site.*handler)(request);
}

/// Their handlers wait for an identity provider to answer, for seconds where it hangs.
bool asks_a_provider(const Request& request)
{
    return request.target.find("/identity-provider") != std::string::npos;
}

asio::awaitable<bool> run_session_check(Site& site, const std::string& token_hash)
{
    co_return site.session_alive(token_hash);
}

bool bind_and_listen(tcp::acceptor& acceptor, const tcp::endpoint& endpoint)
{
    boost::system::error_code code;
    acceptor.open(endpoint.protocol(), code);
    if (!code)
        acceptor.set_option(tcp::acceptor::reuse_address(true), code);
    if (!code)
        acceptor.bind(endpoint, code);
    if (!code)
        acceptor.listen(asio::socket_base::max_listen_connections, code);
    return !code;
}

} // namespace

Transport::Transport(Site& site, TransportLimits limits, unsigned workers)
    : site_(site), limits_(limits), work_(asio::make_work_guard(io_)), workers_(workers == 0 ? 1 : workers),
      askers_(workers == 0 ? 1 : workers), stop_timer_(io_)
{
}

Transport::~Transport()
{
    askers_.join();
    workers_.join(); // before `io_` goes: handlers report back to it
}

boost::system::result<std::uint16_t> Transport::listen(const std::string& host, std::uint16_t port, Door door)
{
    boost::system::error_code code;
    tcp::resolver resolver(io_);
    const auto found = resolver.resolve(host, std::to_string(port), tcp::resolver::passive, code);
    if (code || found.empty())
        return make_error_code(errc::cannot_resolve);
    const tcp::endpoint endpoint = found.begin()->endpoint();
    if ((door == Door::plain || door == Door::forwarded) && !endpoint.address().is_loopback())
        return make_error_code(errc::plain_for_others);
    tcp::acceptor acceptor(io_);
    if (!bind_and_listen(acceptor, endpoint))
        return make_error_code(errc::cannot_listen);
    const auto bound = acceptor.local_endpoint(code).port();
    auto& kept = acceptors_.emplace_back(std::move(acceptor));
    asio::co_spawn(io_, accept(kept, door), asio::detached); // ends without throwing when `kept` is closed
    return bound;
}

void Transport::run()
{
    io_.run();
}

void Transport::set_tls(std::shared_ptr<asio::ssl::context> context)
{
    const std::lock_guard lock(tls_mutex_);
    tls_ = std::move(context);
}

std::shared_ptr<asio::ssl::context> Transport::tls() const
{
    const std::lock_guard lock(tls_mutex_);
    return tls_;
}

asio::awaitable<Response> Transport::handle(Handler handler, const Request& request)
{
    auto work = run_handler(site_, handler, request);
    auto& pool = asks_a_provider(request) ? askers_ : workers_;
    auto response = co_await asio::co_spawn(pool, std::move(work), asio::use_awaitable);
    co_return response;
}

asio::awaitable<bool> Transport::session_alive(const std::string& token_hash)
{
    auto work = run_session_check(site_, token_hash);
    const bool alive = co_await asio::co_spawn(workers_, std::move(work), asio::use_awaitable);
    co_return alive;
}

// No deadline: it waits for clients, and ends when stopping closes the acceptor.
asio::awaitable<void> Transport::accept(tcp::acceptor& acceptor, Door door)
{
    boost::system::error_code code;
    auto token = asio::redirect_error(asio::use_awaitable, code);
    asio::steady_timer pause(io_);
    while (!stopping_) {
        tcp::socket socket = co_await acceptor.async_accept(token);
        if (!code) {
            start_connection(std::move(socket), door);
            continue;
        }
        if (code == asio::error::operation_aborted || code == asio::error::bad_descriptor)
            co_return;
        pause.expires_after(accept_pause);
        co_await pause.async_wait(token);
    }
}

void Transport::start_connection(tcp::socket socket, Door door)
{
    boost::system::error_code code;
    const auto peer = socket.remote_endpoint(code);
    if (code || stopping_ || connections_.size() >= limits_.connections)
        return; // closes it
    const auto address = peer.address().to_string();
    auto& from_there = by_host_[accounts::host_of(address)];
    if (door == Door::tls && from_there >= limits_.connections_per_address)
        return;
    ++from_there;
    socket.set_option(tcp::no_delay(true), code);
    connections_.push_back({address, {}, true, door == Door::forwarded});
    const Entry entry = std::prev(connections_.end());
    const Handler handler = door == Door::admin ? &Site::handle_admin : &Site::handle;
    auto served = door == Door::tls ? serve_tls(*this, entry, std::move(socket))
                                    : serve_plain(*this, entry, std::move(socket), handler);
    // Whatever a connection died of ends that connection only.
    auto done = [this, entry](const std::exception_ptr&) { leave(entry); };
    asio::co_spawn(io_, std::move(served), std::move(done));
}

void Transport::leave(Entry entry)
{
    const auto counted = by_host_.find(accounts::host_of(entry->address));
    if (counted != by_host_.end() && --counted->second == 0)
        by_host_.erase(counted);
    connections_.erase(entry);
    finish_if_empty();
}

void Transport::stop()
{
    asio::post(io_, [this] { begin_stop(); });
}

void Transport::begin_stop()
{
    if (stopping_)
        return;
    stopping_ = true;
    boost::system::error_code ignored;
    for (auto& acceptor : acceptors_)
        acceptor.close(ignored);
    site_.hub().end_all("shutdown");
    close_connections(true);
    stop_timer_.expires_after(stop_patience);
    stop_timer_.async_wait([this](boost::system::error_code code) {
        if (!code)
            close_connections(false);
    });
    finish_if_empty();
}

void Transport::close_connections(bool only_idle)
{
    for (auto& connection : connections_)
        if (connection.close && (connection.idle || !only_idle))
            connection.close();
}

void Transport::finish_if_empty()
{
    if (!stopping_ || !connections_.empty())
        return;
    stop_timer_.cancel();
    work_.reset();
}

} // namespace stepgate::challenge_web::server
