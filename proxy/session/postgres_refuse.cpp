#include "protocols/postgres/query.h"
#include "protocols/postgres/reply.h"
#include "proxy/session/postgres_session.h"

namespace stepgate::proxy::session
{

namespace pg = protocols::postgres;

void PostgresSession::notify(const policies::rules::Verdict& verdict)
{
    wire::Bytes notice;
    encode_notice(notice, noticed(verdict));
    inject(notice);
}

/// Answers the message at the front of `in_` with an error, as the server would have: a transaction that it is part of
/// is failed on the server too. Only when all is quiet. False: the session is over.
net::Task<bool> PostgresSession::refuse(Words words)
{
    const pg::MessageFramer framer{pg::Side::frontend, worker_.shared.options.limits.message};
    const auto framed = framer.next(in_.data());
    const auto* frame = std::get_if<pg::Frame>(&framed);
    if (frame == nullptr)
        co_return false;
    const bool simple = frame->is(pg::Frontend::query) || frame->is(pg::Frontend::function_call);
    wire::Bytes error;
    encode_error(error, words);
    if (simple && tracker_.transaction() == pg::Transaction::idle && !group_open_) {
        pg::encode_ready_for_query(error, pg::Transaction::idle);
        in_.consume(frame->bytes.size());
        inject(error);
        co_return true;
    }
    wire::Bytes failing;
    if (simple) {
        in_.consume(frame->bytes.size());
        pg::encode_query(failing, failing_statement);
        tracker_.query(0, pg::Origin::proxy);
    } else {
        // What is held stays in `in_`: after the error it is discarded up to Sync, as the server does.
        pg::encode_parse(failing, failing_name, failing_statement);
        tracker_.parse(failing_name, StatementPointer{}, pg::Origin::proxy);
    }
    instead_ = std::move(error);
    const auto failed = co_await server_.write_all(failing);
    if (failed)
        co_return false;
    group_open_ = !simple;
    group_executed_ = group_executed_ && !simple;
    co_return co_await quiet();
}

/// A full queue slows the client down; a journal that cannot be written refuses.
net::Task<bool> PostgresSession::wait_for_audit()
{
    const bool works = co_await wait_for_room();
    if (works)
        co_return true;
    const bool alive = co_await quiet();
    if (!alive)
        co_return false;
    if (tracker_.skipping())
        co_return true;
    co_return co_await refuse_unaudited();
}

} // namespace stepgate::proxy::session
