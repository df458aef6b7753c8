#include "proxy/session/mysql_session.h"

namespace stepgate::proxy::session
{

namespace my = protocols::mysql;

/// COM_CHANGE_USER: the client proves to be another of stepgate's users, as at a login, and the server forgets all of
/// the session before. What was approved or granted to that one ends with it. Whoever fails is shown out. False: the
/// session is over.
net::Task<bool> MySqlSession::change_user()
{
    worker_.look_at_clocks();
    deadline_ = worker_.now + worker_.shared.options.limits.login;
    MySqlClient client = peer_;
    auto rejected = co_await change_mysql_user(client_, in_, listening_, *certificates_, worker_, client);
    sequence_ = client.sequence;
    told_ = 0;
    auto user = client.user;
    if (!rejected) {
        rejected = co_await become(std::move(client));
    }
    if (!rejected) {
        co_await welcome();
        co_return !stopping_;
    }
    rejected->user = std::move(user);
    if (end_reason_.empty())
        end_reason_ = "COM_CHANGE_USER was refused";
    co_await reject(std::move(*rejected));
    co_return false;
}

/// As in `admit`, for whoever the client is now.
net::Task<std::optional<Rejected>> MySqlSession::become(MySqlClient client)
{
    change_identity("COM_CHANGE_USER");
    forget();
    peer_ = std::move(client);
    identify();
    if (auto full = enter_user())
        co_return full;
    auto refused = co_await change_at_server();
    if (refused)
        co_return refused;
    co_return enter_audit({});
}

/// stepgate's account at the server stays the same; the command makes the server forget everything, in one step.
net::Task<std::optional<Rejected>> MySqlSession::change_at_server()
{
    const auto login_deadline = wait_for_server(deadline_);
    auto failed = co_await exchange_with_server();
    wait_for_client(login_deadline);
    change_.reset();
    if (failed)
        co_return unreachable(std::move(failed));
    begin_state();
    const bool answered = co_await ask_state();
    if (!answered)
        co_return Rejected{Rejected::Kind::upstream, "08006", "the server ended the session during the login"};
    co_return std::nullopt;
}

net::Task<std::optional<upstream::Failure>> MySqlSession::exchange_with_server()
{
    using upstream::Failure;
    auto login = server_login();
    login.capabilities = agreed_with(greeting_, login);
    const auto& host = listening_->options.upstream.host;
    change_.reset(new ServerChange{upstream::MySqlLoginSteps{std::move(login), server_.encrypted(), host}});
    auto failed = change_->steps.begin_again(greeting_, change_->out);
    tracker_->send(my::Command::change_user, 0, my::Origin::proxy);
    answer_.reset();
    while (!failed && !change_->steps.done()) {
        if (server_ended_ || stopping_)
            co_return Failure{Failure::Kind::unreachable, "closed the connection during COM_CHANGE_USER"};
        if (change_->out.empty()) {
            co_await signal_.wait_until(deadline_);
            worker_.look_at_clocks();
            failed = std::move(change_->failed);
            continue;
        }
        if (tracker_->wants_auth())
            tracker_->auth_answered();
        const auto packet = std::exchange(change_->out, {});
        const auto lost = co_await server_.write_all(packet);
        if (lost)
            failed = Failure{Failure::Kind::unreachable, "closed the connection during COM_CHANGE_USER"};
    }
    co_return failed;
}

/// The server's next packet of the login; what answers it is sent by the client's side.
void MySqlSession::on_change_answer(const my::Frame& frame)
{
    if (auto failed = change_->steps.on(frame, change_->out))
        change_->failed = std::move(failed);
    signal_.raise();
}

} // namespace stepgate::proxy::session
