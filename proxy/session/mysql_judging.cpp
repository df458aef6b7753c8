#include "policies/mysql/lexer.h"
#include "policies/mysql/servers_own.h"
#include "policies/statement/ascii.h"
#include "proxy/session/mysql_session.h"

#include <algorithm>
#include <charconv>

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
