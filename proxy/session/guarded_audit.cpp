#include "proxy/session/guarded_session.h"
#include "proxy/session/redaction.h"

#include <algorithm>

namespace stepgate::proxy::session
{

using policies::rules::Action;
using policies::rules::MatchedFacts;
using policies::rules::Verdict;

namespace
{

template <class Strings>
std::string comma_joined(const Strings& strings)
{
    std::string joined;
    for (const auto& one : strings) {
        if (!joined.empty())
            joined += ',';
        joined += one;
    }
    return joined;
}

/// The names that a reviewer may ask for: of tables with labels, and of those that lose data.
std::string table_names(const MatchedFacts& facts)
{
    std::string joined;
    const auto add = [&joined](const std::vector<policies::statement::TableAccess>& accesses) {
        for (const auto& access : accesses) {
            if (!joined.empty())
                joined += ',';
            joined += access.table;
        }
    };
    for (const auto& statement : facts.facts->statements) {
        add(statement.reads);
        add(statement.writes);
    }
    return joined;
}

std::string kind_names(const policies::statement::Facts& facts)
{
    std::string joined;
    for (const auto& statement : facts.statements) {
        if (!joined.empty())
            joined += ',';
        joined += to_string(statement.kind);
    }
    return joined;
}

} // namespace

audit::Record GuardedSession::record(audit::Type type) const
{
    audit::Record made{type, worker_.wall(), id_, asker_.user, {}};
    made.fields.emplace_back("listener", listening_->options.name);
    made.fields.emplace_back("client_address", address_);
    return made;
}

/// From here on it hears what becomes of its user. What was changed while the client logged in is looked up.
std::optional<Rejected> GuardedSession::enter_list()
{
    const auto& services = worker_.shared.services;
    if (services.live_sessions != nullptr)
        services.live_sessions->add({id_, asker_.user, asker_.listener, std::string{dialect()}, asker_.database,
                                     asker_.role, address_, asker_.application_name, worker_.wall()},
                                    worker_.io.get_executor(), weak_from_this());
    const auto known = services.find_user ? services.find_user(asker_.user) : std::nullopt;
    if (known && known->disabled)
        return Rejected{Rejected::Kind::login, "28000", "user \"" + asker_.user + "\" is disabled in stepgate"};
    if (known)
        asker_.groups = known->groups;
    return std::nullopt;
}

/// The session's first record.
std::optional<Rejected> GuardedSession::enter_audit(std::vector<audit::Field> more)
{
    if (auto refused = enter_list())
        return refused;
    auto start = record(audit::Type::session_start);
    start.fields.emplace_back("number", static_cast<std::int64_t>(number_));
    start.fields.emplace_back("database", asker_.database);
    start.fields.emplace_back("role", asker_.role);
    start.fields.emplace_back("application_name", asker_.application_name);
    start.fields.emplace_back("tls", std::string{client_.tls_version()});
    std::ranges::move(more, std::back_inserter(start.fields));
    const bool own_users = listening_->options.authentication == Authentication::proxy;
    start.fields.emplace_back("auth", std::string{own_users ? "proxy" : "passthrough"});
    if (worker_.shared.services.audit->submit(std::move(start))) {
        worker_.shared.services.challenges->session_started(asker_.user, address_, worker_.wall());
        return std::nullopt;
    }
    return Rejected{Rejected::Kind::refused, "58030", "the audit journal cannot be written: no sessions until it can"};
}

void GuardedSession::record_end()
{
    auto end = record(audit::Type::session_end);
    end.fields.emplace_back("number", static_cast<std::int64_t>(number_));
    end.fields.emplace_back("reason", end_reason_);
    end.fields.emplace_back("statements", static_cast<std::int64_t>(statements_));
    const auto lasted = std::chrono::duration_cast<std::chrono::milliseconds>(worker_.now - since_);
    end.fields.emplace_back("duration_ms", static_cast<std::int64_t>(lasted.count()));
    (void)worker_.shared.services.audit->submit(std::move(end)); // a full queue cannot keep a client from leaving
}

void GuardedSession::audit_protocol_error(std::string_view what)
{
    worker_.metrics.protocol_errors.add();
    auto error = record(audit::Type::protocol_error);
    error.fields.emplace_back("number", static_cast<std::int64_t>(number_));
    error.fields.emplace_back("error", std::string{what});
    (void)worker_.shared.services.audit->submit(std::move(error)); // nothing is forwarded either way
}

bool GuardedSession::audit_statement(std::uint64_t number, std::string_view sql, const MatchedFacts& facts,
                                     const Verdict& verdict, std::string_view action)
{
    audit::StatementEvent event;
    event.at_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(worker_.wall().time_since_epoch()).count();
    event.session = number_;
    event.statement = number;
    event.action = action;
    event.text = sql;
    event.shape = facts.shape;

    // One statement without labels or rules, as nearly all are, needs no memory here.
    std::string hidden, rules, labels, kinds, tables;
    if (worker_.judge.sensitive(facts, sql)) {
        const auto& key = worker_.shared.services.audit->redaction_key();
        hidden = redacted_text(dialect(), sql, std::as_bytes(std::span{key}));
        event.text = hidden;
        event.redacted = true;
    }
    if (facts.facts->statements.size() == 1)
        event.kinds = to_string(facts.facts->statements.front().kind);
    else
        event.kinds = kinds = kind_names(*facts.facts);
    if (!verdict.rules.empty())
        event.rules = rules = comma_joined(verdict.rules);
    if (!verdict.labels.empty())
        event.labels = labels = comma_joined(verdict.labels);
    if (!verdict.rules.empty() || !verdict.labels.empty())
        event.tables = tables = table_names(facts);
    return worker_.lane->writable(event.text.size() + event.tables.size()) && worker_.lane->statement(event);
}

void GuardedSession::report_outcome(std::uint64_t statement, std::int64_t started_ns, std::int64_t rows,
                                    std::string_view sqlstate)
{
    audit::OutcomeEvent outcome;
    outcome.at_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(worker_.wall().time_since_epoch()).count();
    outcome.session = number_;
    outcome.statement = statement;
    outcome.answer.duration_ns = worker_.now.time_since_epoch().count() - started_ns;
    outcome.answer.rows = rows;
    std::copy_n(sqlstate.begin(), std::min<std::size_t>(sqlstate.size(), 5), outcome.answer.sqlstate);
    if (!unreported_.empty() || !worker_.lane->outcome(outcome))
        unreported_.push_back(outcome); // statements wait until these are taken
}

/// Outcomes that the audit had no room for. False: it still has none.
bool GuardedSession::report_late()
{
    while (!unreported_.empty()) {
        if (!worker_.lane->outcome(unreported_.front()))
            return false;
        unreported_.erase(unreported_.begin());
    }
    return true;
}

bool GuardedSession::must_hold(const Verdict& verdict) const
{
    return verdict.action >= Action::challenge && listening_->options.mode == Mode::enforce;
}

/// What the audit calls a verdict on a statement that goes on: stricter ones do only where the listener observes.
std::string_view GuardedSession::action_observed(const Verdict& verdict)
{
    if (verdict.action == Action::challenge)
        return "observe:challenge";
    if (verdict.action == Action::deny)
        return "observe:deny";
    return to_string(verdict.action);
}

void GuardedSession::count(const Verdict& verdict)
{
    switch (verdict.action) {
    case Action::allow:
        worker_.metrics.statements_allowed.add();
        break;
    case Action::notify:
        worker_.metrics.statements_notified.add();
        break;
    case Action::challenge:
        worker_.metrics.statements_challenged.add();
        break;
    case Action::deny:
        worker_.metrics.statements_denied.add();
        break;
    }
}

/// True: the audit may have room now. False: it does not work.
net::Task<bool> GuardedSession::wait_for_room()
{
    if (!worker_.shared.services.audit->healthy())
        co_return false;
    worker_.look_at_clocks();
    co_await signal_.wait_until(worker_.now + std::chrono::milliseconds{5});
    co_return !stopping_ && !server_ended_;
}

/// `write` says whether the audit had room. False: it does not work.
net::Task<bool> GuardedSession::wait_to_write(std::function<bool()> write)
{
    while (!write()) {
        const bool works = co_await wait_for_room();
        if (!works)
            co_return false;
    }
    co_return true;
}

} // namespace stepgate::proxy::session
