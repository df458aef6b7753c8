#include "policies/mysql/parser.h"
#include "policies/statement/ascii.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace stepgate::policies::mysql
{

/// [ALGORITHM = word] [DEFINER = account] [SQL SECURITY word], in front of what is made or altered
void Parser::rights_and_algorithm()
{
    if (accept(Word::k_algorithm)) {
        expect('=');
        advance();
    }
    if (accept(Word::k_definer)) {
        expect('=');
        account();
    }
    if (accept(Word::k_sql)) {
        expect(Word::k_security);
        advance();
    }
}

void Parser::create()
{
    advance();
    const bool replace = at(Word::k_or) && next_is(1, Word::k_replace);
    if (replace) {
        advance();
        advance();
    }
    rights_and_algorithm();
    const bool temporary = accept(Word::k_temporary);
    if (accept(Word::k_table))
        return create_table(temporary, replace);
    if (accept(Word::k_sequence))
        return create_sequence(replace);
    if (accept(Word::k_view))
        return create_view();
    if (accept_any(Word::k_database, Word::k_schema))
        return create_database(replace);
    if (accept_any(Word::k_online, Word::k_offline, Word::k_unique, Word::k_fulltext, Word::k_spatial) ||
        at(Word::k_index)) {
        expect(Word::k_index);
        return create_index();
    }
    if (accept(Word::k_user))
        return user_statement(Kind::create);
    if (accept(Word::k_role))
        return role_statement(Kind::create);
    if (create_program())
        return;
    if (at(Word::k_server) || at(Word::k_tablespace) || at(Word::k_undo) || at(Word::k_logfile) ||
        at(Word::k_resource) || at(Word::k_spatial)) {
        is(Kind::create, at(Word::k_server) ? "server" : "tablespace");
        out_.facts.carries_secret = out_.facts.carries_secret || at(Word::k_server);
        return skip_rest();
    }
    unexpected();
}

bool Parser::create_program()
{
    accept(Word::k_aggregate);
    if (accept(Word::k_procedure))
        create_routine("procedure");
    else if (accept(Word::k_function))
        create_routine("function");
    else if (accept(Word::k_trigger))
        create_trigger();
    else if (accept(Word::k_event))
        create_event();
    else
        return false;
    return true;
}

void Parser::create_database(bool replace)
{
    is(Kind::create, "database");
    facts_.destructive = replace; // what is replaced is dropped, with all that is in it
    if_not_exists();
    name();
    skip_rest();
}

void Parser::create_sequence(bool replace)
{
    is(Kind::create, "sequence");
    facts_.destructive = replace;
    if_not_exists();
    write_table(table_name());
    skip_rest();
}

void Parser::create_view()
{
    is(Kind::create, "view");
    if_not_exists();
    const TableName view = table_name();
    write_table(view);
    if (at('('))
        skip_group();
    expect(Word::k_as);
    query();
    if (accept(Word::k_with)) {
        accept_any(Word::k_cascaded, Word::k_local);
        expect(Word::k_check);
        expect(Word::k_option);
    }
}

/// CREATE INDEX name [USING …] ON table (columns) …
void Parser::create_index()
{
    is(Kind::create, "index");
    if_not_exists();
    name();
    while (!at(Word::k_on) && !at_end())
        advance();
    expect(Word::k_on);
    const TableName table = table_name();
    write_table(table);
    defines(table);
    if (!at('('))
        return unexpected();
    defined_group();
    skip_rest();
}

/// At definitions for a table that has rows: the columns that they name are read.
void Parser::defines(const TableName& table)
{
    defined_table_ = full_name(table, defined_known_);
}

void Parser::reads_defined(std::string_view column)
{
    if (!defined_table_.empty())
        reads_[static_cast<std::size_t>(read_index(defined_table_, defined_known_))].columns.push_back(column);
}

/// A group of columns, or of expressions of them, that a key or a partition compares; or the arguments of a type.
void Parser::defined_group()
{
    const bool partitions = next_is(1, Word::k_partition);
    in_group([&] {
        if (partitions && at(Word::k_engine)) {
            engine();
            return true;
        }
        const bool called = next_is(1, '(') && peek(2).kind != TokenKind::integer; // not a prefix: column(10)
        if (!partitions && at_name() && !called && !at(Word::k_asc) && !at(Word::k_desc))
            reads_defined(name_of(cur()));
        return false;
    });
}

/// ENGINE [=] name: some keep no rows, or keep them elsewhere.
void Parser::engine()
{
    advance();
    accept('=');
    kept_by(lower(name_or_text()));
}

/// An engine's name in lower case, of a table or of tables to come.
void Parser::kept_by(std::string_view engine)
{
    static constexpr std::string_view keep[] = {"archive", "aria", "columnstore", "csv",     "innodb", "mroonga",
                                                "myisam",  "ndb",  "ndbcluster",  "rocksdb", "tokudb"};
    static constexpr std::string_view lose[] = {"blackhole", "example",    "heap",    "memory",
                                                "merge",     "mrg_myisam", "sequence"};
    if (std::ranges::find(keep, engine) != std::end(keep))
        return;
    facts_.destructive = facts_.destructive || facts_.kind == Kind::alter;
    if (std::ranges::find(lose, engine) == std::end(lose))
        opaque("has a table kept by the engine " + std::string{engine} + ", which may be files or other servers");
}

void Parser::create_table(bool temporary, bool replace)
{
    is(Kind::create, "table");
    const bool unless = at(Word::k_if);
    if_not_exists();
    const TableName table = table_name();
    write_column(table, "*");
    // What was there before may be something else: a view, or a table with triggers.
    redefine(table, {.relation = {},
                     .function = {},
                     .temporary = temporary,
                     .writes = (unless || replace) && !temporary,
                     .copies = {}});
    facts_.destructive = replace && !temporary;
    bool known = false;
    std::string full = full_name(table, known);
    if (temporary && known && !unless && blocks_ == 0) // what is there may be a MERGE table
        facts_.makes_temporary = std::move(full);
    if (accept(Word::k_like))
        return like();
    table_definition();
}

/// At the name of a table that another one is made like: no rows, but columns of the same names, and labels go with
/// them. Of a MERGE table it stands for the same others.
void Parser::like()
{
    const TableName source = table_name();
    read_table(source, "*");
    bool known = false;
    if (is_merge(full_name(source, known)))
        stands_for_others();
}

/// What is made is no plain table: more is behind its name.
void Parser::stands_for_others()
{
    for (statement::Effect& effect : facts_.effects)
        if (auto* change = std::get_if<statement::Redefine>(&effect))
            change->code = true;
    facts_.makes_temporary.clear();
}

/// [(elements)] [options] [PARTITION BY …] [[IGNORE | REPLACE] [AS] query]
void Parser::table_definition()
{
    if (at('(') && !at_query_start(1) && !next_is(1, '(')) {
        advance();
        if (accept(Word::k_like)) {
            like();
            return expect(')');
        }
        table_elements();
        expect(')');
    }
    definition_tail(false);
}

void Parser::table_elements()
{
    const bool before = std::exchange(in_elements_, true);
    do
        definition_tail(true);
    while (accept(','));
    in_elements_ = before;
}

/// REFERENCES table (columns): that rows exist there is asked of it.
void Parser::referenced_table()
{
    bool known = false;
    const TableName parent = table_name();
    redefine(parent, {.relation = {}, .function = {}, .writes = true, .copies = {}}); // its rows may go with others now
    const std::string table = full_name(parent, known);
    const auto index = static_cast<std::size_t>(read_index(table, known)); // nothing is behind it, or it cannot be one
    if (!accept('('))
        return;
    do
        reads_[index].columns.push_back(name());
    while (accept(','));
    expect(')');
}

/// UNION = (a, b) of a MERGE table, which reads and writes those.
void Parser::merged_tables()
{
    accept('=');
    expect('(');
    while (!at(')') && !at_end()) {
        const TableName table = table_name();
        write_table(table);
        read_table(table, "*");
        accept(',');
    }
    expect(')');
    stands_for_others();
    if (facts_.kind == Kind::alter && !writes_.empty()) {
        const std::string& altered = writes_.front().table;
        effect(statement::Redefine{.relation = altered.substr(altered.find('.') + 1),
                                   .function = {},
                                   .code = true,
                                   .writes = true,
                                   .copies = {}});
    }
}

/// One thing in a definition that names tables, columns or functions; false if what comes next is something else.
bool Parser::definition_part()
{
    const bool with_query = at(Word::k_with) && (next_is(1, Word::k_recursive) || next_is(2, Word::k_as) ||
                                                 (next_is(2, '(') && !next_is(1, Word::k_parser)));
    if (with_query ||
        (!at(Word::k_with) && !next_is(1, Word::k_less) && !next_is(1, Word::k_in) && at_query_start(0))) {
        query();
        return true;
    }
    if (at('(')) {
        if (at_query_start(1) || (next_is(1, '(') && at_query_start(2)))
            query();
        else
            defined_group();
        return true;
    }
    if (at(Word::k_references)) {
        advance();
        referenced_table();
        return true;
    }
    if (at(Word::k_union)) {
        advance();
        merged_tables();
        return true;
    }
    if (at(Word::k_connection) && (next_is(1, '=') || peek(1).kind == TokenKind::string)) {
        out_.facts.carries_secret = true;
        opaque("makes a table of another server");
        advance();
        return true;
    }
    if (at(Word::k_engine) && !in_elements_ &&
        (next_is(1, '=') || peek(1).kind == TokenKind::word || peek(1).kind == TokenKind::quoted_name ||
         peek(1).kind == TokenKind::string)) {
        engine();
        return true;
    }
    std::size_t first = 2; // in all the parentheses
    while (first < ring_.size() - 1 && next_is(first, '('))
        ++first;
    if (at(Word::k_check) || (at(Word::k_as) && next_is(1, '(') && !at_query_start(first))) {
        if (!next_is(1, '(')) // CHECK of something else
            return false;
        advance();
        advance();
        expression();
        expect(')');
        return true;
    }
    const bool default_value = at(Word::k_default) && !next_is(1, Word::k_character) && !next_is(1, Word::k_charset) &&
                               !next_is(1, Word::k_collate) && !next_is(1, Word::k_encryption) && !next_is(1, ',') &&
                               !next_is(1, ')') && !next_is(1, ';') && peek(1).kind != TokenKind::end;
    const bool on_update = at(Word::k_on) && next_is(1, Word::k_update) && next_is(2, Word::k_current_timestamp);
    if (default_value || on_update) {
        advance();
        accept(Word::k_update);
        expression(12); // a literal, a function or something in parentheses
        return true;
    }
    return false;
}

/// The rest of a definition: words, options, groups; and what names tables or functions. An element of a list ends at
/// its comma.
void Parser::definition_tail(bool stop_at_comma)
{
    const std::size_t references = references_.size();
    while (!at_end() && !at(')') && !(stop_at_comma && at(','))) {
        if (definition_part())
            continue;
        const bool name_follows = at(Word::k_index) || at(Word::k_key) || at(Word::k_constraint) || at(Word::k_unique);
        advance();
        if (name_follows && at(Word::k_engine) && !next_is(1, '='))
            advance(); // a name
    }
    for (std::size_t i = references; i < references_.size(); ++i)
        reads_defined(references_[i].name);
    drop_references(references);
}

} // namespace stepgate::policies::mysql
