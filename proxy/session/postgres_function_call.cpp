#include "policies/rules/permissions.h"
#include "proxy/session/postgres_session.h"

#include <algorithm>
#include <array>

namespace stepgate::proxy::session
{

namespace pg = protocols::postgres;
namespace facts = policies::statement;
using policies::rules::MatchedFacts;

namespace
{

struct BuiltIn {
    std::uint32_t oid;
    std::string_view name;
};
// What libpq itself calls by number: large objects. Numbers of built-in functions never change (pg_proc.dat).
constexpr std::array<BuiltIn, 13> large_objects{{
    {715, "lo_create"},
    {952, "lo_open"},
    {953, "lo_close"},
    {954, "loread"},
    {955, "lowrite"},
    {956, "lo_lseek"},
    {957, "lo_creat"},
    {958, "lo_tell"},
    {964, "lo_unlink"},
    {1004, "lo_truncate"},
    {3170, "lo_lseek64"},
    {3171, "lo_tell64"},
    {3172, "lo_truncate64"},
}};

std::string argument_list(std::size_t count)
{
    std::string text{"("};
    for (std::size_t i = 1; i <= count; ++i)
        text += (i == 1 ? "$" : ", $") + std::to_string(i);
    return text + ")";
}

// The first words that make a text a replication command instead of SQL (the server's repl_scanner.l). The command is
// then the whole text: nothing can follow it.
constexpr std::array<std::string_view, 9> replication_commands{
    "alter_replication_slot", "base_backup",      "create_replication_slot",
    "drop_replication_slot",  "identify_system",  "read_replication_slot",
    "start_replication",      "timeline_history", "upload_manifest",
};

/// Lower case; "" if the text does not start with a plain word.
std::string first_word(std::string_view sql)
{
    const auto start = sql.find_first_not_of(" \t\n\r\f\v");
    if (start == std::string_view::npos)
        return {};
    std::string word;
    for (const char c : sql.substr(start)) {
        const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        if ((lower < 'a' || lower > 'z') && lower != '_')
            break;
        word.push_back(lower);
    }
    return word;
}

} // namespace

/// Facts of a text as this session's server reads it.
std::shared_ptr<const MatchedFacts> PostgresSession::facts_of(std::string_view sql)
{
    if (!replication_)
        return worker_.judge.facts(sql, state_, asker_.database, catalog_.view());
    auto word = first_word(sql);
    if (!std::ranges::binary_search(replication_commands, word))
        return worker_.judge.facts(sql, state_, asker_.database, catalog_.view());
    facts::StatementFacts command;
    command.kind = facts::Kind::other;
    command.calls.push_back("replication." + word); // so that a rule can name it
    facts::Facts made;
    made.parsed = true;
    made.statements.push_back(std::move(command));
    return worker_.judge.match(std::make_shared<const facts::Facts>(std::move(made)), asker_.database, catalog_.view());
}

/// The SQL that says the same as a FunctionCall. A function that has no name here is opaque.
StatementPointer PostgresSession::called_by_number(const pg::FunctionCall& call)
{
    StatementPointer statement{new PreparedStatement};
    const auto known = std::ranges::find(large_objects, call.function, &BuiltIn::oid);
    if (known != large_objects.end()) {
        statement->sql = "SELECT pg_catalog." + std::string{known->name} + argument_list(call.arguments.size());
        refresh(*statement);
        return statement;
    }
    const auto number = std::to_string(call.function);
    statement->sql = "FunctionCall " + number + argument_list(call.arguments.size());
    facts::StatementFacts one;
    one.kind = facts::Kind::call;
    facts::Facts made;
    made.opaque = true;
    made.opaque_reasons.push_back("calls function number " + number + ", whose name is not known");
    made.statements.push_back(std::move(one));
    statement->facts =
        worker_.judge.match(std::make_shared<const facts::Facts>(std::move(made)), asker_.database, catalog_.view());
    return statement;
}

/// Whether a call by number may be at all, and what the function does, together.
policies::rules::Verdict PostgresSession::verdict_on_call(const PreparedStatement& call) const
{
    const bool in_transaction = tracker_.transaction() != pg::Transaction::idle;
    auto verdict = policies::rules::function_call_verdict(worker_.judge.policy(), *call.facts, asker_, in_transaction,
                                                          worker_.wall());
    return join(std::move(verdict), verdict_on(*call.facts, call.sql));
}

PostgresSession::Step PostgresSession::inspect_function_call(const pg::Frame& frame, const PlannedFrame* planned)
{
    const auto call = pg::decode_function_call(frame);
    if (!call)
        return broken(call.error());
    if (tracker_.copy() == pg::Copy::in)
        return broken(make_error_code(pg::errc::unexpected_message));
    if (!planned && must_settle())
        return Step::settle;
    const auto statement = called_by_number(*call);
    pg::Tag tag = 0;
    if (planned) {
        tag = planned->tag;
    } else {
        const auto verdict = verdict_on_call(*statement);
        if (must_hold(verdict))
            return Step::hold;
        tag = begin_execution(*statement, verdict);
        if (tag == 0)
            return Step::slow;
    }
    depart(tag, statement, tracker_.function_call(tag).value_or(0), true, nullptr);
    return Step::forward;
}

} // namespace stepgate::proxy::session
