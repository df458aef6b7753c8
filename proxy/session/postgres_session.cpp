#include "proxy/session/postgres_session.h"

#include "policies/postgres/identifier_list.h"
#include "policies/rules/permissions.h"
#include "protocols/postgres/authentication.h"
#include "protocols/postgres/reply.h"
#include "proxy/session/guessing.h"
#include "proxy/upstream/random.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <exception>

namespace stepgate::proxy::session
{

namespace pg = protocols::postgres;

namespace
{

const pg::Types& all_frontend_types()
{
    static const pg::Types types{pg::Frontend::bind,      pg::Frontend::close,     pg::Frontend::copy_data,
                                 pg::Frontend::copy_done, pg::Frontend::copy_fail, pg::Frontend::describe,
                                 pg::Frontend::execute,   pg::Frontend::flush,     pg::Frontend::function_call,
                                 pg::Frontend::parse,     pg::Frontend::password,  pg::Frontend::query,
                                 pg::Frontend::sync,      pg::Frontend::terminate};
    return types;
}

} // namespace

PostgresSession::PostgresSession(Worker& worker, std::shared_ptr<const Listening> listening, net::Socket socket,
                                 const boost::asio::ip::tcp::endpoint& from)
    : GuardedSession{worker, std::move(listening), std::move(socket), from},
      client_scanner_{pg::Side::frontend, all_frontend_types(), worker.shared.options.limits.message},
      server_scanner_{pg::Side::backend, pg::replies_types()}, rows_signal_{worker.io.get_executor()}
{
}

PostgresSession::~PostgresSession() = default;

net::Task<void> PostgresSession::run()
{
    const bool entered = co_await enter();
    if (!entered)
        co_return;
    started_ = true;
    deadline_ = SteadyTime::max();
    worker_.metrics.sessions.add();
    const auto self = std::static_pointer_cast<PostgresSession>(shared_from_this());
    boost::asio::co_spawn(worker_.io.get_executor(), relay_server(), [self](std::exception_ptr failure) {
        if (failure)
            self->log(LogLevel::error, "session ended by an exception");
        self->server_ended_ = true;
        self->signal_.raise();
    });
    co_await relay_client();
    stop("the client disconnected");
}

net::Task<bool> PostgresSession::enter()
{
    auto knock = co_await answer_the_door(client_, in_, *listening_, *certificates_);
    if (const auto* wish = std::get_if<CancelWish>(&knock)) {
        worker_.shared.registry.cancel(wish->process, wish->key);
        client_.finish_writing(); // at once: clients wait for it
        co_return false;
    }
    if (auto* rejected = std::get_if<Rejected>(&knock)) {
        co_await reject(std::move(*rejected));
        co_return false;
    }
    const auto startup = std::move(std::get<ClientStartup>(knock));
    auto refused = co_await admit(startup);
    if (refused) {
        co_await reject(std::move(*refused));
        co_return false;
    }
    co_await greet(startup);
    co_return !stopping_;
}

net::Task<std::optional<Rejected>> PostgresSession::admit(const ClientStartup& startup)
{
    const auto& options = listening_->options;
    asker_.listener = options.name;
    asker_.user = startup.user;
    asker_.database = options.upstream.database.value_or(startup.database);
    asker_.client_address = address_;
    asker_.application_name = startup.application_name;
    if (auto full = enter_limits())
        co_return full;
    if (startup.negotiate) {
        pg::NegotiateProtocolVersion answer{startup.version.minor, {}};
        for (const auto& option : startup.unknown_options)
            answer.unknown_options.emplace_back(option);
        scratch_.clear();
        pg::encode_negotiate_protocol_version(scratch_, answer);
        const auto lost = co_await client_.write_all(scratch_);
        if (lost)
            co_return Rejected{};
    }
    if (options.authentication == Authentication::proxy) {
        if (auto refused = refuse_guessing(worker_, startup.user, address_, "28P01"))
            co_return refused;
        auto rejected =
            co_await authenticate(client_, in_, *listening_, *certificates_, startup, worker_.shared, asker_.groups);
        worker_.look_at_clocks();
        note_guess(worker_, startup.user, address_, rejected);
        if (rejected)
            co_return rejected;
    }
    if (auto full = enter_user())
        co_return full;
    asker_.role = options.upstream.user;
    if (options.authentication == Authentication::passthrough) {
        asker_.role = startup.user;
        if (worker_.shared.services.find_user)
            if (const auto known = worker_.shared.services.find_user(startup.user))
                asker_.groups = known->groups;
    }
    if (auto refused = permit(startup))
        co_return refused;
    auto unreachable = co_await connect_server(startup);
    if (unreachable)
        co_return unreachable;
    if (startup.runs_sql) {
        auto failed = co_await upstream::ask_start_state(server_, server_in_, greeting_, start_state_);
        if (failed)
            co_return no_server(std::move(*failed));
        auto path = policies::postgres::identifier_list(start_state_.search_path, ',');
        if (!path)
            co_return no_server({upstream::Failure::Kind::protocol, "has a search_path that cannot be read"});
        start_path_ = std::move(*path);
    }
    if (auto rejected = feed_greeting())
        co_return rejected;
    if (const auto& database_of = worker_.shared.services.database_of)
        catalog_.attach(database_of(options.name, asker_.database));
    std::vector<audit::Field> keys;
    if (!startup.needs_rule.empty()) {
        keys.emplace_back("startup_keys", startup.needs_rule);
        keys.emplace_back("startup_rules", startup_rules_);
    }
    co_return enter_audit(std::move(keys));
}

/// Parameters that could change what statements mean, or that lead around statements, need a rule.
std::optional<Rejected> PostgresSession::permit(const ClientStartup& startup)
{
    for (const auto& key : startup.needs_rule) {
        const auto verdict = policies::rules::startup_key_verdict(worker_.judge.policy(), key, asker_, worker_.wall());
        if (verdict.action == policies::rules::Action::deny && listening_->options.mode == Mode::enforce) {
            auto words = startup_key_refused(key, verdict);
            return Rejected{Rejected::Kind::refused, words.sqlstate, words.message, words.hint};
        }
        startup_rules_.insert(startup_rules_.end(), verdict.rules.begin(), verdict.rules.end());
    }
    replication_ = startup.replication;
    return std::nullopt;
}

upstream::Target PostgresSession::target() const
{
    const auto& server = listening_->options.upstream;
    return {server.host, server.port, server.tls.mode, certificates_->client};
}

Rejected PostgresSession::no_server(upstream::Failure failed) const
{
    worker_.metrics.upstream_failures.add();
    const std::string& listener = listening_->options.name;
    Rejected rejected{Rejected::Kind::upstream,
                      "08006",
                      "stepgate cannot reach the server of listener \"" + listener + "\"",
                      {},
                      std::move(failed.text)};
    if (failed.kind == upstream::Failure::Kind::credentials)
        rejected.message = "the server of listener \"" + listener + "\" does not accept stepgate's account";
    rejected.as_is = std::move(failed.server_error);
    return rejected;
}

net::Task<std::optional<Rejected>> PostgresSession::connect_server(const ClientStartup& startup)
{
    const auto& options = listening_->options;
    const auto where = target();
    // A server that does not answer must not take the whole time a client has to log in.
    const auto login_deadline = wait_for_server(deadline_);
    auto failed = co_await upstream::open(server_, where);
    if (!failed && options.authentication == Authentication::proxy) {
        auto parameters = startup.parameters;
        parameters.emplace_back("database", asker_.database);
        upstream::Account account{options.upstream.user, options.upstream.password,
                                  options.upstream.allow_cleartext_password, listening_->upstream_keys};
        failed = co_await upstream::login(server_, server_in_, std::move(account), std::move(parameters), greeting_);
    }
    wait_for_client(login_deadline);
    if (failed)
        co_return no_server(std::move(*failed));
    if (options.authentication == Authentication::proxy)
        co_return std::nullopt;
    ClientStartup passed = startup;
    passed.parameters.emplace_back("database", asker_.database);
    co_return co_await pass_login_through(client_, in_, server_, server_in_, passed, greeting_);
}

/// What the client will read, through the tracker first: parameters, and the first ReadyForQuery.
std::optional<Rejected> PostgresSession::feed_greeting()
{
    scratch_.clear();
    pg::encode_authentication_ok(scratch_);
    scratch_.insert(scratch_.end(), greeting_.messages.begin(), greeting_.messages.end());
    pg::encode_ready_for_query(scratch_, pg::Transaction::idle);
    tracker_.startup();
    const pg::MessageFramer framer{pg::Side::backend};
    for (wire::View left = scratch_; !left.empty();) {
        const auto framed = framer.next(left);
        const auto* frame = std::get_if<pg::Frame>(&framed);
        if (frame == nullptr || !tracker_.received(*frame))
            return Rejected{Rejected::Kind::upstream, "08P01", "the server broke the protocol during login"};
        left = left.subspan(frame->bytes.size());
    }
    return std::nullopt;
}

net::Task<void> PostgresSession::greet(const ClientStartup& startup)
{
    policies::postgres::SessionState::Start start = startup.state;
    if (start.user.empty())
        start.user = asker_.role;
    if (start.role.empty())
        start.role = start.user;
    if (startup.runs_sql) {
        start.role = start_state_.user;
        start.search_path = std::move(start_path_);
    }
    start.standard_conforming_strings = tracker_.parameters().find("standard_conforming_strings") != "off";
    if (const auto encoding = tracker_.parameters().find("client_encoding"); !encoding.empty())
        start.client_encoding = encoding;
    start.settings = start_state_.unusual;
    start.settings.insert(start.settings.end(), startup.parameters.begin(), startup.parameters.end());
    start.server_encoding = tracker_.parameters().find("server_encoding");
    state_ = policies::postgres::SessionState{std::move(start)};
    (void)watches_results();

    // 4 bytes for 3.0, whose clients cannot take more; up to 256 for 3.2.
    key_ = upstream::random_bytes(startup.version.minor >= 2 ? 32 : 4);
    worker_.shared.registry.add(greeting_.process, key_, owner(), worker_.io.get_executor(), weak_from_this());
    registered_ = true;

    scratch_.clear();
    pg::encode_authentication_ok(scratch_);
    scratch_.insert(scratch_.end(), greeting_.messages.begin(), greeting_.messages.end());
    pg::encode_key_data(scratch_, {greeting_.process, key_});
    pg::encode_ready_for_query(scratch_, pg::Transaction::idle);
    greeting_.messages = {};
    const auto failed = co_await client_.write_all(scratch_);
    if (failed)
        stop("the client disconnected");
    scratch_ = {};
    log(LogLevel::info, "session of " + asker_.user + " from " + address_ + " on " + asker_.listener);
}

void PostgresSession::encode_rejection(wire::Bytes& out, const Rejected& rejected) const
{
    pg::encode_error(out, {"FATAL", rejected.sqlstate, rejected.message, {}, rejected.hint});
}

void PostgresSession::forget()
{
    catalog_.leave(greeting_.process);
    if (registered_)
        worker_.shared.registry.remove(greeting_.process, key_);
}

void PostgresSession::part_from_server()
{
    if (terminated_ || !client_scanner_.at_boundary())
        return;
    wire::Bytes terminate;
    pg::encode_empty(terminate, pg::Frontend::terminate);
    (void)server_.try_write(terminate); // polite; the close says the same
}

void PostgresSession::wake()
{
    signal_.raise();
    rows_signal_.raise();
}

bool PostgresSession::may_end() const
{
    return started_ && tracker_.quiet() && !holding_ && !group_open_ && in_.empty() &&
           tracker_.transaction() == pg::Transaction::idle;
}

void PostgresSession::say_last(std::string_view sqlstate, std::string_view message)
{
    if (!server_scanner_.at_boundary())
        return;
    wire::Bytes out;
    pg::encode_error(out, {"FATAL", sqlstate, message});
    to_client(out);
}

void PostgresSession::cancel()
{
    if (gate_ != nullptr || stalled_) {
        cancel_hold();
        return;
    }
    if (!started_ || greeting_.key.empty())
        return;
    auto where = target();
    boost::asio::co_spawn(
        worker_.io.get_executor(),
        upstream::send_cancel(worker_.io.get_executor(), std::move(where), greeting_.process, greeting_.key),
        boost::asio::detached);
}

} // namespace stepgate::proxy::session
