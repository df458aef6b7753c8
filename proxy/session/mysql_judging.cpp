#include "policies/mysql/bound_text.h"
#include "policies/mysql/lexer.h"
#include "policies/mysql/servers_own.h"
#include "policies/statement/ascii.h"
#include "policies/statement/match_all.h"
#include "proxy/session/mysql_session.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace stepgate::proxy::session
{

namespace my = protocols::mysql;
namespace mysql = policies::mysql;
using policies::statement::Facts;
using policies::statement::Kind;
using policies::statement::StatementFacts;

namespace
{

// Binary texts come as they are; others in character_set_results, which may be UTF-16.
constexpr std::string_view state_question =
    "SELECT CAST(@@session.sql_mode AS BINARY), CAST(@@session.character_set_client AS BINARY),"
    " CAST(@@session.character_set_connection AS BINARY), CAST(DATABASE() AS BINARY) LIMIT 1";

/// A table that is read or changed; "" if there is none.
std::string table_behind_which_may_be_more(const Facts& facts)
{
    for (const auto& statement : facts.statements) {
        for (const auto* accesses : {&statement.reads, &statement.writes})
            for (const auto& access : *accesses)
                // What it defines need not be there before.
                if (!mysql::is_servers_own(access.table) &&
                    !(accesses == &statement.writes && changes_definitions(statement.kind)))
                    return access.table;
    }
    return {};
}

/// Whatever sql_mode and the character set are. White space before "(" matters to some.
bool reads_alike(std::string_view sql)
{
    char before = 0;
    return std::ranges::all_of(sql, [&before](char c) {
        const bool blank = c == ' ' || c == '\n';
        const bool name = policies::is_letter(c) || policies::is_digit(c) || c == '_';
        const bool mark = c == ')' || c == ',' || c == '@' || c == '*' || c == ';' || c == '=';
        const bool call = c == '(' && before != ' ' && before != '\n';
        before = c;
        return blank || name || mark || call;
    });
}

/// It reads no table, and how the statement before went at most: a question of ours in between would take that away.
bool asks_for_outcome(const StatementFacts& statement)
{
    using policies::statement::SetParameter;
    static constexpr std::string_view calls[] = {"found_rows", "last_insert_id", "row_count"};
    return (statement.kind == Kind::select || statement.kind == Kind::show) && statement.reads.empty() &&
           statement.writes.empty() && statement.inner.empty() &&
           std::ranges::all_of(statement.calls,
                               [](const auto& call) { return std::ranges::find(calls, call) != std::end(calls); }) &&
           std::ranges::all_of(statement.effects, [](const auto& effect) {
               const auto* const set = std::get_if<SetParameter>(&effect); // GET DIAGNOSTICS @m = MESSAGE_TEXT
               return set != nullptr && set->unknown && set->name.starts_with('@');
           });
}

std::optional<std::string> telling_literal(const my::Parameter& value)
{
    if (my::is_text(value))
        return mysql::telling_literal(wire::as_text(value.bytes));
    if (value.kind != my::Parameter::Kind::value)
        return std::nullopt;
    std::string written;
    my::append_text(written, value);
    return mysql::telling_literal(written);
}

} // namespace

/// The prepared statement that the command executes; null: none.
MySqlSession::Tracker::Statement* MySqlSession::executed()
{
    if (inspected_.command != my::Command::stmt_execute && inspected_.command != my::Command::stmt_bulk_execute)
        return nullptr;
    return tracker_->statements().find(inspected_.statement).statement;
}

void MySqlSession::judge_inspected()
{
    (void)catalog_.look();
    auto* prepared = executed();
    auto aside = prepared == nullptr ? facts_aside(inspected_.sql) : nullptr;
    inspected_.aside = aside != nullptr;
    inspected_.facts = aside ? std::move(aside)
                             : with_learned(in_sight(prepared != nullptr ? facts_of_execution(prepared->value)
                                                                         : facts_of(inspected_.sql)));
    if (kills_own_session())
        inspected_.facts = with_object(*inspected_.facts, "own session");
    inspected_.verdict =
        worker_.judge.verdict(*inspected_.facts, inspected_.sql, asker_, in_transaction(), worker_.wall());
}

/// Of a text that asks how the statement before went, where the session's settings are known to the server only; else
/// null. It says the same under any.
MySqlSession::Facts MySqlSession::facts_aside(std::string_view sql)
{
    if (!state_.uncertain() || !reads_alike(sql))
        return nullptr;
    auto facts = worker_.judge.facts(sql, state_.afresh(), state_.database(), catalog_.view());
    const bool aside = !facts->facts->opaque && facts->facts->statements.size() == 1 &&
                       asks_for_outcome(facts->facts->statements.front());
    return aside ? facts : nullptr;
}

MySqlSession::Facts MySqlSession::facts_of(std::string_view sql)
{
    return worker_.judge.facts(sql, state_, state_.database(), catalog_.view());
}

bool MySqlSession::has_settings_of(const PreparedText& prepared) const
{
    return prepared.modes == state_.modes() && prepared.charset == state_.charset_name() &&
           prepared.database == state_.database() && !state_.uncertain();
}

/// As the server read it when it was prepared, with what its names mean now: the server looks them up again. Where it
/// may be read anew under other settings, both must say the same.
MySqlSession::Facts MySqlSession::facts_of(PreparedText& prepared)
{
    if (prepared.facts->facts->names_consulted)
        return worker_.judge.doubted(*worker_.judge.match(prepared.facts->facts, state_.database(), catalog_.view()),
                                     "names what may have changed since it was prepared", state_.database());
    const bool current = prepared.generation == state_.generation() && prepared.catalog == catalog_.revision() &&
                         prepared.facts->policy == worker_.judge.policy_pointer();
    if (current)
        return prepared.facts;
    auto fresh = facts_of(prepared.sql);
    const bool same_settings = has_settings_of(prepared);
    if (!same_settings && !(*fresh->facts == *prepared.facts->facts))
        return worker_.judge.doubted(*fresh, "was prepared under other settings", state_.database());
    if (same_settings) {
        prepared.facts = fresh;
        prepared.generation = state_.generation();
        prepared.catalog = catalog_.revision();
    }
    return fresh;
}

/// Where a WHERE may hold for every row by the values of the execution (LIKE ? with '%'), it is read with them.
MySqlSession::Facts MySqlSession::facts_of_execution(PreparedText& prepared)
{
    auto facts = facts_of(prepared);
    if (inspected_.bound.empty() || facts->facts->opaque)
        return facts;
    auto& any = prepared.any_numbers;
    const bool of_others = any.places != 0 && any.text == inspected_.bound; // maybe not the numbers of this execution
    if (of_others && any.without == facts)
        return any.with;
    auto bound = facts_of(inspected_.bound);
    const bool shared = bound->shape != 0; // by all texts that only numbers part
    if (inspected_.numbers != 0 && shared)
        any = {inspected_.numbers, inspected_.bound, std::move(facts), bound};
    else if (of_others)
        return worker_.judge.doubted(*bound, "hangs on numbers, of which it did not before", state_.database());
    return bound;
}

/// Keeps the text with the values of the execution, if these may matter, for `facts_of_execution`.
void MySqlSession::bind_values(const PreparedText& prepared, std::size_t parameters)
{
    using policies::statement::Where;
    if (!any_where(*prepared.facts->facts, Where::present) || state_.modes().size() != 1 || parameters == 0)
        return;
    const auto rows = telling_rows(parameters);
    inspected_.numbers = inspected_.command == my::Command::stmt_execute ? number_places(parameters) : 0;
    if (inspected_.numbers != 0 && inspected_.numbers == prepared.any_numbers.places)
        inspected_.bound = prepared.any_numbers.text;
    else
        inspected_.bound = as_bound(prepared, parameters, rows);
}

/// As in AnyNumbers; 0: others may matter too. A number with a sign is another text.
std::uint64_t MySqlSession::number_places(std::size_t parameters) const
{
    constexpr std::size_t most = 64;
    std::uint64_t places = 0;
    for (std::size_t i = 0; i < std::min(parameters, values_.size()); ++i) {
        const auto literal = telling_literal(values_[i]);
        if (!literal)
            continue;
        if (i >= most || !std::ranges::all_of(*literal, policies::is_digit))
            return 0;
        places |= std::uint64_t{1} << i;
    }
    return places;
}

/// "" if no value matters. Of a bulk execution, which has a row of values after the other, the row with which it holds
/// for every row is read, if there is one.
std::string MySqlSession::as_bound(const PreparedText& prepared, std::size_t parameters,
                                   const std::vector<std::size_t>& rows)
{
    using policies::statement::Where;
    const auto reading = state_.reading(state_.modes().front());
    std::string bound;
    for (const std::size_t row : rows) {
        const auto literal_of = [&](std::size_t number) {
            const std::size_t index = row * parameters + number - 1;
            return number <= parameters && index < values_.size() ? telling_literal(values_[index]) : std::nullopt;
        };
        auto read = mysql::with_bound(prepared.sql, reading, literal_of);
        if (!read || *read == bound)
            continue;
        bound = *std::move(read);
        if (rows.size() == 1 || any_where(*facts_of(bound)->facts, Where::always_true))
            break; // a single one is looked at by whoever asks
    }
    return bound;
}

/// Rows of values with which a condition may hold for every row. Of numbers in a bulk execution those with the least
/// and the greatest of a parameter, since conditions that hold by a number hold by one beyond it; and 0, which texts
/// are beside numbers.
std::vector<std::size_t> MySqlSession::telling_rows(std::size_t parameters) const
{
    const std::size_t rows = inspected_.command == my::Command::stmt_bulk_execute ? values_.size() / parameters : 1;
    if (rows == 1)
        return {0};
    std::set<std::size_t> telling;
    for (std::size_t parameter = 0; parameter < parameters; ++parameter) {
        std::optional<std::pair<double, std::size_t>> least, greatest;
        for (std::size_t row = 0; row < rows; ++row) {
            const auto literal = telling_literal(values_[row * parameters + parameter]);
            if (!literal)
                continue;
            double number = 0;
            if (std::from_chars(literal->data(), literal->data() + literal->size(), number).ec != std::errc{}) {
                telling.insert(row); // a pattern
                continue;
            }
            if (number == 0)
                telling.insert(row);
            if (!least || number < least->first)
                least = {number, row};
            if (!greatest || number > greatest->first)
                greatest = {number, row};
        }
        for (const auto& one : {least, greatest})
            if (one)
                telling.insert(one->second);
    }
    return {telling.begin(), telling.end()};
}

/// What it names must be known: without a catalog, a table may be a view of another one.
MySqlSession::Facts MySqlSession::in_sight(Facts facts)
{
    catalog_.look_again(*facts->facts);
    unsure_ = catalog_.unsure(*facts->facts);
    if (unsure_)
        return worker_.judge.doubted(*facts, "names what was changed, and the catalogs do not show it yet",
                                     state_.database());
    if (catalog_.view().catalog)
        return facts;
    const auto name = table_behind_which_may_be_more(*facts->facts);
    return name.empty() ? facts
                        : worker_.judge.doubted(*facts, "names " + name + ", and the server's catalogs are not known",
                                                state_.database());
}

/// Once a command: where the server does not say it, the text is judged as not understood.
bool MySqlSession::must_ask() const
{
    return asked_after_ != commands_ && state_.uncertain() && !inspected_.aside;
}

/// The thread that the inspected text kills; nothing if it is no KILL, or does not name one plainly.
std::optional<std::int32_t> MySqlSession::kill_target() const
{
    const auto& statements = inspected_.facts->facts->statements;
    if (statements.size() != 1 || statements.front().kind != Kind::kill || state_.modes().size() != 1)
        return std::nullopt;
    const auto reading = state_.reading(state_.modes().front());
    mysql::Lexer tokens{inspected_.sql, reading};
    std::optional<std::int32_t> target;
    for (auto token = tokens.next(); token.kind != mysql::TokenKind::end; token = tokens.next()) {
        if (token.kind == mysql::TokenKind::word && !target)
            continue;
        std::int32_t number = 0;
        const auto [end, error] = std::from_chars(token.text.data(), token.text.data() + token.text.size(), number);
        const bool plain = token.kind == mysql::TokenKind::integer && error == std::errc{} &&
                           end == token.text.data() + token.text.size();
        if (!plain || target)
            return token.kind == mysql::TokenKind::symbol ? target : std::nullopt;
        target = number;
    }
    return target;
}

/// One of the same user's through stepgate, as it ends by itself.
bool MySqlSession::kills_own_session() const
{
    const auto& statements = inspected_.facts->facts->statements;
    if (statements.size() != 1 || statements.front().kind != Kind::kill || statements.front().object != "session")
        return false;
    const auto target = kill_target();
    return target && worker_.shared.registry.owns(*target, owner());
}

MySqlSession::Facts MySqlSession::with_object(const policies::rules::MatchedFacts& facts, std::string object) const
{
    auto other = std::make_shared<policies::statement::Facts>(*facts.facts);
    for (auto& statement : other->statements)
        statement.object = object;
    return worker_.judge.match(std::move(other), state_.database(), catalog_.view());
}

/// The server says what only it knows. False: the session is over.
net::Task<bool> MySqlSession::ask()
{
    asked_after_ = commands_;
    co_return co_await ask_state();
}

net::Task<bool> MySqlSession::ask_state()
{
    MySqlAnswer::OnRow on_row = [this](const MySqlAnswer::Row& row) {
        if (row.size() != 4 || !row[0] || !row[1] || !row[2])
            return;
        state_.server_reported_sql_mode(*row[0]);
        state_.server_reported_charset(*row[1]);
        state_.server_reported_connection(*row[2]);
        state_.server_reported_database(row[3].value_or(""));
        asker_.database = state_.database();
    };
    co_return co_await put(state_question, std::move(on_row));
}

/// A question of our own, when nothing is outstanding. False: the session is over.
net::Task<bool> MySqlSession::put(std::string_view question, MySqlAnswer::OnRow on_row)
{
    answer_ = std::make_unique<MySqlAnswer>(peer_.capabilities, std::move(on_row));
    wire::Bytes query;
    my::encode_query(query, question, peer_.capabilities);
    tracker_->send(my::Command::query, 0, my::Origin::proxy);
    const auto failed = co_await server_.write_all(query);
    if (failed)
        co_return false;
    co_return co_await quiet();
}

/// A text that was not understood may have changed anything; the server is asked before the next text.
void MySqlSession::doubt_everything()
{
    state_.doubt_own_tables();
    doubt_settings();
}

void MySqlSession::doubt_settings()
{
    policies::statement::StatementFacts somewhere;
    somewhere.effects.emplace_back(policies::statement::SetParameter{"database", std::nullopt, false, true});
    state_.apply(somewhere);
    state_.doubt();
}

void MySqlSession::apply_effects(const policies::statement::Facts& facts, bool succeeded)
{
    // Of several statements some may have run, and one statement may set several things before it fails.
    if (facts.opaque) {
        doubt_everything();
    } else if (!succeeded) {
        state_.failed(facts);
        doubt_settings();
    } else {
        for (const auto& statement : facts.statements)
            state_.apply(statement);
    }
    asker_.database = state_.database();
}

} // namespace stepgate::proxy::session
