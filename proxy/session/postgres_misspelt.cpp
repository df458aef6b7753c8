#include "protocols/postgres/query.h"
#include "protocols/postgres/report.h"
#include "proxy/session/misspelt.h"
#include "proxy/session/postgres_session.h"

namespace stepgate::proxy::session
{

namespace pg = protocols::postgres;
using policies::rules::Verdict;

namespace
{

constexpr std::string_view raw_parser = "scanner_yyerror"; // the routine that reports its errors

} // namespace

/// One Query, which may be misspelt. Several statements cannot be prepared together, which fails a transaction; but as
/// the server reads all before it looks at how many there are, and runs none if it cannot read one, it may be asked
/// outside one.
bool PostgresSession::may_be_misspelt() const
{
    const pg::MessageFramer framer{pg::Side::frontend, worker_.shared.options.limits.message};
    const auto framed = framer.next(in_.data());
    const auto* frame = std::get_if<pg::Frame>(&framed);
    if (plan_->executions.size() != 1 || group_open_ || replication_ || frame == nullptr ||
        !frame->is(pg::Frontend::query))
        return false;
    const auto& statement = *plan_->executions.front().statement;
    return session::may_be_misspelt(*statement.facts->facts, statement.sql) && !statement.unsure &&
           !catalog_.missing(*statement.facts->facts) && (!in_transaction() || is_one_statement(statement.sql));
}

/// Lets the server parse it as it does a client's Parse, which is not held either. What goes wrong then would go wrong
/// with the Query, and does to an open transaction what that would do: the error is the answer.
net::Task<bool> PostgresSession::answer_if_misspelt(bool& answered)
{
    if (!may_be_misspelt())
        co_return true;
    const auto statement = plan_->executions.front().statement;
    const auto begun = worker_.now.time_since_epoch().count();
    wire::Bytes parse;
    pg::encode_parse(parse, {}, statement->sql);
    pg::encode_close(parse, {pg::Named::statement, {}});
    pg::encode_empty(parse, pg::Frontend::sync);
    tracker_.parse({}, StatementPointer{}, pg::Origin::proxy);
    tracker_.close(pg::Named::statement, {}, pg::Origin::proxy);
    tracker_.sync(pg::Origin::proxy);
    misspelt_.clear();
    parsing_ = true;
    const auto failed = co_await server_.write_all(parse);
    if (failed)
        co_return false;
    const bool alive = co_await quiet();
    parsing_ = false;
    if (!alive || misspelt_.empty())
        co_return alive;
    const pg::MessageFramer framer{pg::Side::backend};
    const auto framed = framer.next(misspelt_);
    const auto error = pg::decode_report(std::get<pg::Frame>(framed));
    if (!error || (error->routine != raw_parser && !is_one_statement(statement->sql)))
        co_return true;
    pg::Tag tag = 0;
    std::function<bool()> write = [&] {
        tag = begin_execution(*statement, Verdict{});
        return tag != 0;
    };
    const bool written = co_await wait_to_write(std::move(write));
    if (!written) {
        co_return co_await refuse_unaudited();
    }
    flights_.at(tag - 1).started_ns = begun;
    report(flights_.at(tag - 1), error->code);
    pg::encode_ready_for_query(misspelt_, tracker_.transaction());
    in_.consume(held_);
    inject(misspelt_);
    answered = true;
    co_return true;
}

} // namespace stepgate::proxy::session
