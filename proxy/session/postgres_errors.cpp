#include "proxy/session/postgres_session.h"

// A row that breaks a constraint stands in the error's detail, whole and as it was before ("Failing row contains ..",
// "Key (..)=(..) already exists"), whatever columns the statement named. Who may not read the table's labelled columns
// without being asked gets the error without its detail. So do the trees of queries that the server shows when
// debug_print_plan and its like are on (PostgreSQL documentation, 20.8.3): they have every value in them, also those of
// what runs by itself, as a foreign key's cascade.

namespace stepgate::proxy::session
{

namespace pg = protocols::postgres;
using policies::rules::Action;
using policies::statement::TableAccess;

namespace
{

constexpr std::string_view withheld =
    "stepgate does not show it: it may hold values of labelled columns. To read the row, "
    "select it.";

constexpr std::string_view withheld_tree =
    "stepgate does not show it: it may hold values of labelled columns. EXPLAIN shows the plan of a statement.";

/// Their titles are never translated.
bool shows_a_tree(const pg::Report& notice)
{
    return notice.severity == "LOG" && (notice.message == "plan:" || notice.message.ends_with("parse tree:"));
}

/// Integrity constraints (class 23), and views WITH CHECK OPTION.
bool shows_rows(std::string_view sqlstate)
{
    return sqlstate.starts_with("23") || sqlstate == "44000";
}

} // namespace

bool PostgresSession::withholds_values() const
{
    return listening_->options.mode == Mode::enforce && !worker_.judge.policy().label_index().empty();
}

/// True: the client gets `rewritten_` instead.
bool PostgresSession::rewrites_notice(const pg::Frame& notice)
{
    if (!withholds_values())
        return false;
    const auto report = pg::decode_report(notice);
    if (report && !shows_a_tree(*report))
        return false;
    rewritten_.clear();
    const std::string_view title = report ? report->message : "a message that cannot be read";
    pg::encode_notice(rewritten_, {"LOG", "00000", title, withheld_tree});
    return true;
}

/// True: the client gets `rewritten_` instead.
bool PostgresSession::rewrites_error(pg::Tag tag, const pg::Frame& error)
{
    if (!withholds_values() || rows_ != Rows::flow)
        return false;
    const auto report = pg::decode_report(error);
    if (!report || report->detail.empty() || !shows_rows(report->code))
        return false;
    auto rows = shown_by(*report, tag);
    if (!rows.empty() && may_see(std::move(rows)))
        return false;
    rewritten_.clear();
    return pg::encode_with_detail(rewritten_, error, withheld).has_value();
}

/// Rows of which table. Empty: of one that is not known.
std::vector<TableAccess> PostgresSession::shown_by(const pg::Report& error, pg::Tag tag)
{
    if (!error.table.empty()) {
        TableAccess row{std::string{error.schema}.append(1, '.').append(error.table), true, {}};
        const auto& catalog = catalog_.view().catalog;
        const auto* relation = catalog ? catalog->relation(error.schema, error.table) : nullptr;
        if (relation == nullptr)
            row.columns.emplace_back("*");
        else
            for (const auto& column : relation->columns)
                row.columns.push_back(column.name);
        return {std::move(row)};
    }
    const auto* flight = flight_of(tag); // the error names a view without its schema
    if (flight == nullptr || !flight->asked || flight->asked->facts->facts->opaque)
        return {};
    std::vector<TableAccess> rows;
    for (const auto& statement : flight->asked->facts->facts->statements)
        for (const auto& access : statement.writes)
            rows.push_back({access.table, access.schema_known, {"*"}});
    return rows;
}

/// The policy lets this session read such rows unasked, or a proof was given for that a while ago.
bool PostgresSession::may_see(std::vector<TableAccess> rows)
{
    policies::statement::Facts reading;
    reading.parsed = true;
    reading.statements.emplace_back();
    reading.statements.back().kind = policies::statement::Kind::select;
    reading.statements.back().reads = std::move(rows);
    PlannedExecution execution;
    execution.statement = new PreparedStatement;
    execution.statement->facts = worker_.judge.match(
        std::make_shared<const policies::statement::Facts>(std::move(reading)), asker_.database, catalog_.view());
    execution.verdict = verdict_on(*execution.statement->facts, {});
    Plan plan;
    plan.verdict = execution.verdict;
    plan.executions.push_back(std::move(execution));
    if (plan.verdict.action < Action::challenge)
        return true;
    return plan.verdict.action == Action::challenge &&
           worker_.shared.services.challenges->elevated(question(batch_of(plan)), worker_.wall()).has_value();
}

} // namespace stepgate::proxy::session
