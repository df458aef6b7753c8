#include "policies/mysql/parser.h"
#include "policies/statement/ascii.h"

namespace stepgate::policies::mysql
{

/// CREATE PROCEDURE and FUNCTION: the body is read to find its end, not run.
void Parser::create_routine(std::string_view object)
{
    is(Kind::create, object);
    if_not_exists();
    const TableName routine = table_name();
    effect(statement::Redefine{.relation = {}, .function = lower(routine.name), .copies = {}});
    if (object == "function" && accept(Word::k_returns)) { // a loadable function
        advance();
        expect(Word::k_soname);
        string_value();
        facts_.kind = Kind::load;
        return opaque("loads a library into the server");
    }
    if (!at('('))
        return unexpected();
    skip_group();
    if (accept(Word::k_returns) || accept(Word::k_return))
        cast_type_of_return();
    characteristics();
    body();
}

/// A type, up to where characteristics or the body begin.
void Parser::cast_type_of_return()
{
    advance();
    for (;;) {
        if (at('('))
            skip_group();
        else if (at(Word::k_unsigned) || at(Word::k_zerofill) || at(Word::k_signed) || at(Word::k_precision) ||
                 at(Word::k_varying))
            advance();
        else if (at(Word::k_character) || at(Word::k_charset) || at(Word::k_collate)) {
            if (accept(Word::k_character))
                accept(Word::k_set);
            else
                advance();
            name_or_binary();
        } else
            return;
    }
}

void Parser::characteristics()
{
    for (;;) {
        if (accept(Word::k_comment)) {
            string_value();
        } else if (accept(Word::k_language)) {
            if (!accept(Word::k_sql)) {
                opaque("makes a routine in a language that stepgate does not know");
                advance();
            }
        } else if (accept(Word::k_not)) {
            expect(Word::k_deterministic);
        } else if (accept(Word::k_deterministic)) {
        } else if (accept(Word::k_contains) || accept(Word::k_no)) {
            expect(Word::k_sql);
        } else if (accept(Word::k_reads) || accept(Word::k_modifies)) {
            expect(Word::k_sql);
            expect(Word::k_data);
        } else if (accept(Word::k_sql)) {
            expect(Word::k_security);
            advance();
        } else if (at(Word::k_aggregate)) {
            advance();
        } else {
            return;
        }
    }
}

/// CREATE TRIGGER name BEFORE|AFTER event ON table FOR EACH ROW [FOLLOWS x] body
void Parser::create_trigger()
{
    is(Kind::create, "trigger");
    if_not_exists();
    const TableName trigger = table_name();
    if (!accept_any(Word::k_before, Word::k_after))
        return unexpected();
    if (!accept_any(Word::k_insert, Word::k_update, Word::k_delete))
        return unexpected();
    expect(Word::k_on);
    const TableName table = table_name();
    write_table(table);
    if (table.database.empty() && !trigger.database.empty()) // MariaDB looks for it where the trigger is made
        write_table({trigger.database, table.name});
    expect(Word::k_for);
    expect(Word::k_each);
    expect(Word::k_row);
    if (accept_any(Word::k_follows, Word::k_precedes))
        name();
    body();
}

void Parser::create_event()
{
    is(Kind::create, "event");
    if_not_exists();
    event(Kind::create);
}

/// name ON SCHEDULE …, ON COMPLETION …, RENAME TO …, ENABLE, COMMENT, DO body
void Parser::event(Kind kind)
{
    const TableName event = table_name();
    effect(statement::Redefine{.relation = {}, .function = lower(event.name), .copies = {}});
    bool disabled = false;
    const std::size_t references = references_.size();
    while (!at_end() && !at(Word::k_do)) {
        if (at(Word::k_select))
            return unexpected();
        if (accept(Word::k_rename)) {
            expect(Word::k_to);
            table_name();
        } else if (at(TokenKind::word) && same_word(cur().text, "disable")) {
            advance();
            disabled = !at(Word::k_on); // DISABLE ON SLAVE: here it runs
        } else if (accept_any(Word::k_at, Word::k_every, Word::k_starts, Word::k_ends)) {
            expression();
            if (at(TokenKind::word) && word_is_unit(cur().word))
                advance();
        } else {
            advance();
        }
    }
    drop_references(references);
    if (accept(Word::k_do)) { // nobody is asked again when it runs, so what it does counts now
        if (is_found())
            return;
        ++blocks_;
        body_statement();
        --blocks_;
        return is(kind, "event");
    }
    if (kind == Kind::create)
        return unexpected();
    if (!disabled) // it runs what it ran before
        called_stored(event, Lead::Kind::event);
}

/// A body begins here, and only that was asked.
bool Parser::is_found()
{
    if (finding_body_)
        found_body_ = cur().begin;
    return finding_body_;
}

/// The body of a routine or trigger: read, and what it does forgotten, since it is not run.
void Parser::body()
{
    if (failed_ || is_found())
        return;
    const statement::StatementFacts facts = facts_;
    const std::vector<Access> reads = reads_;
    const std::vector<Access> writes = writes_;
    const std::vector<std::string> calls = calls_;
    const std::vector<Lead> leads = leads_;
    const bool was_opaque = out_.facts.opaque;
    const std::size_t reasons = out_.facts.opaque_reasons.size();
    ++blocks_;
    body_statement();
    --blocks_;
    if (failed_)
        return;
    facts_ = facts;
    reads_ = reads;
    writes_ = writes;
    calls_ = calls;
    leads_ = leads;
    out_.facts.opaque = was_opaque;
    out_.facts.opaque_reasons.resize(reasons);
}

} // namespace stepgate::policies::mysql
