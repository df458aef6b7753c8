#include "policies/postgres/redact.h"
#include "proxy/session/postgres_session.h"

namespace stepgate::proxy::session
{

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
std::string table_names(const policies::rules::MatchedFacts& facts)
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

audit::Record PostgresSession::record(audit::Type type) const
{
    audit::Record made{type, worker_.wall(), id_, asker_.user, {}};
    made.fields.emplace_back("listener", listening_->options.name);
    made.fields.emplace_back("client_address", address_);
    return made;
}

bool PostgresSession::record_start(const ClientStartup& startup)
{
    auto start = record(audit::Type::session_start);
    start.fields.emplace_back("number", static_cast<std::int64_t>(number_));
    start.fields.emplace_back("database", asker_.database);
    start.fields.emplace_back("role", asker_.role);
    start.fields.emplace_back("application_name", startup.application_name);
    start.fields.emplace_back("tls", std::string{client_.tls_version()});
    if (!startup.needs_rule.empty()) {
        start.fields.emplace_back("startup_keys", startup.needs_rule);
        start.fields.emplace_back("startup_rules", startup_rules_);
    }
    const bool own_users = listening_->options.authentication == Authentication::proxy;
    start.fields.emplace_back("auth", std::string{own_users ? "proxy" : "passthrough"});
    return worker_.shared.services.audit->submit(std::move(start));
}

void PostgresSession::record_end()
{
    auto end = record(audit::Type::session_end);
    end.fields.emplace_back("number", static_cast<std::int64_t>(number_));
    end.fields.emplace_back("reason", end_reason_);
    end.fields.emplace_back("statements", static_cast<std::int64_t>(statements_));
    const auto lasted = std::chrono::duration_cast<std::chrono::milliseconds>(worker_.now - since_);
    end.fields.emplace_back("duration_ms", static_cast<std::int64_t>(lasted.count()));
    (void)worker_.shared.services.audit->submit(std::move(end)); // a full queue cannot keep a client from leaving
}

void PostgresSession::audit_protocol_error(std::string_view what)
{
    worker_.metrics.protocol_errors.add();
    auto error = record(audit::Type::protocol_error);
    error.fields.emplace_back("number", static_cast<std::int64_t>(number_));
    error.fields.emplace_back("error", std::string{what});
    (void)worker_.shared.services.audit->submit(std::move(error)); // the connection ends either way
}

bool PostgresSession::audit_statement(const Flight& flight, const PreparedStatement& statement,
                                      const policies::rules::Verdict& verdict, std::string_view action)
{
    const auto& facts = *statement.facts;
    audit::StatementEvent event;
    event.at_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(worker_.wall().time_since_epoch()).count();
    event.session = number_;
    event.statement = flight.statement;
    event.action = action;
    event.text = statement.sql;
    event.shape = facts.shape;

    // One statement without labels or rules, as nearly all are, needs no memory here.
    std::string redacted, rules, labels, kinds, tables;
    if (worker_.judge.sensitive(facts, statement.sql)) {
        const auto& key = worker_.shared.services.audit->redaction_key();
        redacted = policies::postgres::redact(statement.sql, std::as_bytes(std::span{key}));
        event.text = redacted;
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

} // namespace stepgate::proxy::session
