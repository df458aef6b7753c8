#include "proxy/session/mysql_session.h"

#include "protocols/mysql/reply.h"
#include "proxy/upstream/random.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <exception>

namespace stepgate::proxy::session
{

namespace my = protocols::mysql;

namespace
{

// The server waits for our login meanwhile, and counts logins that never come against this host (max_connect_errors).
constexpr auto login_patience = std::chrono::seconds{8};

} // namespace

MySqlSession::MySqlSession(Worker& worker, std::shared_ptr<const Listening> listening, net::Socket socket,
                           const boost::asio::ip::tcp::endpoint& from)
    : GuardedSession{worker, std::move(listening), std::move(socket), from}, framer_{
                                                                                 worker.shared.options.limits.message}
{
}

MySqlSession::~MySqlSession() = default;

net::Task<void> MySqlSession::run()
{
    auto refused = co_await admit();
    if (refused) {
        co_await leave_server_in_peace();
        co_await reject(std::move(*refused));
        co_return;
    }
    co_await welcome();
    if (stopping_)
        co_return;
    co_await relay_client();
    stop("the client disconnected");
}

net::Task<std::optional<Rejected>> MySqlSession::admit()
{
    const auto& options = listening_->options;
    asker_.listener = options.name;
    asker_.client_address = peer_.address = address_;
    if (auto full = enter_limits())
        co_return full;
    auto unreachable = co_await greet_server();
    if (unreachable)
        co_return unreachable;
    const auto login_deadline = deadline_;
    worker_.look_at_clocks();
    deadline_ = std::min(deadline_, worker_.now + login_patience);
    auto rejected = co_await receive_mysql_client(client_, in_, listening_, *certificates_, worker_, greeting_, peer_);
    deadline_ = login_deadline;
    identify();
    asker_.role = options.upstream.user;
    sequence_ = peer_.sequence;
    if (rejected)
        co_return rejected;
    if (auto full = enter_user())
        co_return full;
    auto refused = co_await log_in_to_server();
    if (refused)
        co_return refused;
    co_return enter_audit({});
}

/// As who it has logged in, or tried to.
void MySqlSession::identify()
{
    asker_.user = peer_.user;
    asker_.groups = peer_.groups;
    asker_.database = listening_->options.upstream.database.value_or(peer_.database);
    asker_.application_name = peer_.program;
}

upstream::Target MySqlSession::target() const
{
    const auto& server = listening_->options.upstream;
    return {server.host, server.port, server.tls.mode, certificates_->client};
}

std::optional<Rejected> MySqlSession::unreachable(std::optional<upstream::Failure> failed)
{
    if (!failed)
        return std::nullopt;
    worker_.metrics.upstream_failures.add();
    const auto& name = listening_->options.name;
    Rejected rejected{Rejected::Kind::upstream,
                      "08006",
                      "stepgate cannot reach the server of listener \"" + name + "\"",
                      {},
                      std::move(failed->text)};
    if (failed->kind == upstream::Failure::Kind::credentials)
        rejected.message = "the server of listener \"" + name + "\" does not accept stepgate's account";
    if (failed->kind == upstream::Failure::Kind::database)
        rejected.message = "the server of listener \"" + name + "\" does not let stepgate's account into database '" +
                           asker_.database + "'";
    if (const auto err = my::decode_err(failed->server_error); err && !failed->server_error.empty())
        my::encode_err(rejected.as_is, sequence_, *err);
    return rejected;
}

/// The client is to see the thread id that the server gives, so the server is greeted first.
net::Task<std::optional<Rejected>> MySqlSession::greet_server()
{
    const auto login_deadline = wait_for_server(deadline_);
    auto where = target();
    auto failed = co_await upstream::greet(server_, server_in_, std::move(where), greeting_);
    wait_for_client(login_deadline);
    co_return unreachable(std::move(failed));
}

net::Task<std::optional<Rejected>> MySqlSession::log_in_to_server()
{
    const auto login_deadline = wait_for_server(deadline_);
    auto login = server_login();
    auto where = target();
    auto failed = co_await upstream::login(server_, server_in_, std::move(where), greeting_, std::move(login));
    wait_for_client(login_deadline);
    if (failed) {
        logged_in_ = true; // or refused: either way the server does not wait for us
        co_return unreachable(std::move(failed));
    }
    logged_in_ = true;
    tracker_.emplace(peer_.capabilities, greeting_.status);
    begin_state();
    const auto self = std::static_pointer_cast<MySqlSession>(shared_from_this());
    boost::asio::co_spawn(worker_.io.get_executor(), relay_server(), [self](std::exception_ptr failure) {
        if (failure)
            self->log(LogLevel::error, "session ended by an exception");
        self->server_ended_ = true;
        self->signal_.raise();
    });
    const bool answered = co_await ask_state();
    if (!answered)
        co_return Rejected{Rejected::Kind::upstream, "08006", "the server ended the session during the login"};
    co_return std::nullopt;
}

upstream::MySqlLogin MySqlSession::server_login() const
{
    const auto& options = listening_->options.upstream;
    return {options.user,         options.password, asker_.database, peer_.capabilities,
            peer_.largest_packet, peer_.collation,  peer_.attributes};
}

/// For what nobody's client asked for.
upstream::MySqlLogin MySqlSession::bare_login() const
{
    const auto& options = listening_->options.upstream;
    return {options.user, options.password, {}, my::Capability::protocol_41, 0, greeting_.collation, {}};
}

/// The server's connection ends with it: cancelling alone is nothing that MySQL's clients ask a proxy for.
void MySqlSession::cancel()
{
    if (gate_ != nullptr || stalled_ || !logged_in_)
        return cancel_hold();
    const auto executor = worker_.io.get_executor();
    boost::asio::co_spawn(executor, upstream::send_kill(executor, target(), bare_login(), greeting_.thread),
                          boost::asio::detached);
}

/// As after any login: nothing is known before the server is asked.
void MySqlSession::begin_state()
{
    catalog_ = CatalogUse{};
    if (const auto& database_of = worker_.shared.services.database_of)
        catalog_.attach(database_of(listening_->options.name, {})); // one for all databases of the server
    policies::mysql::SessionState::Start start;
    if (const auto version = policies::mysql::parse_server_version(greeting_.version))
        start.version = *version;
    start.database = asker_.database;
    state_ = policies::mysql::SessionState{std::move(start)};
    doubt_everything();
}

/// A connection that never logs in counts against this host, and after max_connect_errors of them the server would not
/// talk to it any more: strangers could lock everybody out.
net::Task<void> MySqlSession::leave_server_in_peace()
{
    if (logged_in_ || greeting_.version.empty() || !server_.open())
        co_return;
    const auto client_deadline = wait_for_server(SteadyTime::max());
    auto login = bare_login();
    auto where = target();
    auto failed = co_await upstream::login(server_, server_in_, std::move(where), greeting_, std::move(login));
    wait_for_client(client_deadline);
    if (!failed)
        part_from_server();
    server_.close();
}

net::Task<void> MySqlSession::welcome()
{
    key_ = upstream::random_bytes(8);
    worker_.shared.registry.add(static_cast<std::int32_t>(greeting_.thread), key_, owner(), worker_.io.get_executor(),
                                weak_from_this());
    registered_ = true;
    wire::Bytes out;
    auto sequence = peer_.sequence;
    if (!peer_.fast_answer.empty())
        my::encode_auth_more_data(out, sequence++, peer_.fast_answer);
    my::Ok ok;
    ok.status = tracker_->status();
    my::encode_ok(out, sequence, ok, peer_.capabilities);
    const auto failed = co_await client_.write_all(out);
    if (failed) {
        stop("the client disconnected");
        co_return;
    }
    started_ = true;
    deadline_ = SteadyTime::max();
    worker_.metrics.sessions.add();
    log(LogLevel::info, "session of " + asker_.user + " from " + address_ + " on " + asker_.listener);
    if (!begin_compression()) {
        (void)co_await handle(broken(make_error_code(my::errc::unexpected_message)));
        stop("protocol error");
    }
}

/// Behind the packet that ends the first login; it stays through COM_CHANGE_USER. False: the client did not wait for
/// it.
bool MySqlSession::begin_compression()
{
    if (!peer_.compressed || compression_ != nullptr)
        return true;
    auto layer = std::make_unique<MySqlCompression>(*peer_.compressed, worker_.shared.options.limits.message);
    compression_ = layer.get();
    client_.add_layer(std::move(layer));
    return in_.empty();
}

bool MySqlSession::may_end() const
{
    return started_ && is_quiet() && !holding_ && in_.empty() && !in_transaction();
}

void MySqlSession::encode_rejection(wire::Bytes& out, const Rejected& rejected) const
{
    const auto [code, sqlstate] = mysql_error(rejected.sqlstate);
    my::encode_err(out, sequence_, {code, sqlstate, rejected.message});
}

/// Where nobody asked, clients read it as the answer to their next command.
void MySqlSession::say_last(std::string_view sqlstate, std::string_view message)
{
    if (!scanner_.at_boundary() || (tracker_ && tracker_->is_amid()))
        return;
    const auto [code, state] = mysql_error(sqlstate);
    wire::Bytes out;
    const bool unasked = is_quiet() && !holding_;
    const auto sequence = unasked ? std::uint8_t{0} : static_cast<std::uint8_t>(sequence_ + told_);
    if (unasked && compression_ != nullptr)
        compression_->begin_unasked();
    my::encode_err(out, sequence, {code, state, message});
    to_client(out);
}

void MySqlSession::part_from_server()
{
    if (terminated_ || !is_quiet())
        return;
    wire::Bytes quit;
    my::encode_command(quit, my::Command::quit);
    (void)server_.try_write(quit); // polite; the close says the same
}

void MySqlSession::forget()
{
    catalog_.leave(static_cast<std::int32_t>(greeting_.thread));
    if (std::exchange(registered_, false))
        worker_.shared.registry.remove(static_cast<std::int32_t>(greeting_.thread), key_);
}

} // namespace stepgate::proxy::session
