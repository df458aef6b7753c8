#include "proxy/session/mysql_session.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace stepgate::proxy::session
{

namespace my = protocols::mysql;

namespace
{

constexpr auto kill_patience = std::chrono::seconds{2};

} // namespace

net::Task<void> MySqlSession::relay_client()
{
    bool again = client_.buffered();
    while (!stopping_ && !server_ended_) {
        const Step step = advance();
        if (step != Step::more) {
            if (step == Step::forward && forward_at_once())
                continue;
            const bool alive = co_await handle(step);
            if (!alive)
                break;
            continue;
        }
        cancel_what_has_left();
        if (!again) {
            in_.release_if_empty();
            const auto failed = co_await client_.readable();
            if (failed)
                break;
        }
        if (!read_client(again))
            break;
    }
    if (compression_ != nullptr && compression_->error() && !fatal_) {
        (void)co_await handle(broken(make_error_code(*compression_->error())));
    }
    // Not because the client left: it is told why, and gets the time to read it.
    if (server_ended_ || fatal_ || (stopping_ && client_.open())) {
        co_await linger();
    }
}

/// Inspects the command at the front, once the one before it is answered.
MySqlSession::Step MySqlSession::advance()
{
    if (in_.empty())
        return Step::more;
    if (tracker_->wants_infile())
        return file_piece();
    if (!tracker_->quiet())
        return Step::settle;
    const auto framed = framer_.next(in_.data());
    if (const auto* more = std::get_if<my::NeedMore>(&framed)) {
        wanted_ = more->bytes;
        return Step::more;
    }
    if (const auto* error = std::get_if<my::errc>(&framed))
        return broken(make_error_code(*error));
    const auto& frame = std::get<my::Frame>(framed);
    current_ = frame.bytes.size();
    sequence_ = static_cast<std::uint8_t>(frame.last + 1);
    told_ = 0;
    if (compression_ != nullptr)
        compression_->begin_answer();
    return inspect(frame);
}

/// The bytes that were inspected go to the server now. False: they must be others, in `scratch_`.
bool MySqlSession::depart()
{
    using my::Command;
    ++commands_;
    killed_ = false;
    shift_ = my::SequenceShift{told_};
    flight_ = {};
    flight_.number = inspected_.number;
    flight_.started_ns = worker_.now.time_since_epoch().count();
    if (inspected_.facts && inspected_.command != Command::stmt_prepare) {
        const auto& facts = *inspected_.facts->facts;
        // What defines something commits at once, whatever transaction is open.
        catalog_.departs(*inspected_.facts, worker_.judge.policy().labels(), false, true, worker_.wall());
        const auto changes = [](const auto& one) {
            return !one.effects.empty() || one.does(policies::statement::Kind::call);
        };
        if (facts.opaque || std::ranges::any_of(facts.statements, changes))
            flight_.effects = inspected_.facts;
        if (peer_.capabilities.has(my::Capability::local_files))
            flight_.files = files_named();
        flight_.watched = watches_result();
    }
    switch (inspected_.command) {
    case Command::stmt_prepare:
        tracker_->prepare({std::string{inspected_.text}, std::move(inspected_.facts), state_.modes(),
                           state_.charset_name(), state_.database(), state_.generation(), catalog_.revision()});
        return true;
    case Command::stmt_execute:
    case Command::stmt_bulk_execute:
        return depart_execution();
    case Command::stmt_reset:
        tracker_->reset(inspected_.statement);
        return true;
    case Command::stmt_close:
        tracker_->close(inspected_.statement);
        return true;
    case Command::stmt_send_long_data:
        return true;
    case Command::reset_connection:
        flight_.resets = true;
        break;
    default:
        break;
    }
    tracker_->send(inspected_.command, flight_.number);
    return true;
}

/// The server may not have seen the types of an execution that was held and did not run, or not taken all of them.
bool MySqlSession::adds_types_to(const Tracker::Statement& statement)
{
    return !statement.server_has_types && !statement.binding.brings_types && statement.binding.parameters > 0;
}

bool MySqlSession::depart_execution()
{
    auto* statement = executed();
    if (statement == nullptr)
        return true; // it was found a moment ago
    statement->value.withheld = false;
    if (!adds_types_to(*statement)) {
        tracker_->execute(*statement, statement->binding.brings_types, flight_.number, inspected_.command);
        return true;
    }
    bool unchanged = true;
    const auto framed = framer_.next(in_.data());
    if (const auto* frame = std::get_if<my::Frame>(&framed)) {
        scratch_.clear();
        const auto& binding = statement->binding;
        const auto written = inspected_.command == my::Command::stmt_execute
                                 ? my::encode_execute_with_types(scratch_, frame->payload, peer_.capabilities, binding)
                                 : my::encode_bulk_with_types(scratch_, frame->payload, binding);
        unchanged = written.has_error();
    }
    tracker_->execute(*statement, !unchanged, flight_.number, inspected_.command);
    return unchanged;
}

/// As `forward`, without a coroutine. False: nothing was done, or something is left for it to do.
bool MySqlSession::forward_at_once()
{
    if (!depart()) {
        in_.consume(current_);
        current_ = 0;
        rewritten_ = true;
        return false;
    }
    const auto [status, bytes] = server_.try_write(in_.data().first(current_));
    if (status == net::Io::done) {
        in_.consume(bytes);
        current_ -= bytes;
    }
    return current_ == 0;
}

/// What `forward_at_once` has left. False: the server is gone, or about to be.
net::Task<bool> MySqlSession::forward()
{
    if (std::exchange(rewritten_, false)) {
        const auto failed = co_await server_.write_all(scratch_);
        if (failed)
            server_ended_ = server_ended_ || !stopping_;
    }
    while (current_ > 0) {
        const auto [status, bytes] = server_.try_write(in_.data().first(current_));
        if (status == net::Io::done) {
            in_.consume(bytes);
            current_ -= bytes;
            continue;
        }
        boost::system::error_code failed = net::errc::end_of_stream;
        if (status == net::Io::would_block) {
            failed = co_await server_.writable();
        }
        if (failed) {
            server_ended_ = server_ended_ || !stopping_; // its side reads what it said last, and ends the session
            break;
        }
    }
    co_return !server_ended_ && !stopping_;
}

/// False: the session is over.
net::Task<bool> MySqlSession::handle(Step step)
{
    switch (step) {
    case Step::more:
    case Step::answer:
        break;
    case Step::forward:
        co_return co_await forward();
    case Step::settle:
        co_return co_await quiet();
    case Step::ask:
        co_return co_await ask();
    case Step::look_up:
        co_return co_await await_catalog();
    case Step::kill:
        co_return co_await cancel_target();
    case Step::change:
        co_return co_await change_user();
    case Step::forget:
        co_return co_await forget_long_data();
    case Step::file:
        co_return co_await forward_file_piece();
    case Step::hold:
        held_ = current_;
        co_return co_await hold();
    case Step::slow:
        co_return co_await wait_for_audit();
    case Step::goodbye:
        (void)co_await drain_client();
        end_reason_ = "the client said goodbye";
        part_from_server();
        stopping_ = terminated_ = true;
        client_.finish_writing();
        client_.close();
        co_return false;
    case Step::fatal:
        audit_protocol_error(fatal_.message());
        log(LogLevel::warning, "protocol error of the client: " + fatal_.message());
        end_reason_ = "protocol error: " + fatal_.message();
        scratch_.clear();
        my::encode_err(scratch_, sequence_, fatal_);
        to_client(scratch_);
        co_return false;
    }
    co_return true;
}

/// Everything that was sent is answered. False: the session is over.
net::Task<bool> MySqlSession::quiet()
{
    waiting_ = true;
    while (!tracker_->quiet() && !tracker_->wants_infile() && !stopping_ && !server_ended_ && !client_closed_) {
        // No deadline: the server is at work for this client, and watching the client is the caller's business.
        co_await signal_.wait_until(SteadyTime::max());
    }
    waiting_ = false;
    co_return !stopping_ && !server_ended_ && !client_closed_;
}

/// A full queue slows the client down; a journal that cannot be written refuses.
net::Task<bool> MySqlSession::wait_for_audit()
{
    const bool works = co_await wait_for_room();
    if (works)
        co_return true;
    co_return co_await refuse_unaudited();
}

/// What waits in other sessions of this user ends before the server hears of the KILL: it would find nothing to kill,
/// and the statement would run later. Those sessions have decided when they answer: what they released before reaches
/// the server before the KILL does. False: the session is over.
net::Task<bool> MySqlSession::cancel_target()
{
    killed_ = true;
    targets_told_ = 0;
    const auto worker = worker_.shared_from_this();
    const auto weak = weak_from_this();
    const auto asked = worker_.shared.registry.cancel_hold(kill_target().value_or(0), owner(), [worker, weak] {
        boost::asio::post(worker->io, [weak] {
            if (const auto self = weak.lock()) {
                ++static_cast<MySqlSession&>(*self).targets_told_;
                static_cast<MySqlSession&>(*self).wake();
            }
        });
    });
    const auto latest = worker_.now + kill_patience;
    while (targets_told_ < asked && worker_.now < latest && !stopping_ && !server_ended_) {
        co_await signal_.wait_until(latest);
        worker_.look_at_clocks();
    }
    co_return !stopping_ && !server_ended_;
}

/// The server keeps what was sent ahead until it is told to forget it. False: the session is over.
net::Task<bool> MySqlSession::forget_long_data()
{
    wire::Bytes reset;
    my::encode_statement_id(reset, my::Command::stmt_reset, inspected_.statement);
    tracker_->reset(inspected_.statement, my::Origin::proxy);
    answer_.reset();
    const auto failed = co_await server_.write_all(reset);
    if (failed)
        co_return false;
    co_return co_await quiet();
}

} // namespace stepgate::proxy::session
