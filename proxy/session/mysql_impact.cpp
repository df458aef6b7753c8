#include "policies/mysql/user_variables.h"
#include "proxy/session/mysql_session.h"
#include "proxy/upstream/impact.h"

namespace stepgate::proxy::session
{

namespace my = protocols::mysql;
namespace mysql = policies::mysql;

namespace
{

constexpr std::size_t longest_text = 1 << 20; // that is explained

} // namespace

void MySqlSession::describe_session(upstream::ImpactRequest& request)
{
    request.settings = upstream::MySqlSettings{state_.version().mariadb, state_.database(),
                                               state_.sql_mode().value_or(""), state_.charset_name()};
    if (in_transaction())
        request.process = greeting_.thread;
    if ((state_.uncertain() || !state_.sql_mode()) && request.problem.empty())
        request.problem = "Only the server knows the session's settings.";
    for (auto& statement : request.statements) { // there is one
        const auto* prepared = executed();
        statement.values.resize(prepared == nullptr ? 0 : prepared->binding.parameters); // attributes stand behind them
        if (statement.why_not.empty())
            statement.why_not = keeps_from_planning_elsewhere(statement, prepared);
    }
}

/// What only this session has is not there in another one, or is something else.
std::string MySqlSession::keeps_from_planning_elsewhere(const upstream::ImpactStatement& statement,
                                                        const Tracker::Statement* prepared) const
{
    if (statement.asked_for_reads) // what is found for a key, and what a subquery gives, show in the plan and in errors
        return "This server reads rows as it plans: the plan would show some of the data that is asked about.";
    if (statement.sql.size() > longest_text)
        return "The statement is too long.";
    if (inspected_.command == my::Command::stmt_bulk_execute)
        return "It runs once for each of several rows of values.";
    if (prepared != nullptr && !has_settings_of(prepared->value))
        return "It was prepared under other settings.";
    if (state_.uncertain() || !mysql::user_variables(statement.sql, state_.reading(state_.modes().front())).empty())
        return "It uses variables, which only the session has.";
    return {};
}

} // namespace stepgate::proxy::session
