#include "proxy/session/guarded_session.h"

#include "proxy/session/hexadecimal.h"
#include "proxy/upstream/random.h"

#include <boost/asio/co_spawn.hpp>

#include <exception>

namespace stepgate::proxy::session
{

namespace
{

constexpr std::size_t largest_step = std::size_t{256} * 1024; // a header alone never makes us reserve more
constexpr unsigned reads_at_a_stretch = 32;
constexpr auto linger_time = std::chrono::seconds{2}; // for a client to read our last words

} // namespace

GuardedSession::GuardedSession(Worker& worker, std::shared_ptr<const Listening> listening, net::Socket socket,
                               const boost::asio::ip::tcp::endpoint& from)
    : worker_{worker}, listening_{std::move(listening)}, certificates_{listening_->certificates()},
      client_{std::move(socket)}, server_{net::Socket{worker.io.get_executor()}}, in_{worker.buffers},
      server_in_{worker.buffers}, id_{hexadecimal(upstream::random_bytes(8))}, address_{from.address().to_string()},
      number_{worker.shared.next_session.fetch_add(1)}, signal_{worker.io.get_executor()}, since_{worker.now},
      deadline_{worker.now + worker.shared.options.limits.login}, last_client_{worker.now}
{
}

GuardedSession::~GuardedSession() = default;

void GuardedSession::start()
{
    worker_.metrics.connections.add();
    entry_ = worker_.shared.connections.enter(address_);
    if (entry_ == ConnectionLimits::Entry::dropped) {
        worker_.metrics.connections_refused.add();
        return client_.close();
    }
    worker_.sessions.insert(this);
    const auto self = std::static_pointer_cast<GuardedSession>(shared_from_this());
    boost::asio::co_spawn(worker_.io.get_executor(), run(), [self](std::exception_ptr failure) {
        if (failure)
            self->log(LogLevel::error, "session ended by an exception");
        self->leave();
    });
}

/// Before anything is asked of the client.
std::optional<Rejected> GuardedSession::enter_limits() const
{
    using Kind = Rejected::Kind;
    if (draining_ || worker_.draining)
        return Rejected{Kind::refused, "57P03", "stepgate is shutting down"};
    if (entry_ == ConnectionLimits::Entry::in)
        return std::nullopt;
    worker_.metrics.connections_refused.add();
    return Rejected{Kind::refused, "53300", "too many connections to stepgate (in all or from this address)"};
}

/// Once it is proven who the client is.
std::optional<Rejected> GuardedSession::enter_user()
{
    entered_user_ = worker_.shared.connections.enter_user(asker_.user);
    if (entered_user_)
        return std::nullopt;
    worker_.metrics.connections_refused.add();
    return Rejected{Rejected::Kind::refused, "53300",
                    "too many connections to stepgate of user \"" + asker_.user + "\""};
}

net::Task<void> GuardedSession::reject(Rejected rejected)
{
    using Kind = Rejected::Kind;
    if (late_)
        rejected = {Kind::login, "57014", "the login took too long: stepgate closes the connection"};
    if (server_late_ && rejected.kind == Kind::upstream) {
        const auto& server = listening_->options.upstream;
        rejected.log =
            server.host + ":" + std::to_string(server.port) + " did not answer within " +
            std::to_string(std::chrono::duration_cast<std::chrono::seconds>(server.connect_timeout).count()) + " s";
    }
    if (rejected.kind != Kind::closed)
        log(LogLevel::warning, rejected.log.empty() ? rejected.message : rejected.log);
    if (rejected.kind == Kind::protocol)
        audit_protocol_error(rejected.log.empty() ? rejected.message : rejected.log);
    if (rejected.kind == Kind::login || rejected.kind == Kind::refused || rejected.kind == Kind::upstream) {
        worker_.metrics.logins_failed.add();
        auto failed = record(audit::Type::login_failed);
        if (!rejected.user.empty())
            failed.user = std::move(rejected.user);
        failed.fields.emplace_back("database", asker_.database);
        failed.fields.emplace_back("reason", rejected.log.empty() ? rejected.message : rejected.log);
        (void)worker_.shared.services.audit->submit(std::move(failed)); // there is nothing left to refuse
    }
    if (!rejected.message.empty()) {
        wire::Bytes out = std::move(rejected.as_is);
        if (out.empty())
            encode_rejection(out, rejected);
        const auto failed = co_await client_.write_all(out);
        if (failed)
            co_return;
    }
    co_await linger();
}

/// Lets the client read what was written last: closing with unread bytes of its own would destroy it on the way.
net::Task<void> GuardedSession::linger()
{
    worker_.look_at_clocks();
    deadline_ = std::min(deadline_, worker_.now + linger_time);
    const bool drained = co_await drain_client();
    if (!drained)
        co_return;
    client_.finish_writing();
    for (;;) {
        in_.consume(in_.size());
        const auto [status, bytes] = client_.try_read(in_.room());
        if (status == net::Io::closed || status == net::Io::failed)
            co_return;
        if (status != net::Io::would_block)
            continue;
        const auto failed = co_await client_.readable();
        if (failed)
            co_return;
    }
}

/// What was asked, granted and counted for whoever the client was.
void GuardedSession::end_identity()
{
    auto& shared = worker_.shared;
    if (shared.services.live_sessions != nullptr)
        shared.services.live_sessions->remove(id_);
    if (std::exchange(started_, false)) {
        worker_.metrics.sessions.subtract();
        shared.services.challenges->session_ended(id_, worker_.wall());
        record_end();
    }
    if (std::exchange(entered_user_, false))
        shared.connections.leave_user(asker_.user);
}

/// The client has proven to be somebody else: the connection goes on as another session.
void GuardedSession::change_identity(std::string reason)
{
    end_reason_ = std::move(reason);
    end_identity();
    end_reason_.clear();
    id_ = hexadecimal(upstream::random_bytes(8));
    number_ = worker_.shared.next_session.fetch_add(1);
    statements_ = 0;
    since_ = worker_.now;
}

void GuardedSession::leave()
{
    auto& shared = worker_.shared;
    client_.close();
    server_.close();
    forget();
    end_identity();
    shared.connections.leave(entry_, address_);
    worker_.sessions.erase(this);
}

void GuardedSession::stop(std::string reason)
{
    stopping_ = true;
    if (end_reason_.empty())
        end_reason_ = std::move(reason);
    if (!server_ended_)
        part_from_server();
    server_.close();
    if (gate_ != nullptr)
        gate_->client_closed();
    wake();
}

void GuardedSession::say_goodbye(std::string_view sqlstate, std::string_view message)
{
    if (stopping_)
        return;
    if (end_reason_.empty())
        end_reason_ = message;
    if (started_)
        say_last(sqlstate, message);
    client_.finish_writing();
    stopping_ = true;
    deadline_ = std::min(deadline_, worker_.now + linger_time);
    server_.close();
    wake();
}

/// What the server says is read no further.
void GuardedSession::lose_track(const boost::system::error_code& error)
{
    const auto what = "the server's messages make no sense: " + error.message();
    log(LogLevel::error, what);
    audit_protocol_error(what);
    say_goodbye("08P01", "stepgate lost track of the server's messages");
}

/// What there is for the client is still written, and it gets a little time to read it.
net::Task<void> GuardedSession::end_server_side()
{
    if (stopping_)
        co_return;
    if (end_reason_.empty())
        end_reason_ = "the server closed the connection";
    server_ended_ = true;
    deadline_ = std::min(deadline_, worker_.now + linger_time);
    if (gate_ != nullptr) {
        gate_->server_closed(); // the client's side ends the hold first, so that its page says so, and then lingers
    } else {
        (void)co_await drain_client();
        if (started_)
            client_.finish_writing();
    }
    signal_.raise();
}

/// The deadline is the server's from now on, for as long as connecting may take, and not beyond `latest`. Returns the
/// client's.
SteadyTime GuardedSession::wait_for_server(SteadyTime latest)
{
    worker_.look_at_clocks();
    connecting_ = true;
    return std::exchange(deadline_, std::min(latest, worker_.now + listening_->options.upstream.connect_timeout));
}

void GuardedSession::wait_for_client(SteadyTime deadline)
{
    connecting_ = false;
    deadline_ = deadline;
}

void GuardedSession::on_tick(SteadyTime now)
{
    const auto idle_limit = worker_.shared.options.limits.idle;
    if (deadline_ <= now && connecting_) {
        server_late_ = true;
        server_.close(); // the client is told
        return;
    }
    if (deadline_ <= now && !started_ && !late_) {
        // What waits for the client's next message ends, and the client is told.
        late_ = true;
        deadline_ = now + linger_time;
        client_.stop_reading();
        return;
    }
    if (deadline_ <= now) {
        if (end_reason_.empty())
            end_reason_ = started_ ? "deadline" : "login took too long";
        stopping_ = true;
        client_.close();
        server_.close();
        if (gate_ != nullptr)
            gate_->client_closed();
        wake();
        return;
    }
    push_to_client();
    (void)report_late(); // statements wait for it anyway
    if (idle_limit.count() > 0 && now - last_client_ > idle_limit && started_ && is_quiet() && !holding_)
        say_goodbye("57P05", "idle for too long: stepgate closes the session");
}

void GuardedSession::cancel_hold()
{
    if (gate_ == nullptr) {
        cancelled_ = cancelled_ || stalled_;
        return;
    }
    gate_->client_cancelled();
    wake();
}

/// What waited here when it was cancelled, and was sent all the same.
void GuardedSession::cancel_what_has_left()
{
    if (std::exchange(cancelled_, false))
        cancel();
}

void GuardedSession::end_by(const std::string& id, const std::string& who)
{
    if (id != id_ || !started_)
        return;
    if (gate_ != nullptr)
        gate_->session_ended();
    else if (!is_quiet())
        cancel(); // closing the connection alone would let the server finish what it is at
    say_goodbye("57P01", "terminating connection: " + who + " ended this session on stepgate's page");
}

void GuardedSession::groups_changed(const std::string& id, const std::vector<std::string>& groups)
{
    if (id == id_)
        asker_.groups = groups;
}

SessionRegistry::Owner GuardedSession::owner() const
{
    const auto& server = listening_->options.upstream;
    return {asker_.user, server.host + ":" + std::to_string(server.port)};
}

void GuardedSession::drain()
{
    draining_ = true;
    if (may_end())
        say_goodbye("57P01", "stepgate is shutting down");
}

void GuardedSession::end()
{
    if (gate_ != nullptr)
        gate_->proxy_ends();
    say_goodbye("57P01", "stepgate is shutting down");
    deadline_ = std::min(deadline_, worker_.now + std::chrono::milliseconds{300});
}

void GuardedSession::to_client(wire::View bytes)
{
    if (bytes.empty())
        return;
    if (out_.empty()) {
        const auto [status, written] = client_.try_write(bytes);
        if (status == net::Io::done)
            bytes = bytes.subspan(written);
        else if (status != net::Io::would_block)
            return; // the client's side finds out and ends the session
    }
    out_.insert(out_.end(), bytes.begin(), bytes.end());
}

/// Writes what could not be written before, as far as that goes now.
void GuardedSession::push_to_client()
{
    while (out_begin_ < out_.size()) {
        const auto [status, written] = client_.try_write(wire::View{out_}.subspan(out_begin_));
        if (status == net::Io::would_block)
            return;
        if (status != net::Io::done)
            break;
        out_begin_ += written;
    }
    out_ = {}; // written, or nobody is there to read it
    out_begin_ = 0;
}

net::Task<bool> GuardedSession::drain_client()
{
    push_to_client();
    while (!out_.empty() || client_.flush() == net::Io::would_block) {
        const auto failed = co_await client_.writable();
        if (failed)
            co_return false;
        push_to_client();
    }
    co_return true;
}

void GuardedSession::watch_client()
{
    if (watch_armed_ || !client_.open())
        return;
    watch_armed_ = true;
    const auto self = std::static_pointer_cast<GuardedSession>(shared_from_this());
    client_.socket().when_readable([self](const boost::system::error_code& failed) {
        self->watch_armed_ = false;
        if (!failed && self->watching_)
            self->on_client_readable();
    });
}

/// False: the client is gone.
bool GuardedSession::read_client(bool& again)
{
    const auto room = in_.room(std::min(wanted_, largest_step));
    const auto [status, bytes] = client_.try_read(room);
    again = false;
    if (status == net::Io::would_block)
        return true;
    if (status != net::Io::done)
        return false;
    in_.commit(bytes);
    // Bytes without end: others on this thread get their turn now and then.
    again = (bytes == room.size() && ++full_reads_ % reads_at_a_stretch != 0) || client_.buffered();
    worker_.look_at_clocks();
    last_client_ = worker_.now;
    worker_.metrics.bytes_from_clients.add(bytes);
    if (gate_ != nullptr) { // rows wait for an answer
        gate_->client_sent(worker_.now);
        wake();
    }
    return true;
}

/// Once, what the server has sent. `again`: there may be more without the socket becoming readable.
net::Io GuardedSession::read_server(bool& again)
{
    const auto room = server_in_.room();
    const auto [status, bytes] = server_.try_read(room);
    // A result without end: others on this thread get their turn now and then.
    again = status == net::Io::done &&
            ((bytes == room.size() && ++full_server_reads_ % reads_at_a_stretch != 0) || server_.buffered());
    if (status != net::Io::done)
        return status;
    server_in_.commit(bytes);
    worker_.look_at_clocks();
    worker_.metrics.bytes_from_servers.add(bytes);
    return status;
}

/// Keeps new bytes for later and finds out whether the client is still there.
void GuardedSession::on_client_readable()
{
    const auto limit = worker_.shared.options.limits.message + held_;
    for (bool more = true; more && in_.size() < limit;) {
        const auto room = in_.room();
        const auto [status, bytes] = client_.try_read(room);
        if (status == net::Io::would_block)
            break;
        if (status != net::Io::done) {
            client_closed_ = true;
            if (gate_ != nullptr)
                gate_->client_closed();
            wake();
            return;
        }
        in_.commit(bytes);
        worker_.look_at_clocks();
        last_client_ = worker_.now;
        worker_.metrics.bytes_from_clients.add(bytes);
        if (gate_ != nullptr)
            gate_->client_sent(worker_.now);
        more = bytes == room.size() || client_.buffered();
    }
    wake();
    if (in_.size() < limit) // else it waits in the socket, as behind any slow statement
        watch_client();
}

} // namespace stepgate::proxy::session
