#include "policies/statement/secrets.h"
#include "protocols/postgres/query.h"
#include "proxy/session/postgres_session.h"

#include <algorithm>

namespace stepgate::proxy::session
{

namespace pg = protocols::postgres;
namespace challenges = challenge_web::challenges;
using policies::rules::Action;
using policies::statement::Kind;

namespace
{

/// Ends the batch that is held together, after it (Sync, Flush) or before it.
enum class Ends : std::uint8_t { no, after, before };

Ends ends_batch(const pg::Frame& frame)
{
    switch (static_cast<pg::Frontend>(frame.type)) {
    case pg::Frontend::parse:
    case pg::Frontend::bind:
    case pg::Frontend::describe:
    case pg::Frontend::execute:
    case pg::Frontend::close:
        return Ends::no;
    case pg::Frontend::sync:
    case pg::Frontend::flush:
        return Ends::after;
    case pg::Frontend::query:
    case pg::Frontend::copy_data:
    case pg::Frontend::copy_done:
    case pg::Frontend::copy_fail:
    case pg::Frontend::function_call:
    case pg::Frontend::password:
    case pg::Frontend::terminate:
        break;
    }
    return Ends::before;
}

bool controls_transaction(const policies::statement::StatementFacts& statement)
{
    return statement.kind == Kind::begin || statement.kind == Kind::commit || statement.kind == Kind::rollback ||
           statement.kind == Kind::savepoint || statement.kind == Kind::prepare_transaction;
}

std::vector<challenges::Parameter> parameters_of(const pg::ValueList& values,
                                                 const pg::IntegerList<std::int16_t>& formats,
                                                 const PreparedStatement& statement)
{
    std::vector<challenges::Parameter> parameters;
    std::size_t index = 0;
    for (const auto value : values) {
        challenges::Parameter parameter;
        if (value)
            parameter.value.emplace(wire::as_text(*value));
        if (!formats.empty())
            parameter.binary = formats[formats.size() == 1 ? 0 : std::min(index, formats.size() - 1)] == 1;
        if (index < statement.parameter_types.size())
            parameter.type_oid = statement.parameter_types[index];
        parameters.push_back(std::move(parameter));
        ++index;
    }
    return parameters;
}

StatementPointer find(const Plan& plan, std::string_view name)
{
    const auto found = std::find_if(plan.statements.rbegin(), plan.statements.rend(),
                                    [name](const auto& one) { return one.first == name; });
    return found == plan.statements.rend() ? StatementPointer{} : found->second;
}

} // namespace

bool changes_session(const policies::statement::Facts& facts)
{
    return std::ranges::any_of(facts.statements, [](const auto& statement) {
        return !statement.effects.empty() || controls_transaction(statement);
    });
}

/// Finds the end of the batch in `in_` and waits a little for what is still on its way: one challenge for all of it.
net::Task<void> PostgresSession::collect()
{
    const pg::MessageFramer framer{pg::Side::frontend, worker_.shared.options.limits.message};
    const auto latest = worker_.now + worker_.shared.options.hold.collect;
    held_ = 0;
    for (;;) {
        const auto framed = framer.next(in_.data().subspan(held_));
        if (const auto* frame = std::get_if<pg::Frame>(&framed)) {
            const auto ends = ends_batch(*frame);
            if (ends != Ends::before || held_ == 0) // the first is what is held, whatever it is
                held_ += frame->bytes.size();
            if (ends != Ends::no)
                co_return;
            continue;
        }
        worker_.look_at_clocks();
        if (std::holds_alternative<pg::errc>(framed) || worker_.now >= latest || stopping_ || client_closed_)
            co_return;
        co_await signal_.wait_until(latest);
    }
}

Plan PostgresSession::make_plan()
{
    const pg::MessageFramer framer{pg::Side::frontend, worker_.shared.options.limits.message};
    Plan plan;
    bool changing = false; // the state in which what comes later must be judged is not there yet
    std::size_t planned = 0;
    for (wire::View left = in_.data().first(held_); !left.empty();) {
        const auto framed = framer.next(left);
        const auto* frame = std::get_if<pg::Frame>(&framed);
        plan.frames.push_back({});
        if (frame == nullptr || !plan_frame(plan, *frame)) {
            plan.frames.pop_back(); // malformed: the relay finds out, and nothing behind it is released
            break;
        }
        plan.frames.back().bytes = frame->bytes.size();
        left = left.subspan(frame->bytes.size());
        planned += frame->bytes.size();
        if (plan.frames.back().execution)
            changing = changing || changes_session(*plan.executions.back().statement->facts->facts);
        if (changing && frame->is(pg::Frontend::execute)) {
            held_ = planned; // the rest is judged when this has run
            break;
        }
    }
    for (const auto& execution : plan.executions)
        plan.verdict = join(std::move(plan.verdict), execution.verdict);
    return plan;
}

bool PostgresSession::plan_frame(Plan& plan, const pg::Frame& frame)
{
    if (frame.is(pg::Frontend::query)) {
        const auto query = pg::decode_query(frame);
        if (!query)
            return false;
        StatementPointer statement{new PreparedStatement};
        statement->sql.assign(query->sql);
        plan_execution(plan, std::move(statement), nullptr);
    } else if (frame.is(pg::Frontend::function_call)) {
        return plan_function_call(plan, frame);
    } else if (frame.is(pg::Frontend::parse)) {
        const auto parse = pg::decode_parse(frame);
        if (!parse)
            return false;
        auto statement = prepared(*parse);
        if (may_run_when_prepared()) {
            refresh(*statement);
            if (must_hold_to_prepare(*statement))
                plan_execution(plan, statement, nullptr);
        }
        plan.statements.emplace_back(parse->statement, std::move(statement));
    } else if (frame.is(pg::Frontend::bind)) {
        const auto bind = pg::decode_bind(frame);
        if (!bind)
            return false;
        auto statement = find(plan, bind->statement);
        const auto* known = tracker_.statements().find(bind->statement);
        if (!statement && known != nullptr)
            statement = *known;
        if (!statement)
            statement = unknown("EXECUTE ", bind->statement);
        plan_execution(plan, std::move(statement), &*bind);
        plan.portals.emplace_back(bind->portal);
    } else if (frame.is(pg::Frontend::execute)) {
        const auto execute = pg::decode_execute(frame);
        if (!execute)
            return false;
        if (std::ranges::find(plan.portals, execute->portal) != plan.portals.end())
            return true; // judged at its Bind, which is part of this batch
        const auto* portal = tracker_.portals().find(execute->portal);
        if (portal != nullptr && portal->statement && !must_judge(*portal) && !may_mean_otherwise(*portal))
            return true;
        plan_execution(plan,
                       portal != nullptr && portal->statement ? portal->statement
                                                              : unknown("FETCH ALL FROM ", execute->portal),
                       nullptr);
    }
    return true;
}

void PostgresSession::plan_execution(Plan& plan, StatementPointer statement, const pg::Bind* bind)
{
    if (bind != nullptr)
        statement = as_bound(std::move(statement), *bind);
    else
        refresh(*statement);
    PlannedExecution execution;
    execution.verdict = verdict_on(*statement->facts, statement->sql);
    if (bind != nullptr)
        execution.parameters = parameters_of(bind->parameters, bind->parameter_formats, *statement);
    execution.statement = std::move(statement);
    add_settings(execution);
    plan.frames.back().execution = plan.executions.size();
    plan.executions.push_back(std::move(execution));
}

/// What the session set, with which the text means something else or other rows: part of what is approved. Another
/// session, where the statement may be run again, may have begun with others.
void PostgresSession::add_settings(PlannedExecution& execution) const
{
    const auto asks = [](const auto& one) {
        return std::ranges::find(one.calls, "pg_catalog.current_setting") != one.calls.end();
    };
    const bool custom = std::ranges::any_of(execution.statement->facts->facts->statements, asks);
    for (auto& [name, value, change] : state_.settings().in_force(runs_it_again(), custom)) {
        const std::string number = " (" + id_ + "." + std::to_string(change) + ")";
        if (name == "datestyle") // SET changes one half of it
            execution.premises.push_back({"DateStyle", std::string{tracker_.parameters().find("DateStyle")}});
        else if (!value)
            execution.premises.push_back({name, "known to the server only" + number});
        else if (policies::statement::names_secret(name))
            execution.premises.push_back({name, "was set" + number});
        else
            execution.premises.push_back({name, *value});
    }
}

bool PostgresSession::plan_function_call(Plan& plan, const pg::Frame& frame)
{
    const auto call = pg::decode_function_call(frame);
    if (!call)
        return false;
    PlannedExecution execution;
    execution.statement = called_by_number(*call);
    execution.verdict = verdict_on_call(*execution.statement);
    execution.parameters = parameters_of(call->arguments, call->argument_formats, *execution.statement);
    plan.frames.back().execution = plan.executions.size();
    plan.executions.push_back(std::move(execution));
    return true;
}

HeldBatch PostgresSession::batch_of(const Plan& plan)
{
    HeldBatch batch{plan.verdict, {}};
    for (const auto& execution : plan.executions)
        batch.executions.push_back({execution.statement->sql, execution.statement->facts, &execution.parameters,
                                    &execution.premises, execution.number});
    return batch;
}

/// The batch's executions get their numbers and their records. False: the audit cannot take them now; call again.
bool PostgresSession::audit_held(std::string_view action)
{
    if (!report_late())
        return false;
    for (auto& execution : plan_->executions) {
        if (execution.tag != 0)
            continue;
        Flight flight;
        flight.statement = statements_ + 1;
        flight.approved = true; // it departs only if a person says so
        const auto& statement = *execution.statement;
        if (!audit_statement(flight.statement, statement.sql, *statement.facts, execution.verdict, action))
            return false;
        ++statements_;
        execution.number = flight.statement;
        execution.tag = flights_.push(std::move(flight)) + 1;
    }
    for (auto& frame : plan_->frames)
        if (frame.execution)
            frame.tag = plan_->executions[*frame.execution].tag;
    return true;
}

} // namespace stepgate::proxy::session
