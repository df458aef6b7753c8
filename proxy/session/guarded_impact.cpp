#include "proxy/session/guarded_session.h"
#include "proxy/upstream/impact.h"

#include <algorithm>

namespace stepgate::proxy::session
{

using policies::rules::MatchedFacts;
using policies::statement::Kind;

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

upstream::CatalogSource source_of(const UpstreamOptions& server, const std::string& database)
{
    upstream::CatalogSource source;
    source.host = server.host;
    source.port = server.port;
    source.database = database;
    source.user = server.user;
    source.password = server.password;
    source.tls_mode = tls_mode_name(server.tls.mode);
    source.ca = server.tls.ca_file;
    source.certificate = server.tls.certificate_file;
    source.key = server.tls.key_file;
    source.connect_timeout = std::chrono::milliseconds{3000};
    source.statement_timeout = std::chrono::milliseconds{2000};
    return source;
}

bool can_be_planned(Kind kind)
{
    return kind == Kind::select || kind == Kind::insert || kind == Kind::update || kind == Kind::delete_rows ||
           kind == Kind::merge;
}

/// It reads what is labelled, or what a rule names.
bool asks_for_reads(const policies::rules::MatchedFacts& matched)
{
    const auto& rules = matched.policy->rules();
    const bool asks =
        std::ranges::any_of(matched.candidates, [&rules](auto i) { return rules[i].facts.reads.has_value(); });
    return asks || std::ranges::any_of(matched.statements, [](const auto& one) {
               return std::ranges::any_of(one.reads, [](const auto& labels) { return !labels.empty(); });
           });
}

upstream::ImpactStatement statement_of(const HeldExecution& execution)
{
    upstream::ImpactStatement statement;
    statement.sql = execution.sql;
    for (const auto& value : *execution.parameters)
        statement.values.push_back({value.value, value.binary, value.type_oid});
    statement.asked_for_reads = asks_for_reads(*execution.facts);
    const auto& all = execution.facts->facts->statements;
    for (const auto& one : all) {
        const bool empties = one.kind == Kind::truncate || (one.kind == Kind::drop && one.object == "table");
        for (const auto& write : one.writes) {
            if (empties && all.size() == 1)
                statement.empties.push_back(write.table);
            else if (one.does(Kind::delete_rows))
                statement.deletes.push_back(write.table);
        }
        for (const auto* accesses : {&one.reads, &one.writes})
            for (const auto& access : *accesses)
                statement.touches.push_back(access.table);
    }
    return statement;
}

} // namespace

/// Planning evaluates functions: those of users must not run before somebody said yes.
std::string GuardedSession::keeps_from_planning(const MatchedFacts& matched) const
{
    const auto& facts = *matched.facts;
    if (facts.opaque)
        return "The statement is not fully understood, so planning it could run code of users.";
    if (facts.statements.size() != 1)
        return "The message holds several statements.";
    if (!can_be_planned(facts.statements.front().kind))
        return "There is no plan of a statement of this kind.";
    if (!std::ranges::all_of(facts.statements.front().calls,
                             [this](const std::string& call) { return is_servers_function(call); }))
        return "It calls a function that is not the server's own, and planning could run it.";
    if (!matched.view.catalog)
        return "The server's catalogs are not known, so planning it could run code of users behind a view.";
    return {};
}

/// What the held statements would do, asked on the side: the answer may come before the person's, or not.
void GuardedSession::ask_impact(const HeldBatch& batch, const Opened& opened)
{
    const auto& services = worker_.shared.services;
    if (!services.estimate_impact)
        return;
    const auto& options = listening_->options;
    upstream::ImpactRequest request;
    request.server = source_of(options.upstream, asker_.database);
    if (options.authentication == Authentication::passthrough)
        request.problem = "This listener has no account of its own to ask the server with.";
    for (const auto& execution : batch.executions) {
        auto statement = statement_of(execution);
        statement.why_not = keeps_from_planning(*execution.facts);
        if (std::ranges::any_of(statement.touches, [this](const std::string& table) { return is_temporary(table); })) {
            statement.why_not = "It uses a temporary table, which only the session has.";
            statement.deletes.clear(); // others have one of that name, or none
            statement.empties.clear();
        }
        request.statements.push_back(std::move(statement));
    }
    describe_session(request);
    services.estimate_impact(opened.id, std::move(request));
}

} // namespace stepgate::proxy::session
