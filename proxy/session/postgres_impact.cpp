#include "proxy/session/postgres_session.h"
#include "proxy/upstream/impact.h"

#include <algorithm>

namespace stepgate::proxy::session
{

using policies::rules::MatchedFacts;
using policies::statement::Kind;
using policies::statement::StatementFacts;

namespace
{

std::string_view tls_mode_name(net::ClientTlsMode mode)
{
    switch (mode) {
    case net::ClientTlsMode::disable:
        return "disable";
    case net::ClientTlsMode::require:
        return "require";
    case net::ClientTlsMode::verify_ca:
        return "verify-ca";
    case net::ClientTlsMode::verify_full:
        break;
    }
    return "verify-full";
}

bool can_be_planned(Kind kind)
{
    return kind == Kind::select || kind == Kind::insert || kind == Kind::update || kind == Kind::delete_rows ||
           kind == Kind::merge;
}

/// Planning folds functions: those of users must not run before somebody said yes.
bool calls_users_code(const StatementFacts& facts)
{
    return std::ranges::any_of(facts.calls, [](const std::string& call) { return !call.starts_with("pg_catalog."); });
}

std::string why_not(const MatchedFacts& matched)
{
    const auto& facts = *matched.facts;
    if (facts.opaque)
        return "The statement is not fully understood, so planning it could run code of users.";
    if (facts.statements.size() != 1)
        return "The message holds several statements.";
    const auto& one = facts.statements.front();
    if (!can_be_planned(one.kind))
        return "There is no plan of a statement of this kind.";
    if (calls_users_code(one))
        return "It calls a function that is not the server's own, and planning could run it.";
    if (!matched.view.catalog)
        return "The server's catalogs are not known, so planning it could run code of users behind a view.";
    return {};
}

} // namespace

/// What the held statements would do, asked on the side: the answer may come before the person's, or not.
void PostgresSession::ask_impact(const Opened& opened)
{
    const auto& services = worker_.shared.services;
    if (!services.estimate_impact)
        return;
    const auto& options = listening_->options;
    upstream::ImpactRequest request;
    const auto& server = options.upstream;
    request.server.host = server.host;
    request.server.port = server.port;
    request.server.database = asker_.database;
    request.server.user = server.user;
    request.server.password = server.password;
    request.server.tls_mode = tls_mode_name(server.tls.mode);
    request.server.ca = server.tls.ca_file;
    request.server.certificate = server.tls.certificate_file;
    request.server.key = server.tls.key_file;
    request.server.connect_timeout = std::chrono::milliseconds{3000};
    request.server.statement_timeout = std::chrono::milliseconds{2000};
    request.search_path = state_.search_path();
    if (tracker_.transaction() != protocols::postgres::Transaction::idle)
        request.process = greeting_.process;
    if (options.authentication == Authentication::passthrough)
        request.problem = "This listener has no account of its own to ask the server with.";
    else if (!state_.search_path_known())
        request.problem = "Only the server knows the session's search path.";
    for (const auto& execution : plan_->executions)
        request.statements.push_back(impact_of(execution));
    services.estimate_impact(opened.id, std::move(request));
}

upstream::ImpactStatement PostgresSession::impact_of(const PlannedExecution& execution)
{
    const auto& matched = *execution.statement->facts;
    upstream::ImpactStatement statement;
    statement.sql = execution.statement->sql;
    statement.why_not = why_not(matched);
    for (const auto& value : execution.parameters)
        statement.values.push_back({value.value, value.binary, value.type_oid});
    for (const auto& one : matched.facts->statements) {
        const bool empties = one.kind == Kind::truncate || (one.kind == Kind::drop && one.object == "table");
        for (const auto& write : one.writes) {
            if (empties && matched.facts->statements.size() == 1)
                statement.empties.push_back(write.table);
            else if (one.does(Kind::delete_rows))
                statement.deletes.push_back(write.table);
        }
    }
    return statement;
}

} // namespace stepgate::proxy::session
