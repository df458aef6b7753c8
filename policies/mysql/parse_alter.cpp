#include "policies/mysql/column_type.h"
#include "policies/mysql/parser.h"
#include "policies/mysql/servers_own.h"
#include "policies/statement/ascii.h"

#include <algorithm>
#include <utility>

namespace stepgate::policies::mysql
{
namespace
{

/// It stands for itself only: `#mysql50#a@002db` is another name of `a-b`.
bool is_plain_name(std::string_view name)
{
    return std::ranges::all_of(name, [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '.'; });
}

} // namespace

/// Options that name nothing which facts speak of. A query among them is none of that.
void Parser::skip_rest()
{
    while (!at_end()) {
        if (at(Word::k_select))
            return unexpected();
        advance();
    }
}

void Parser::alter()
{
    advance();
    accept(Word::k_online);
    const bool ignores = accept(Word::k_ignore);
    rights_and_algorithm();
    if (accept(Word::k_table)) {
        facts_.destructive = ignores; // rows that a new key does not take are deleted
        return alter_table();
    }
    if (accept(Word::k_view)) {
        create_view();
        return is(Kind::alter, "view");
    }
    if (accept(Word::k_user))
        return user_statement(Kind::alter);
    if (accept(Word::k_event)) {
        is(Kind::alter, "event");
        if_exists();
        return event(Kind::alter);
    }
    if (accept(Word::k_sequence)) {
        is(Kind::alter, "sequence");
        if_exists();
        write_table(table_name());
        return skip_rest();
    }
    std::string_view object;
    if (at(Word::k_database) || at(Word::k_schema))
        object = "database";
    else if (at(Word::k_procedure))
        object = "procedure";
    else if (at(Word::k_function))
        object = "function";
    else if (at(Word::k_server))
        object = "server";
    else if (at(Word::k_instance))
        object = "system";
    else if (at(Word::k_tablespace) || at(Word::k_undo) || at(Word::k_logfile) || at(Word::k_resource))
        object = "tablespace";
    else
        return unexpected();
    is(Kind::alter, object);
    defines_program(object);
    out_.facts.carries_secret = out_.facts.carries_secret || object == "server";
    for (; object == "database" && !at_end() && !at(Word::k_select); advance())
        if (at(Word::k_read) && next_is(1, Word::k_only)) // MySQL: nobody can write to it, or all can again
            is(Kind::alter, "database settings");
    skip_rest();
}

void Parser::alter_table()
{
    is(Kind::alter, "table");
    if_exists();
    const TableName table = table_name();
    const std::string full = write_table(table).table;
    defines(table);
    leads_.push_back({Lead::Kind::values, full, true, {}}); // its rows may be written anew
    wait_or_skip();
    if (at_end() || drops_no_column(table))
        return;
    Lexer ahead = lexer_;
    ahead.look_from(cur());
    alters_charset_ = names_charset(std::move(ahead));
    do
        alter_action(table);
    while (accept(','));
    if (!at_end())
        definition_tail(false); // partition by …
}

/// MariaDB: DROP [COLUMN] IF EXISTS of one that the table surely has not, and nothing else.
bool Parser::drops_no_column(const TableName& table)
{
    const std::size_t words = next_is(1, Word::k_column) ? 2 : 1;
    if (!mariadb() || !at(Word::k_drop) || !next_is(words, Word::k_if) || !is_asked_again())
        return false;
    const Token column = peek(words + 2), behind = peek(words + 3);
    const Item item = item_of(table, {});
    const std::string_view schema =
        std::string_view{item.table}.substr(0, std::min(item.table.find('.'), item.table.size()));
    const bool absent = is_name(column) && item.known && behind_.bodies->relation(item.table) != nullptr &&
                        behind_.bodies->sees_triggers(schema) && !state_->temporary(table.name) &&
                        has_column(item, name_of(column)) == Has::no;
    if (!absent || (behind.kind != TokenKind::end && behind.symbol != symbol(';')))
        return false;
    for (std::size_t i = 0; i < words + 3; ++i)
        advance();
    destroys(false);
    return true;
}

void Parser::alter_action(const TableName& table)
{
    if (at(Word::k_drop))
        return alter_drop(table);
    if (at(Word::k_modify) || at(Word::k_change))
        return alter_column(table, at(Word::k_change));
    if (at(Word::k_rename))
        return alter_rename(table);
    const bool partition = next_is(1, Word::k_partition) && !at(Word::k_add);
    if (partition || at(Word::k_discard) || at(Word::k_import))
        return alter_partition(table);
    if (at(Word::k_convert)) {
        advance();
        if (accept(Word::k_to)) { // another character set, in which some characters may be missing
            const Token& set = peek(next_is(1, Word::k_set) ? 2 : 1);
            if (set.kind != TokenKind::word || !same_word(set.text, "utf8mb4"))
                facts_.destructive = true;
        } else if (accept(Word::k_table)) { // MariaDB: another table becomes a partition
            const TableName other = table_name();
            write_table(other);
            moves(other, "*", table);
            facts_.destructive = true;
        }
        return definition_tail(true);
    }
    if (at(Word::k_order)) { // in which rows without a primary key come from then on
        const std::size_t references = references_.size();
        order_by(nullptr);
        for (std::size_t i = references; i < references_.size(); ++i)
            reads_defined(references_[i].name);
        return drop_references(references);
    }
    if (at(Word::k_add) && next_is(1, '(')) {
        advance();
        advance();
        table_elements();
        return expect(')');
    }
    if (at(Word::k_add) && next_is(1, Word::k_column) && next_is(2, '(')) {
        advance();
        advance();
        advance();
        table_elements();
        return expect(')');
    }
    if (accept_any(Word::k_add, Word::k_alter)) { // a column may have any name
        accept(Word::k_column);
        if_not_exists();
        accept(Word::k_engine);
    }
    definition_tail(true);
}

/// DROP [COLUMN] c, INDEX i, PARTITION p, …: columns and partitions hold data.
void Parser::alter_drop(const TableName& table)
{
    advance();
    if (accept_any(Word::k_index, Word::k_key, Word::k_primary, Word::k_foreign, Word::k_constraint, Word::k_check))
        return definition_tail(true);
    if (accept(Word::k_partition)) {
        facts_.destructive = true;
        if_exists();
        do
            name();
        while (accept(','));
        return;
    }
    if (accept_any(Word::k_system, Word::k_period)) {
        facts_.destructive = true; // versions of rows
        return definition_tail(true);
    }
    accept(Word::k_column);
    if_exists();
    write_column(table, name());
    facts_.destructive = true;
    if (!accept(Word::k_restrict))
        accept(Word::k_cascade);
}

void Parser::alter_column(const TableName& table, bool renames)
{
    advance();
    accept(Word::k_column);
    if_exists();
    if (at('(')) { // MariaDB: modify (a int, b int)
        facts_.destructive = true;
        return definition_tail(true);
    }
    const std::string_view column = name();
    write_column(table, column);
    if (renames) {
        const std::string_view other = name();
        write_column(table, other);
        if (!same_word(column, other)) {
            moves(table, column, table);
            also(Kind::rename);
        }
    }
    if (!widens(table, column)) // another type may cut values
        facts_.destructive = true;
    definition_tail(true);
}

/// At a type: what the column holds, the new one holds too, as far as the catalog knows it.
bool Parser::widens(const TableName& table, std::string_view column)
{
    bool known = false;
    const std::string full = full_name(table, known);
    const std::string_view bare = std::string_view{full}.substr(full.find('.') + 1);
    if (!known || behind_.bodies == nullptr || state_->temporary(bare) || defined_.contains(full))
        return false;
    const auto* const relation = behind_.bodies->relation(full);
    if (relation == nullptr)
        return false;
    const auto now =
        std::ranges::find_if(relation->columns, [column](const auto& one) { return same_word(one.name, column); });
    if (now == relation->columns.end())
        return false;
    Lexer ahead = lexer_;
    ahead.look_from(cur());
    // What the table gives to columns that name none may be another one by this change.
    return only_widens(*now, alters_charset_ ? std::string_view{} : relation->charset, std::move(ahead), reading_);
}

/// Rows of one table are found under another name from now on: labels go with them.
void Parser::moves(const TableName& from, std::string_view column, const TableName& to)
{
    bool known = false;
    std::string table = full_name(from, known);
    const std::string_view bare = std::string_view{table}.substr(table.find('.') + 1);
    const bool temporary = state_->temporary(bare);
    redefine(to, {.relation = {},
                  .function = {},
                  .code = !temporary || state_->temporary_merge(bare),
                  .temporary = temporary,
                  .writes = true,
                  .copies = {{std::move(table), known, {lower(column)}}}});
}

void Parser::alter_rename(const TableName& table)
{
    advance();
    if (accept(Word::k_column)) {
        if_exists();
        const std::string_view column = name();
        write_column(table, column);
        expect(Word::k_to);
        write_column(table, name());
        also(Kind::rename);
        return moves(table, column, table);
    }
    if (accept_any(Word::k_index, Word::k_key)) {
        if_exists();
        name();
        expect(Word::k_to);
        name();
        return;
    }
    accept_any(Word::k_to, Word::k_as);
    accept('=');
    const TableName other = table_name();
    write_table(other);
    moves(table, "*", other);
    also(Kind::rename);
}

/// TRUNCATE, EXCHANGE, DISCARD, … PARTITION p; DISCARD TABLESPACE.
void Parser::alter_partition(const TableName& table)
{
    const bool exchange = at(Word::k_exchange);
    const bool loses = at(Word::k_truncate) || at(Word::k_discard) || at(Word::k_import);
    const bool convert = at(Word::k_convert);
    advance();
    facts_.destructive = facts_.destructive || loses || exchange;
    if (!accept(Word::k_partition)) {
        expect(Word::k_tablespace);
        return;
    }
    if (!exchange && !convert) { // lists of names, numbers and definitions
        while (!at_end() && !(at(',') && next_is(1, Word::k_algorithm)))
            at('(') ? skip_group() : advance();
        return;
    }
    name();
    if (exchange) {
        expect(Word::k_with);
        expect(Word::k_table);
    } else {
        expect(Word::k_to);
        expect(Word::k_table);
    }
    const TableName other = table_name();
    write_table(other);
    moves(table, "*", other);
    if (exchange) {
        read_table(other, "*");
        moves(other, "*", table);
    }
    read_table(table, "*");
    if (accept_any(Word::k_with, Word::k_without))
        expect(Word::k_validation);
}

void Parser::drop()
{
    advance();
    if (accept(Word::k_prepare)) {
        is(Kind::deallocate);
        return effect(statement::Deallocate{std::string{name()}});
    }
    accept_any(Word::k_online, Word::k_offline);
    const bool temporary = accept(Word::k_temporary);
    if (accept_any(Word::k_table, Word::k_tables)) {
        drop_named(temporary ? "temporary table" : "table", true);
        facts_.destructive = facts_.destructive && !temporary;
        if (temporary && blocks_ > 0) // a program cleans up behind itself
            facts_.kind = Kind::discard;
        return;
    }
    if (accept(Word::k_view))
        return drop_named("view", true);
    if (accept(Word::k_sequence))
        return drop_named("sequence", true);
    if (accept_any(Word::k_database, Word::k_schema)) {
        is(Kind::drop, "database");
        const bool alone = at(Word::k_if) && is_asked_again();
        if_exists();
        const std::string_view database = name();
        return destroys(!alone || !is_plain_name(database) || !behind_.bodies->lacks_schema(database));
    }
    if (accept(Word::k_index)) {
        is(Kind::drop, "index");
        const bool asked = at(Word::k_if) && is_asked_again();
        if_exists();
        const std::string_view index = name();
        expect(Word::k_on);
        const TableName table = table_name();
        write_table(table);
        destroys(!asked || !lacks_index(table, index));
        return skip_rest();
    }
    if (accept(Word::k_user))
        return user_statement(Kind::drop);
    if (accept(Word::k_role))
        return role_statement(Kind::drop);
    std::string_view object;
    if (at(Word::k_procedure))
        object = "procedure";
    else if (at(Word::k_function))
        object = "function";
    else if (at(Word::k_trigger))
        object = "trigger";
    else if (at(Word::k_event))
        object = "event";
    else if (at(Word::k_server))
        object = "server";
    else if (at(Word::k_package))
        object = "package";
    else if (at(Word::k_tablespace) || at(Word::k_undo) || at(Word::k_logfile) || at(Word::k_resource) ||
             at(Word::k_spatial))
        object = "tablespace";
    else
        return unexpected();
    is(Kind::drop, object);
    facts_.destructive = true;
    defines_program(object);
    skip_rest();
}

/// At the word before the name of a routine, event or trigger that is altered or dropped. Whose trigger it is stands in
/// the catalog only.
void Parser::defines_program(std::string_view object)
{
    if (object == "trigger") {
        advance();
        const bool drops = facts_.kind == Kind::drop && at(Word::k_if) && is_asked_again();
        if_exists();
        const TableName trigger = table_name();
        if (drops && is_no_program(trigger, object)) {
            destroys(false);
            return effect(statement::Redefine{.relation = {}, .function = lower(trigger.name), .copies = {}});
        }
        changes_table_of_trigger(trigger);
        return effect(statement::Redefine{.relation = {}, .function = {}, .copies = {}});
    }
    if (object != "procedure" && object != "function" && object != "event")
        return;
    advance();
    const bool drops = facts_.kind == Kind::drop && object != "event" && at(Word::k_if) && is_asked_again();
    if_exists();
    const TableName program = table_name();
    if (drops && is_no_program(program, object))
        destroys(false);
    effect(statement::Redefine{.relation = {}, .function = lower(program.name), .copies = {}});
}

/// The catalogs are asked again before it passes, if it does nothing by what they have: it is the first of its text,
/// and stands in no other.
bool Parser::is_asked_again() const
{
    return blocks_ == 0 && runs_ == 0 && behind_.bodies != nullptr && out_.facts.statements.empty();
}

void Parser::destroys(bool something)
{
    facts_.destructive = something;
    if (!something)
        facts_.object = "nothing";
}

/// No trigger, procedure or function of this name, in a database of which all are seen.
bool Parser::is_no_program(const TableName& program, std::string_view object)
{
    bool known = false;
    const std::string full = full_name(program, known);
    const std::string_view schema = std::string_view{full}.substr(0, std::min(full.find('.'), full.size()));
    if (!known || !is_plain_name(full) || is_servers_own(full) || schema == "mysql" || schema == "sys")
        return false;
    const auto is_it = [&](const auto& in, const auto& one) { return same_word(full, in + "." + one); };
    const catalog::Contents& all = behind_.bodies->catalog().contents();
    if (object != "trigger")
        return behind_.bodies->sees_routines(schema) &&
               std::ranges::none_of(all.functions, [&](const auto& one) { return is_it(one.schema, one.name); }) &&
               std::ranges::find(all.mysql.loadable, lower(program.name)) == all.mysql.loadable.end();
    return behind_.bodies->sees_triggers(schema) && std::ranges::none_of(all.relations, [&](const auto& table) {
               return std::ranges::any_of(table.triggers,
                                          [&](const auto& one) { return is_it(table.schema, one.name); });
           });
}

/// A table whose indexes are all seen, and none is called so.
bool Parser::lacks_index(const TableName& table, std::string_view index)
{
    bool known = false;
    const std::string full = full_name(table, known);
    const std::string_view schema = std::string_view{full}.substr(0, std::min(full.find('.'), full.size()));
    const catalog::Relation* const of = known ? behind_.bodies->relation(full) : nullptr;
    return of != nullptr && of->kind == catalog::RelationKind::table && !of->hides_columns && is_plain_name(index) &&
           behind_.bodies->sees_triggers(schema) && !state_->temporary(table.name) && !defined_.contains(full) &&
           std::ranges::none_of(of->indexes, [index](const std::string& one) { return same_word(one, index); });
}

void Parser::changes_table_of_trigger(const TableName& trigger)
{
    if (behind_.bodies == nullptr)
        return;
    bool known = false, found = false;
    const std::string full = full_name(trigger, known);
    for (const catalog::Relation& table : behind_.bodies->catalog().contents().relations)
        for (const catalog::Trigger& one : table.triggers)
            if (same_word(full, table.schema + "." + one.name)) {
                write_table({table.schema, table.name});
                found = true;
            }
    if (!found)
        opaque("changes the trigger " + full + ", which stepgate cannot see");
}

void Parser::drop_named(std::string_view object, bool many)
{
    is(Kind::drop, object);
    // Their names are looked for again before it passes, which nobody does for what runs inside of others.
    bool nothing = at(Word::k_if) && object != "temporary table" && blocks_ == 0 && runs_ == 0;
    if_exists();
    do {
        const TableName table = table_name();
        write_table(table);
        nothing = nothing && is_nothing(table);
        redefine(table, {.relation = {}, .function = {}, .code = true, .writes = true, .gone = true, .copies = {}});
    } while (many && accept(','));
    wait_or_skip();
    accept_any(Word::k_restrict, Word::k_cascade);
    destroys(!nothing);
}

/// The name is of nothing that the server, the session or the text before it has: all tables of its database are in
/// the catalog where their triggers are, since one may see a table by any privilege.
bool Parser::is_nothing(const TableName& table)
{
    bool known = false;
    const std::string full = full_name(table, known);
    const std::string_view schema = std::string_view{full}.substr(0, std::min(full.find('.'), full.size()));
    return known && behind_.bodies != nullptr && is_plain_name(full) && behind_.bodies->sees_triggers(schema) &&
           behind_.bodies->relation(full) == nullptr && !is_servers_own(full) && schema != "mysql" && schema != "sys" &&
           !state_->temporary(std::string_view{full}.substr(schema.size() + 1)) && !defined_.contains(full);
}

void Parser::rename()
{
    advance();
    if (accept(Word::k_user)) {
        is(Kind::rename, "role");
        do {
            account();
            expect(Word::k_to);
            account();
        } while (accept(','));
        return;
    }
    if (!accept_any(Word::k_table, Word::k_tables))
        return unexpected();
    is(Kind::rename, "table");
    if_exists();
    do {
        const TableName from = table_name();
        write_table(from);
        wait_or_skip();
        expect(Word::k_to);
        const TableName to = table_name();
        write_table(to);
        moves(from, "*", to);
    } while (accept(','));
}

} // namespace stepgate::policies::mysql
