#include "protocols/postgres/reply.h"
#include "proxy/session/postgres_session.h"

#include <algorithm>

namespace stepgate::proxy::session
{

namespace pg = protocols::postgres;
using policies::statement::Kind;

net::Task<void> PostgresSession::relay_server()
{
    bool again = true; // the login may have left messages in the buffer or in TLS
    bool making_sense = server_in_.empty() || scan_server();
    while (!stopping_ && making_sense) {
        if (!again) {
            server_in_.release_if_empty();
            const auto failed = co_await server_.readable();
            if (failed)
                break;
        }
        const auto status = read_server(again);
        if (status == net::Io::would_block)
            continue;
        if (status != net::Io::done)
            break;
        making_sense = scan_server();
        while (making_sense && guarded_ > 0 && rows_must_wait()) {
            const bool goes_on = co_await hold_rows();
            making_sense = goes_on && scan_server();
        }
        if (!out_.empty()) {
            const bool drained = co_await drain_client();
            if (!drained)
                break;
        }
        if (draining_ && may_end())
            say_goodbye("57P01", "stepgate is shutting down");
    }
    co_await end_server_side();
}

/// Follows all whole messages of the read, and forwards them in as few writes as possible. False: lost track.
bool PostgresSession::scan_server()
{
    const wire::View data = server_in_.data();
    std::size_t sent = 0, at = 0;
    const auto forward = [&] {
        if (sent < at)
            to_client(data.subspan(sent, at - sent));
        sent = at;
    };
    for (;;) {
        if (guarded_ > 0 && rows_must_wait())
            break;
        const auto scanned = server_scanner_.next(data.subspan(at));
        if (std::holds_alternative<pg::NeedMore>(scanned))
            break;
        if (const auto* pass = std::get_if<pg::Pass>(&scanned)) {
            if (rows_ == Rows::swallow)
                forward();
            at += pass->bytes;
            if (rows_ == Rows::swallow)
                sent = at;
        } else if (const auto* frame = std::get_if<pg::Frame>(&scanned)) {
            const bool swallowing = rows_ == Rows::swallow;
            bool for_client = on_server_frame(*frame);
            if (fatal_)
                break;
            if (swallowing) {
                const bool last = end_swallowing(frame->is(pg::Backend::ready_for_query));
                for_client = for_client && last && passes_while_swallowing(*frame);
            }
            if (!for_client)
                forward();
            at += frame->bytes.size();
            if (!for_client) {
                sent = at;
                auto& other = rewritten_.empty() ? instead_ : rewritten_;
                to_client(other);
                other.clear();
            }
        } else {
            fatal_ = make_error_code(std::get<pg::errc>(scanned));
            break;
        }
        if (!between_.empty() && server_scanner_.at_boundary()) {
            forward();
            to_client(between_);
            between_.clear();
        }
    }
    forward();
    server_in_.consume(at);
    if (fatal_) {
        lose_track(fatal_);
        return false;
    }
    if (waiting_ && (tracker_.quiet() || tracker_.copy() == pg::Copy::in))
        signal_.raise();
    return true;
}

/// True if the message is for the client.
bool PostgresSession::on_server_frame(const pg::Frame& frame)
{
    const auto event = tracker_.received(frame);
    if (!event) {
        fatal_ = event.error();
        return true;
    }
    rename();
    if (frame.is(pg::Backend::row_description) || frame.is(pg::Backend::no_data) ||
        frame.is(pg::Backend::parameter_description))
        on_description(*event, frame);
    using Is = pg::Event::Kind;
    const bool ours = event->origin == pg::Origin::proxy;
    switch (event->kind) {
    case Is::none:
        if (frame.is(pg::Backend::parameter_status))
            on_parameter(frame);
        if (ours && frame.is(pg::Backend::parameter_description))
            return false;
        return !frame.is(pg::Backend::notice_response) || !rewrites_notice(frame);
    case Is::step:
        return !ours;
    case Is::completed:
    case Is::suspended:
    case Is::empty:
        on_outcome(*event, frame);
        return !ours;
    case Is::failed: {
        failed_since_ready_ = true;
        if (parsing_)
            misspelt_.assign(frame.bytes.begin(), frame.bytes.end());
        const bool rewritten = (!ours || stands_for_execute(*event)) && rewrites_error(event->tag, frame);
        on_outcome(*event, frame);
        return !rewritten && (!ours || stands_for_execute(*event));
    }
    case Is::ready:
        on_ready(*event);
        return !parsing_;
    case Is::copy_begins:
        if (tracker_.copy() == pg::Copy::in)
            client_scanner_.wanted().remove(static_cast<char>(pg::Frontend::copy_data));
        return true;
    case Is::connection_lost:
        end_reason_ = "the server ended the session: " + std::string(event->sqlstate.begin(), event->sqlstate.end());
        if (gate_ != nullptr)
            gate_->server_closed();
        return true;
    }
    return true;
}

/// SQL sees the names of the wire. Only now that the server has done it: a message that it refused or skipped changes
/// nothing, whatever it said.
void PostgresSession::rename()
{
    for (const auto& [what, name, defined] : tracker_.renamed()) {
        const auto* statement = tracker_.statements().settled(name);
        const auto* portal = tracker_.portals().settled(name);
        const bool foreign = (statement && *statement && (*statement)->foreign) ||
                             (portal && portal->statement && portal->statement->foreign);
        if (what == pg::Named::statement && (!defined || foreign))
            state_.deallocate(name);
        else if (what == pg::Named::portal && (!defined || foreign))
            state_.close_portal(name);
        else if (what == pg::Named::statement && statement && *statement)
            state_.prepare(name, (*statement)->sql, values_of(**statement));
        else if (what == pg::Named::portal && portal && portal->statement)
            state_.open_portal(name, portal->statement->sql);
    }
}

void PostgresSession::on_parameter(const pg::Frame& frame)
{
    const auto parameter = pg::decode_parameter_status(frame);
    if (parameter)
        reported_.emplace_back(parameter->name, parameter->value);
}

void PostgresSession::on_ready(const pg::Event& event)
{
    if (event.tag != 0 && event.tag > flights_.begin() && event.tag <= flights_.end())
        report(flights_.at(event.tag - 1), "00000");
    if (event.transaction == pg::Transaction::idle)
        state_.transaction_ended(!failed_since_ready_);
    else if (event.transaction == pg::Transaction::failed)
        state_.transaction_failed();
    failed_since_ready_ = changed_ = undecided_ = false;
    if (!tracker_.quiet())
        return;
    if (event.transaction == pg::Transaction::idle) {
        catalog_.idle();
        if (catalog_.has_temporary() && state_.knows_temporary())
            catalog_.keep_temporary(
                [this](const std::string& name) { return state_.redefined_relation(name) != nullptr; });
    }
    // Only now: an answer to an older change could hide a newer one.
    for (const auto& [name, value] : reported_)
        state_.server_reported(name, value);
    reported_.clear();
    land_all();
}

/// Nothing is outstanding: whatever was not answered never will be.
void PostgresSession::land_all()
{
    if (holding_)
        return; // those of the held batch have not departed yet
    while (!flights_.empty())
        flights_.pop();
    while (!described_.empty())
        described_.pop();
    guarded_ = 0;
    effects_in_flight_ = 0;
}

void PostgresSession::on_outcome(const pg::Event& event, const pg::Frame& frame)
{
    if (tracker_.copy() != pg::Copy::in)
        client_scanner_.wanted().add(static_cast<char>(pg::Frontend::copy_data));
    while (const auto tag = tracker_.next_discarded())
        if (*tag > flights_.begin() && *tag <= flights_.end())
            discarded(flights_.at(*tag - 1));
    if (event.tag == 0 || event.tag <= flights_.begin() || event.tag > flights_.end())
        return;
    auto& flight = flights_.at(event.tag - 1);
    if (flight.effects) // a COMMIT that fails takes back what its block has set
        (flight.simple || flight.group != group_ ? undecided_ : changed_) = true;
    if (flight.effects && flight.effects->facts->opaque)
        state_.doubt_own_tables();
    if (event.kind == pg::Event::Kind::failed) {
        if (flight.effects)
            apply_committed(flight);
        unguard(flight);
        report(flight, {event.sqlstate.data(), event.sqlstate.size()});
        return;
    }
    if (event.kind == pg::Event::Kind::suspended) {
        flight.again = true; // it ran in part
        if (flight.effects)
            apply_effects(flight, frame);
    } else if (event.kind == pg::Event::Kind::completed) {
        flight.rows = std::max<std::int64_t>(flight.rows, 0) + static_cast<std::int64_t>(event.rows);
        if (flight.effects)
            apply_effects(flight, frame);
        if (flight.cancels)
            cancel_others(flight);
    }
    ++flight.done;
    unguard(flight);
    if (!flight.simple)
        report(flight, "00000");
}

/// The server said yes to pg_cancel_backend. For a session that waits here its process is idle, so only we can end the
/// hold; only for sessions of the same user on the same server.
void PostgresSession::cancel_others(Flight& flight)
{
    const auto processes = std::move(flight.cancels);
    for (const auto process : *processes)
        worker_.shared.registry.cancel_hold(process, owner());
}

/// A procedure or a DO block may have committed before it failed: what it did until then may be there.
void PostgresSession::apply_committed(const Flight& flight)
{
    const auto& facts = *flight.effects->facts;
    if (tracker_.transaction() != pg::Transaction::idle || flight.done >= facts.statements.size())
        return;
    const auto& statement = facts.statements[flight.done];
    if (statement.kind != Kind::call && statement.kind != Kind::do_block)
        return;
    forget_names(facts);
    state_.apply(statement);
    state_.doubt_own_tables();
    state_.transaction_ended(true);
}

void PostgresSession::forget_names(const policies::statement::Facts& facts)
{
    if (!facts.opaque || !forgets_names())
        return;
    tracker_.statements().forget_settled();
    tracker_.portals().forget_settled();
    policies::statement::StatementFacts forget;
    forget.effects = {policies::statement::Deallocate{}, policies::statement::CloseCursor{}};
    state_.apply(forget);
}

void PostgresSession::apply_effects(Flight& flight, const pg::Frame& frame)
{
    const auto& facts = *flight.effects->facts;
    forget_names(facts);
    if (flight.done >= facts.statements.size())
        return;
    const auto& statement = facts.statements[flight.done];
    if (flight.again)
        return state_.foresee(statement);
    const auto complete = pg::decode_command_complete(frame);
    const bool commits = statement.kind == Kind::commit || statement.kind == Kind::prepare_transaction;
    if (commits && complete && complete->tag == "ROLLBACK")
        state_.transaction_ended(false); // a failed transaction "commits" like this
    else
        state_.apply(statement);
}

void PostgresSession::forget_effects(Flight& flight)
{
    if (!flight.effects)
        return;
    flight.effects.reset();
    if (effects_in_flight_ > 0)
        --effects_in_flight_;
}

/// Nothing is outstanding: every effect took place, or never will.
void PostgresSession::forget_all_effects()
{
    for (auto number = flights_.begin(); number != flights_.end(); ++number)
        forget_effects(flights_.at(number));
    effects_in_flight_ = 0;
}

/// It never began: there is nothing to report.
void PostgresSession::discarded(Flight& flight)
{
    forget_effects(flight);
    unguard(flight);
    flight.reported = true;
}

void PostgresSession::report(Flight& flight, std::string_view sqlstate)
{
    forget_effects(flight);
    if (flight.reported || flight.statement == 0)
        return;
    flight.reported = true;
    report_outcome(flight.statement, flight.started_ns, flight.rows, sqlstate);
}

/// Puts messages of our own where the client can take them: between two of the server's.
void PostgresSession::inject(wire::View messages)
{
    if (server_scanner_.at_boundary())
        to_client(messages);
    else
        between_.insert(between_.end(), messages.begin(), messages.end());
}

} // namespace stepgate::proxy::session
