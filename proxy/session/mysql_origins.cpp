#include "policies/sensitivity/label_index.h"
#include "protocols/mysql/column.h"
#include "proxy/session/mysql_session.h"
#include "proxy/session/origins.h"

#include <boost/algorithm/string/case_conv.hpp>

#include <algorithm>
#include <utility>

// The second line of defence: column definitions name the table and the column that a value comes from. Servers can be
// made to name others (a subquery that is kept), so they raise suspicion and clear nothing. A result with a labelled
// column that its text did not show is not passed on; the text is judged with that read from then on, so that it is
// held in front when it is run again.

namespace stepgate::proxy::session
{

namespace my = protocols::mysql;
using policies::rules::Action;

std::string MySqlSession::learned_as() const
{
    return asker_.listener + '\n' + state_.database() + '\n' + inspected_.sql;
}

MySqlSession::Facts MySqlSession::with_learned(Facts facts) const
{
    if (!worker_.shared.learned.any())
        return facts;
    const auto reads = worker_.shared.learned.find(learned_as());
    return reads.empty() ? facts : with_reads(worker_.judge, *facts, 0, reads, asker_.database);
}

/// Whether results of what was inspected are looked at: not where a person said yes.
bool MySqlSession::watches_result() const
{
    return inspected_.facts && inspected_.verdict.action < Action::challenge &&
           listening_->options.mode == Mode::enforce && !worker_.judge.policy().label_index().empty();
}

/// A column of a result that is for the client.
void MySqlSession::on_column(wire::View definition)
{
    if (is_seen(definition))
        return;
    const auto column = my::decode_column(definition, tracker_->capabilities());
    if (!column)
        fatal_ = column.error();
    else if (is_labelled(*column))
        on_labelled_column();
    else
        note_seen(definition);
}

/// The server leaves out what it has said of a prepared statement's columns: they count as if they were here.
void MySqlSession::on_known_columns()
{
    auto& statement = *tracker_->answering_execution();
    auto& prepared = statement.value;
    const auto& description = statement.description;
    flight_.known_columns = true;
    if (prepared.kept_back == description.version) { // the client could not read the rows
        withheld_ = columns_not_told();
        flight_.withheld = prepared.withheld = true;
        return;
    }
    if (!flight_.watched || (prepared.harmless == inspected_.facts && prepared.harmless_version == description.version))
        return;
    for (const auto& column : description.columns)
        on_column(column);
    if (!flight_.labelled) {
        prepared.harmless = inspected_.facts;
        prepared.harmless_version = description.version;
    }
}

/// Programs ask the same again and again.
bool MySqlSession::is_seen(wire::View definition) const
{
    return std::ranges::any_of(seen_columns_, [&](const SeenColumn& seen) {
        return seen.facts == inspected_.facts && std::ranges::equal(seen.definition, definition);
    });
}

void MySqlSession::note_seen(wire::View definition)
{
    auto& seen = seen_columns_[next_seen_++ % seen_columns_.size()];
    seen.facts = inspected_.facts;
    seen.definition.assign(definition.begin(), definition.end());
}

/// A labelled column of a table, and the text does not show that it is read.
bool MySqlSession::is_labelled(const my::Column& column)
{
    if (column.schema.empty() || column.original_table.empty() || column.original_name.empty())
        return false; // an expression
    const auto& facts = *inspected_.facts;
    origin_.assign(column.schema).append(".").append(column.original_table);
    origin_column_ = column.original_name;
    std::erase(origin_, '\0'); // of UTF-16 and UTF-32, which character_set_results may be
    std::erase(origin_column_, '\0');
    if (origin_ == "*any*.json_table")
        return false; // MariaDB's name for what JSON_TABLE makes
    boost::algorithm::to_lower(origin_column_, std::locale::classic());
    if (facts.view.catalog && facts.view.catalog->contents().mysql.folds_names)
        boost::algorithm::to_lower(origin_, std::locale::classic());
    const auto& labels = worker_.judge.policy().label_index();
    return !shows(*facts.facts, origin_, origin_column_) &&
           !labels.of({origin_, true, {origin_column_}}, asker_.database, facts.view).empty();
}

void MySqlSession::on_labelled_column()
{
    if (!std::exchange(flight_.labelled, true))
        origins_.clear();
    add_read(origins_, origin_, origin_column_);
    const auto facts = with_reads(worker_.judge, *inspected_.facts, 0, origins_, asker_.database);
    const auto verdict = worker_.judge.verdict(*facts, inspected_.sql, asker_, in_transaction(), worker_.wall());
    if (verdict.action < Action::challenge)
        return;
    worker_.shared.learned.learn(learned_as(), origins_);
    if (std::exchange(flight_.withheld, true))
        return; // it is one column more
    withheld_ = rows_withheld(verdict, describe(origins_));
    worker_.metrics.statements_denied.add();
    const bool noted = audit_statement(statements_ + 1, inspected_.sql, *facts, verdict, to_string(Action::deny));
    statements_ += noted ? 1 : 0;
    log(LogLevel::warning, withheld_.message);
    if (auto* prepared = executed())
        prepared->value.withheld = true;
}

} // namespace stepgate::proxy::session
