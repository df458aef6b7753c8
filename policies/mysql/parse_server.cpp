#include "policies/mysql/parser.h"

#include "policies/statement/ascii.h"
#include <algorithm>
#include <initializer_list>
#include <utility>

namespace stepgate::policies::mysql
{

bool Parser::object_statement()
{
    switch (cur().word) {
    case Word::k_create:
        create();
        return true;
    case Word::k_alter:
        alter();
        return true;
    case Word::k_drop:
        drop();
        return true;
    case Word::k_rename:
        rename();
        return true;
    case Word::k_grant:
        grant(false);
        return true;
    case Word::k_revoke:
        grant(true);
        return true;
    default:
        return false;
    }
}

bool Parser::server_statement()
{
    const bool table_follows = next_is(1, Word::k_table) || next_is(1, Word::k_tables) || next_is(1, Word::k_view) ||
                               next_is(2, Word::k_table) || next_is(2, Word::k_tables);
    switch (cur().word) {
    case Word::k_show:
        show();
        return true;
    case Word::k_desc:
    case Word::k_describe:
    case Word::k_explain:
        explain(false);
        return true;
    case Word::k_analyze:
        if (table_follows)
            table_maintenance(Kind::analyze, "table", false);
        else
            explain(true);
        return true;
    case Word::k_optimize:
        table_maintenance(Kind::vacuum, "table", true);
        return true;
    case Word::k_check:
        table_maintenance(Kind::other, "table", false);
        return true;
    case Word::k_checksum: // twice, with one row more or less, it is a checksum of that row
        table_maintenance(Kind::other, "table", false, "*");
        return true;
    case Word::k_repair:
        table_maintenance(Kind::other, "table", true);
        return true;
    case Word::k_flush:
        flush();
        return true;
    case Word::k_kill:
        kill();
        return true;
    case Word::k_install:
    case Word::k_uninstall:
        install(at(Word::k_install));
        return true;
    case Word::k_reset:
        if (next_is(1, Word::k_query) && next_is(2, Word::k_cache) && !next_is(3, ','))
            flush(); // of results that the server kept
        else
            server_control("reset", "resets logs or replication", true);
        return true;
    case Word::k_purge:
        server_control("purge", "deletes logs of the server", true);
        return true;
    case Word::k_change:
        out_.facts.carries_secret = true;
        server_control("replication", "changes from where the server replicates", false);
        return true;
    case Word::k_start:
    case Word::k_stop:
        server_control("replication", "starts or stops replication", false);
        return true;
    case Word::k_shutdown:
    case Word::k_restart:
        server_control("shutdown", "ends the server", true);
        return true;
    case Word::k_binlog:
        out_.facts.carries_secret = true; // rows, whatever their labels
        server_control("binlog", "applies changes of rows that are given as text", true);
        return true;
    case Word::k_clone:
        out_.facts.carries_secret = true;
        server_control("clone", "copies the whole server", true);
        return true;
    case Word::k_import:
        server_control("import", "makes tables of files of the server", false);
        return true;
    case Word::k_backup: // BACKUP STAGE
    case Word::k_help:
        is(at(Word::k_help) ? Kind::show : Kind::other);
        skip_rest();
        return true;
    case Word::k_cache:
    case Word::k_load:
        cache_index();
        return true;
    case Word::k_get:
        diagnostics();
        return true;
    case Word::k_signal:
    case Word::k_resignal:
        is(Kind::other);
        signal();
        return true;
    default:
        break;
    }
    if (!mariadb() || !compound_follows())
        return false;
    block_statement();
    return true;
}

/// Statements on the server that stepgate does not look into.
void Parser::server_control(std::string_view object, std::string_view danger, bool destructive)
{
    is(Kind::other, object);
    advance();
    opaque(std::string{danger});
    facts_.destructive = destructive;
    skip_rest();
}

/// CACHE INDEX a …, b … IN name; LOAD INDEX INTO CACHE a …, b …
void Parser::cache_index()
{
    is(Kind::other);
    const bool load = at(Word::k_load);
    advance();
    expect(Word::k_index);
    if (load) {
        expect(Word::k_into);
        expect(Word::k_cache);
    }
    do {
        read_table(table_name(), {});
        while (!failed_ && !at_end() && !at(',') && !at(Word::k_in))
            at('(') ? skip_group() : advance();
    } while (accept(','));
    skip_rest();
}

/// CHECK, REPAIR, OPTIMIZE, CHECKSUM, ANALYZE … TABLE a, b …
void Parser::table_maintenance(Kind kind, std::string_view object, bool writes, std::string_view column)
{
    is(kind, object);
    advance();
    accept_any(Word::k_no_write_to_binlog, Word::k_local);
    if (!accept_any(Word::k_table, Word::k_tables, Word::k_view))
        return unexpected();
    do {
        const TableName table = table_name();
        if (writes)
            write_table(table);
        else
            read_table(table, column);
    } while (accept(','));
    // REPAIR … USE_FRM makes indexes anew from the definition alone: rows that it does not find that way are lost.
    while (!at_end() && !same_word(cur().text, "use_frm"))
        advance();
    facts_.destructive = facts_.destructive || !at_end();
    skip_rest();
}

void Parser::flush()
{
    is(Kind::other, "flush");
    advance();
    accept_any(Word::k_no_write_to_binlog, Word::k_local);
    if (accept_any(Word::k_table, Word::k_tables) && at_name()) {
        do
            read_table(table_name(), {});
        while (accept(','));
    }
    skip_rest();
}

/// KILL [HARD | SOFT] [CONNECTION | QUERY [ID]] number | USER account
void Parser::kill()
{
    advance();
    accept_any(Word::k_hard, Word::k_soft);
    const bool query = accept(Word::k_query);
    if (!query)
        accept(Word::k_connection);
    accept(Word::k_id);
    const bool all = accept(Word::k_user);               // whoever logs in as that account, which may be everybody
    is(Kind::kill, query && !all ? "query" : "session"); // by the former clients cancel what they sent
    if (all)
        return account();
    expression();
    drop_references(0);
}

void Parser::install(bool installs)
{
    is(Kind::load, "plugin");
    advance();
    if (installs)
        opaque("loads a library into the server");
    skip_rest();
}

/// EXPLAIN, DESCRIBE and (MariaDB) ANALYZE; of a table they show its columns.
void Parser::explain(bool analyze)
{
    advance();
    bool runs = analyze;
    bool options = analyze;
    for (bool more = true; more;) {
        more = false;
        if (accept_any(Word::k_extended, Word::k_partitions)) {
            more = options = true;
        } else if (at(Word::k_analyze)) {
            advance();
            more = options = runs = true;
        } else if (at(Word::k_format) && next_is(1, '=')) {
            advance();
            advance();
            name_or_text();
            more = options = true;
        } else if (at(Word::k_into) && peek(1).kind == TokenKind::user_variable) {
            advance();
            set_effect("@" + unescaped(cur(), reading_), std::nullopt);
            advance();
            more = options = true;
        }
    }
    if (accept(Word::k_for)) {
        if (!accept_any(Word::k_schema, Word::k_database)) {
            is(Kind::explain);
            expect(Word::k_connection);
            integer_value();
            return opaque("explains the statement of another session");
        }
        name();
        opaque("explains a statement in another database");
    }
    const bool statement_follows = at(Word::k_select) || at(Word::k_with) || at('(') || at(Word::k_values) ||
                                   at(Word::k_insert) || at(Word::k_replace) || at(Word::k_update) ||
                                   at(Word::k_delete) || (at(Word::k_table) && !mariadb());
    if (statement_follows)
        return explained(runs);
    if (options)
        return unexpected();
    is(Kind::show, "table");
    table_name();
    if (at_name() || at(TokenKind::string))
        name_or_text();
}

/// Plain EXPLAIN changes nothing but user variables, which planning may assign (`WHERE (@a := 'x') = 'x'`): what the
/// statement would write counts as read. ANALYZE runs the statement.
void Parser::explained(bool runs)
{
    statement();
    const Kind kind = facts_.kind;
    if (runs) {
        is(Kind::explain);
        return also(kind);
    }
    for (Access& write : writes_) {
        Access& read = reads_[static_cast<std::size_t>(read_index(write.table, write.known))];
        read.columns.insert(read.columns.end(), write.columns.begin(), write.columns.end());
        read.leads = read.leads || write.leads;
    }
    writes_.clear();
    const auto effects = std::exchange(facts_, {}).effects;
    is(Kind::explain);
    for (const statement::Effect& one : effects)
        if (const auto* set = std::get_if<statement::SetParameter>(&one); set != nullptr && set->name.starts_with('@'))
            set_effect(set->name, std::nullopt);
}

void Parser::show_create()
{
    advance();
    if (accept(Word::k_user)) {
        read_table({"mysql", "user"}, "authentication_string");
        if (!at_end())
            account();
        return;
    }
    if (accept_any(Word::k_database, Word::k_schema))
        if_not_exists();
    else
        advance();
    if (accept(Word::k_body)) { // show create package body p
    }
    table_name();
}

/// SHOW GRANTS [FOR account]: on MariaDB with the hash of the account's password; without an account that of stepgate's
/// own one.
void Parser::show_grants()
{
    is(Kind::show, "grants");
    advance();
    if (!accept(Word::k_for))
        return;
    if (!at(Word::k_current_user))
        read_table({"mysql", "user"}, "authentication_string");
    account();
}

/// SHOW ENGINE name STATUS|MUTEX|LOGS: InnoDB's status has statements, and rows that were locked or refused.
void Parser::show_engine()
{
    const auto word = [this](std::size_t ahead, std::string_view text) {
        return peek(ahead).kind == TokenKind::word && same_word(peek(ahead).text, text);
    };
    const bool innodb = word(1, "innodb");
    const bool status = word(2, "status");
    if (innodb && status) {
        read_table({"information_schema", "innodb_trx"}, "trx_query");
        read_table({"information_schema", "innodb_locks"}, "lock_data");
    } else if (!(innodb && word(2, "mutex")) && !(word(1, "performance_schema") && status)) {
        opaque("shows what an engine tells of other sessions");
    }
}

/// SHOW REPLICA STATUS and its older and wider forms: with the error of the statement that failed, which shows values.
void Parser::show_replica()
{
    const auto is_word = [this](std::size_t ahead, std::initializer_list<std::string_view> texts) {
        return peek(ahead).kind == TokenKind::word &&
               std::ranges::any_of(texts, [&](std::string_view text) { return same_word(peek(ahead).text, text); });
    };
    const std::size_t all = at(Word::k_all) ? 1 : 0;
    if (is_word(all, {"replica", "replicas", "slave", "slaves"}) &&
        (is_word(all + 1, {"status"}) || is_word(all + 2, {"status"})))
        read_table({"performance_schema", "replication_applier_status_by_worker"}, "last_error_message");
}

/// SHOW …: what it shows are names and settings, but for a few; LIKE and WHERE may hold queries.
void Parser::show()
{
    is(Kind::show);
    advance();
    if (at(Word::k_create))
        return show_create();
    if (mariadb() && at(TokenKind::word) && same_word(cur().text, "grants"))
        return show_grants();
    show_replica();
    const bool status = peek(1).kind == TokenKind::word && same_word(peek(1).text, "status"); // how far the log is
    if ((at(Word::k_binlog) && !status) || at(Word::k_relaylog))
        opaque("shows statements and rows of the binary log");
    if (at(Word::k_explain) || at(Word::k_analyze))
        opaque("shows statements of other sessions");
    if (at(Word::k_engine))
        show_engine();
    if (at(Word::k_processlist) || (at(Word::k_full) && next_is(1, Word::k_processlist)))
        read_table({"information_schema", "processlist"}, "info");
    while (!at_end()) {
        if (accept(Word::k_like)) {
            string_value();
        } else if (accept(Word::k_where)) {
            expression();
        } else if (accept_any(Word::k_from, Word::k_in)) {
            if (at(TokenKind::string) || at(TokenKind::integer))
                advance();
            else
                table_name();
        } else if (at(Word::k_limit)) {
            limit();
        } else if (at(Word::k_select) || at(TokenKind::system_variable) || at(TokenKind::symbol)) {
            const bool counts =
                at('(') || at('*') || at(')') || at(',') || at('.') || at('='); // count(*), block io, cpu
            if (!counts)
                return unexpected();
            advance();
        } else {
            advance();
        }
    }
    drop_references(0);
}

} // namespace stepgate::policies::mysql
