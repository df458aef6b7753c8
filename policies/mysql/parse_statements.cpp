#include "policies/mysql/bound_text.h"
#include "policies/mysql/parser.h"
#include "policies/statement/ascii.h"

#include <algorithm>

namespace stepgate::policies::mysql
{
namespace
{

constexpr int deepest_run = 4; // of EXECUTE inside EXECUTE

} // namespace

void Parser::program()
{
    out_.facts.parsed = true;
    begin_statement();
    program_ = true;
    ++blocks_;
    body_statement();
    --blocks_;
    accept(';');
    if (!failed_ && !at(TokenKind::end))
        unexpected();
    if (!failed_)
        finish_statement();
}

std::size_t Parser::find_body()
{
    begin_statement();
    finding_body_ = true;
    statement();
    return found_body_;
}

/// Statement after statement, each in the session as those before it leave it.
void Parser::text()
{
    out_.facts.parsed = true;
    int count = 0;
    while (!failed_ && !at(TokenKind::end)) {
        if (accept(';'))
            continue;
        if (++count > limits_.max_statements)
            return fail("holds more than " + std::to_string(limits_.max_statements) + " statements");
        begin_statement();
        statement();
        if (!failed_ && !at_end())
            unexpected();
        if (failed_)
            return;
        finish_statement();
        if (!at(';'))
            continue;
        const std::size_t after = cur().end;
        const statement::StatementFacts& done = out_.facts.statements.back();
        if (!done.effects.empty() || done.does(Kind::call)) {
            if (!carried_)
                carried_ = *state_;
            carried_->apply(done);
            state_ = &*carried_;
            if (std::string reason = state_->refusal(sql_.substr(after)); !reason.empty()) {
                restart_lexer(after);
                if (!at(TokenKind::end) || failed_)
                    fail("holds a statement that " + reason);
                return;
            }
            reading_ = state_->reading(state_->modes().size() == 1 ? state_->modes().front() : reading_.mode);
            if (reading_.charset == Charset::mixed)
                out_.literals_consulted = true; // whether they are ASCII, which a shape does not show
        }
        restart_lexer(after);
    }
}

void Parser::statement()
{
    const Nest nest{*this};
    if (!nest)
        return;
    changing_ = {};
    if (query_statement() || change_statement() || session_statement() || object_statement() || server_statement())
        return;
    unexpected();
}

bool Parser::query_statement()
{
    if (at(Word::k_with)) {
        const std::size_t ctes = ctes_.size();
        with_clause();
        if (at(Word::k_update))
            update();
        else if (at(Word::k_delete))
            delete_rows();
        else {
            is(Kind::select);
            query();
        }
        ctes_.resize(ctes);
        return true;
    }
    if (!at(Word::k_select) && !at('(') && !at(Word::k_values) && !(at(Word::k_table) && !mariadb()))
        return false;
    is(Kind::select);
    query_of_program();
    return true;
}

bool Parser::change_statement()
{
    switch (cur().word) {
    case Word::k_insert:
        insert(false);
        return true;
    case Word::k_replace:
        insert(true);
        return true;
    case Word::k_update:
        update();
        return true;
    case Word::k_delete:
        delete_rows();
        return true;
    case Word::k_truncate:
        truncate();
        return true;
    case Word::k_load:
        if (next_is(1, Word::k_index))
            return false;
        load_data();
        return true;
    case Word::k_do:
        is(Kind::do_block);
        advance();
        do {
            expression();
            if (accept(Word::k_as) || at_name())
                name_or_text();
        } while (accept(','));
        drop_references(0);
        return true;
    case Word::k_handler:
        handler();
        return true;
    case Word::k_call:
        call_statement();
        return true;
    default:
        return false;
    }
}

bool Parser::session_statement()
{
    switch (cur().word) {
    case Word::k_set:
        set();
        return true;
    case Word::k_use:
        use();
        return true;
    case Word::k_begin:
        if (next_is(1, Word::k_not)) {
            block_statement();
            return true;
        }
        advance();
        is(Kind::begin);
        accept(Word::k_work);
        return true;
    case Word::k_start:
        if (!next_is(1, Word::k_transaction))
            return false;
        start();
        return true;
    case Word::k_commit:
        commit(Kind::commit);
        return true;
    case Word::k_rollback:
        rollback();
        return true;
    case Word::k_savepoint:
        is(Kind::savepoint, "savepoint");
        advance();
        name();
        return true;
    case Word::k_release:
        is(Kind::savepoint, "release");
        advance();
        expect(Word::k_savepoint);
        name();
        return true;
    case Word::k_xa:
        xa();
        return true;
    case Word::k_prepare:
        prepare();
        return true;
    case Word::k_execute:
        execute();
        return true;
    case Word::k_deallocate:
        deallocate();
        return true;
    case Word::k_lock:
    case Word::k_unlock:
        lock_tables();
        return true;
    default:
        return false;
    }
}

void Parser::start()
{
    is(Kind::begin);
    advance();
    expect(Word::k_transaction);
    do {
        if (accept(Word::k_with)) {
            expect(Word::k_consistent);
            expect(Word::k_snapshot);
        } else if (accept(Word::k_read)) {
            if (!accept(Word::k_only))
                expect(Word::k_write);
            accept(Word::k_concurrent);
        }
    } while (accept(','));
}

/// COMMIT and ROLLBACK [WORK] [AND [NO] CHAIN] [[NO] RELEASE]
void Parser::commit(Kind kind)
{
    is(kind);
    advance();
    accept(Word::k_work);
    if (accept(Word::k_and)) {
        accept(Word::k_no);
        expect(Word::k_chain);
    }
    if (accept(Word::k_no))
        expect(Word::k_release);
    else
        accept(Word::k_release);
}

void Parser::rollback()
{
    const bool to = next_is(1, Word::k_to) || (next_is(1, Word::k_work) && next_is(2, Word::k_to));
    if (!to)
        return commit(Kind::rollback);
    is(Kind::savepoint, "rollback to");
    advance();
    accept(Word::k_work);
    expect(Word::k_to);
    accept(Word::k_savepoint);
    name();
}

void Parser::xa()
{
    advance();
    if (accept(Word::k_recover)) {
        is(Kind::show);
        if (accept(Word::k_convert))
            expect(Word::k_xid);
        else if (accept(Word::k_format)) {
            expect('=');
            string_value();
        }
        return;
    }
    if (accept(Word::k_begin) || accept(Word::k_start))
        is(Kind::begin);
    else if (accept(Word::k_end))
        is(Kind::other);
    else if (accept(Word::k_prepare))
        is(Kind::prepare_transaction, "prepare transaction");
    else if (accept(Word::k_commit))
        is(Kind::prepare_transaction, "commit prepared");
    else if (accept(Word::k_rollback))
        is(Kind::prepare_transaction, "rollback prepared");
    else
        return unexpected();
    do {
        if (!at(TokenKind::string) && !at(TokenKind::hex) && !at(TokenKind::bits) && !at(TokenKind::integer))
            return unexpected();
        advance();
    } while (accept(','));
    if (accept_any(Word::k_join, Word::k_resume))
        return;
    if (accept(Word::k_suspend)) {
        if (accept(Word::k_for))
            expect(Word::k_migrate);
    } else if (accept(Word::k_one)) {
        expect(Word::k_phase);
    }
}

/// PREPARE name FROM 'text' | @variable. MariaDB takes any expression.
void Parser::prepare()
{
    is(Kind::prepare);
    advance();
    const std::string prepared{name()};
    expect(Word::k_from);
    const std::optional<std::string> sql = value_ahead();
    const std::size_t references = references_.size();
    expression();
    drop_references(references);
    out_.literals_consulted = true;
    out_.names_consulted = true;
    if (sql)
        prepare_text(*sql, "PREPARE " + prepared);
    else if (may_run_early())
        opaque("prepares a text that only the server knows, and functions in it may run as it does");
    effect(sql ? statement::Effect{statement::PrepareStatement{prepared, *sql}}
               : statement::Effect{statement::Deallocate{prepared}}); // from here on its text is not known
}

/// Nothing of it runs yet, but on MariaDB functions may; then all that it does counts.
void Parser::prepare_text(const std::string& sql, std::string_view what)
{
    if (!mariadb())
        return;
    Analysis inner;
    if (!analyze_text(sql, what, inner) || !inner.facts.runs_when_prepared)
        return;
    auto effects = facts_.effects;
    take_over(inner);
    out_.facts.runs.push_back(sql);
    facts_.effects = std::move(effects); // those of the text are still to come
}

/// EXECUTE name [USING @a, …], EXECUTE IMMEDIATE text.
void Parser::execute()
{
    is(Kind::execute);
    if (next_is(1, Word::k_immediate) && mariadb())
        return execute_immediate();
    advance();
    const std::string prepared{name()};
    const auto values = execute_parameters();
    out_.names_consulted = true;
    const std::string* sql = blocks_ == 0 ? state_->prepared(prepared) : nullptr;
    if (sql == nullptr)
        return opaque("executes " + prepared + ", a prepared statement that is not known");
    run_text(*sql, "EXECUTE " + prepared, values);
}

/// [USING value, …]; those that are known
std::vector<std::optional<std::string>> Parser::execute_parameters()
{
    std::vector<std::optional<std::string>> values;
    if (!accept(Word::k_using))
        return values;
    const std::size_t references = references_.size();
    do {
        values.push_back(value_ahead());
        if (!accept_any(Word::k_default, Word::k_ignore))
            expression();
    } while (accept(','));
    drop_references(references);
    return values;
}

void Parser::execute_immediate()
{
    advance();
    advance();
    const std::optional<std::string> sql = value_ahead();
    const std::size_t references = references_.size();
    expression();
    const auto values = execute_parameters();
    drop_references(references);
    out_.literals_consulted = true;
    out_.names_consulted = true;
    if (!sql)
        return opaque("executes a text that only the server knows");
    run_text(*sql, "EXECUTE IMMEDIATE", values);
}

void Parser::deallocate()
{
    is(Kind::deallocate);
    advance();
    expect(Word::k_prepare);
    effect(statement::Deallocate{std::string{name()}});
}

/// The text runs as part of this statement: what it does, this does.
void Parser::run_text(const std::string& sql, std::string_view what,
                      const std::vector<std::optional<std::string>>& values)
{
    Analysis inner;
    out_.facts.runs.push_back(sql);
    const auto literal_of = [&values](std::size_t number) {
        const bool known = number <= values.size() && values[number - 1];
        return known ? telling_literal(*values[number - 1]) : std::nullopt;
    };
    const auto bound = with_bound(sql, reading_, literal_of);
    if (analyze_text(bound.value_or(sql), what, inner))
        take_over(inner);
}

/// False: it cannot be read, or there is an end to texts inside of texts. Then it is opaque.
bool Parser::analyze_text(const std::string& sql, std::string_view what, Analysis& inner)
{
    run_bytes_ += sql.size();
    if (runs_ >= deepest_run || run_bytes_ > limits_.max_bytes) {
        opaque(std::string{what} + " leads to another one too often");
        return false;
    }
    if (const std::string reason = state_->refusal(sql); !reason.empty()) {
        opaque(std::string{what} + " " + reason);
        return false;
    }
    Parser parser{sql, *state_, reading_.mode, limits_, inner, behind_};
    parser.defined_ = defined_;
    parser.runs_ = runs_ + 1;
    parser.run_bytes_ = run_bytes_;
    parser.text();
    run_bytes_ = parser.run_bytes_;
    return true;
}

void Parser::take_over(Analysis& inner)
{
    for (std::string& reason : inner.facts.opaque_reasons)
        opaque(std::move(reason));
    out_.facts.opaque = out_.facts.opaque || inner.facts.opaque;
    out_.facts.carries_secret = out_.facts.carries_secret || inner.facts.carries_secret;
    out_.facts.runs_when_prepared = out_.facts.runs_when_prepared || inner.facts.runs_when_prepared;
    out_.facts.runs.insert(out_.facts.runs.end(), inner.facts.runs.begin(), inner.facts.runs.end());
    if (inner.facts.statements.empty())
        also(Kind::unknown);
    for (statement::StatementFacts& one : inner.facts.statements)
        merge(one);
}

/// Takes over what a statement that runs inside this one does.
void Parser::merge(const statement::StatementFacts& inner)
{
    also(inner.itself());
    facts_.inner.insert(facts_.inner.end(), inner.inner.begin(), inner.inner.end());
    const auto keep = [this](const std::string& text) -> std::string_view { return names_.emplace_back(text); };
    for (const statement::TableAccess& access : inner.reads) {
        auto& columns = reads_[static_cast<std::size_t>(read_index(access.table, access.schema_known))].columns;
        for (const std::string& column : access.columns)
            columns.push_back(keep(column));
    }
    for (const statement::TableAccess& access : inner.writes) {
        auto& columns = write_of(access.table, access.schema_known, false).columns;
        for (const std::string& column : access.columns)
            columns.push_back(keep(column));
    }
    calls_.insert(calls_.end(), inner.calls.begin(), inner.calls.end());
    facts_.effects.insert(facts_.effects.end(), inner.effects.begin(), inner.effects.end());
    facts_.destructive = facts_.destructive || inner.destructive;
    if (inner.where != statement::Where::none)
        weaken_where(inner.where);
}

/// HANDLER t OPEN | READ … [WHERE …] [LIMIT …] | CLOSE: rows straight from the storage engine.
void Parser::handler()
{
    is(Kind::handler);
    advance();
    const TableName table = table_name();
    if (accept(Word::k_open)) {
        alias(); // READ then names the alias only, so that all is read here
        return read_table(table, "*");
    }
    if (accept(Word::k_close))
        return;
    expect(Word::k_read);
    opaque("reads through a handler, which may stand for any table that was opened");
    read_table(table, "*");
    const std::size_t items = items_.size();
    items_.push_back(item_of(table, {}));
    while (!at(Word::k_where) && !at(Word::k_limit) && !at_end()) { // index and direction, or key values
        if (accept('(')) {
            expressions();
            expect(')');
        } else {
            advance();
        }
    }
    if (accept(Word::k_where))
        expression();
    limit();
    resolve(0, items);
}

void Parser::call_statement()
{
    is(Kind::call);
    advance();
    TableName routine = table_name();
    if (accept('.')) { // MariaDB: database.package.routine, not a routine of a database that is called as the package
        routine.database = routine.name;
        routine.name = name();
        opaque("calls a routine of a package, whose body is not known");
    }
    called_stored(routine, Lead::Kind::procedure);
    if (accept('(') && !accept(')')) {
        expressions();
        expect(')');
    }
    drop_references(0);
}

void Parser::use()
{
    is(Kind::use);
    advance();
    set_effect("database", std::string{name()});
}

/// LOCK TABLES t [AS a] READ [LOCAL] | [LOW_PRIORITY] WRITE, …; LOCK INSTANCE FOR BACKUP; UNLOCK …
void Parser::lock_tables()
{
    is(Kind::lock);
    const bool locks = at(Word::k_lock);
    advance();
    if (accept(Word::k_instance)) {
        if (locks) {
            expect(Word::k_for);
            expect(Word::k_backup);
        }
        return;
    }
    if (!accept_any(Word::k_table, Word::k_tables))
        return unexpected();
    if (!locks)
        return;
    do {
        const TableName table = table_name();
        if (accept(Word::k_as) || (at_name() && !at(Word::k_local)))
            name_or_text();
        read_table(table, {});
        if (accept(Word::k_read)) {
            accept(Word::k_local);
        } else {
            accept_any(Word::k_low_priority, Word::k_concurrent);
            expect(Word::k_write);
            accept(Word::k_concurrent);
        }
    } while (accept(','));
    wait_or_skip();
}

} // namespace stepgate::policies::mysql
