#include "proxy/session/postgres_session.h"

#include <algorithm>

namespace stepgate::proxy::session
{

namespace pg = protocols::postgres;

net::Task<void> PostgresSession::relay_client()
{
    bool again = client_.buffered();
    while (!stopping_ && !server_ended_) {
        const Step step = advance();
        if (ready_ > 0 && !send_at_once()) {
            const bool sent = co_await send_ready();
            if (!sent)
                break;
        }
        if (step != Step::more) {
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
    // Not because the client left: it is told why, and gets the time to read it.
    if (server_ended_ || fatal_ || (stopping_ && client_.open())) {
        co_await linger();
    }
}

/// Inspects whole messages until one needs more than being forwarded; those before it are `ready_`.
PostgresSession::Step PostgresSession::advance()
{
    for (;;) {
        const auto scanned = client_scanner_.next(in_.data().subspan(ready_));
        if (const auto* more = std::get_if<pg::NeedMore>(&scanned)) {
            wanted_ = more->bytes;
            return Step::more;
        }
        if (const auto* pass = std::get_if<pg::Pass>(&scanned)) { // COPY data
            ready_ += pass->bytes;
            continue;
        }
        if (const auto* error = std::get_if<pg::errc>(&scanned))
            return broken(make_error_code(*error));
        const auto& frame = std::get<pg::Frame>(scanned);
        current_ = frame.bytes.size();
        const Step step = inspect(frame, nullptr);
        if (step != Step::forward)
            return step;
        ready_ += current_;
    }
}

/// As `send_ready`, without a coroutine. False: something is left for it to do.
bool PostgresSession::send_at_once()
{
    const auto [status, bytes] = server_.try_write(in_.data().first(ready_));
    if (status != net::Io::done)
        return false;
    in_.consume(bytes);
    ready_ -= bytes;
    return ready_ == 0 && !server_ended_ && !stopping_;
}

/// The same bytes that were inspected. False: the server is gone, or about to be.
net::Task<bool> PostgresSession::send_ready()
{
    std::size_t sent = 0;
    sending_ = true;
    while (sent < ready_) {
        const auto [status, bytes] = server_.try_write(in_.data().subspan(sent, ready_ - sent));
        if (status == net::Io::done) {
            sent += bytes;
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
    sending_ = false;
    in_.consume(ready_);
    ready_ = 0;
    co_return !server_ended_ && !stopping_;
}

/// False: the session is over.
net::Task<bool> PostgresSession::handle(Step step)
{
    switch (step) {
    case Step::forward:
    case Step::more:
        break;
    case Step::drop:
        in_.consume(current_);
        break;
    case Step::look_up:
        co_return co_await await_catalog();
    case Step::describe:
        co_return co_await describe_first();
    case Step::settle: {
        const bool rows_wait = rows_ == Rows::held; // then the client is not read elsewhere
        if (rows_wait) {
            watching_ = true;
            watch_client();
        }
        const bool alive = co_await quiet();
        if (rows_wait)
            watching_ = false;
        co_return alive;
    }
    case Step::hold:
        co_return co_await hold();
    case Step::slow:
        co_return co_await wait_for_audit();
    case Step::goodbye: {
        const bool answered = co_await quiet(); // what the client asked before is answered first
        if (!answered)
            co_return false;
        ready_ = current_;
        (void)co_await send_ready();
        (void)co_await drain_client();
        end_reason_ = "the client said goodbye";
        stopping_ = terminated_ = true;
        client_.finish_writing();
        client_.close();
        co_return false;
    }
    case Step::fatal:
        audit_protocol_error(fatal_.message());
        log(LogLevel::warning, "protocol error of the client: " + fatal_.message());
        scratch_.clear();
        pg::encode_fatal(scratch_, fatal_);
        inject(scratch_);
        end_reason_ = "protocol error: " + fatal_.message();
        co_return false;
    }
    co_return true;
}

/// Everything that was sent is answered, or the server wants COPY data. False: the session is over.
net::Task<bool> PostgresSession::quiet()
{
    if (group_open_ && !tracker_.quiet()) {
        // The server keeps its answers to itself until Flush or Sync; Flush has no answer of its own.
        wire::Bytes flush;
        pg::encode_empty(flush, pg::Frontend::flush);
        tracker_.flush();
        sending_ = true;
        const auto failed = co_await server_.write_all(flush);
        sending_ = false;
        if (failed)
            co_return false;
    }
    waiting_ = true;
    while (!tracker_.quiet() && tracker_.copy() != pg::Copy::in && !stopping_ && !server_ended_ && !client_closed_) {
        // No deadline: the server is at work for this client, and watching the client is the caller's business.
        co_await signal_.wait_until(SteadyTime::max());
    }
    waiting_ = false;
    if (tracker_.quiet())
        forget_all_effects();
    co_return !stopping_ && !server_ended_ && !client_closed_;
}

} // namespace stepgate::proxy::session
