#include "policies/mysql/parser.h"

namespace stepgate::policies::mysql
{

/// name, 'name'@'host', CURRENT_USER, or a role. The lexer gives the host as a user variable.
void Parser::account()
{
    if (accept_any(Word::k_current_user, Word::k_current_role)) {
        if (accept('('))
            expect(')');
        return;
    }
    if (!at(TokenKind::string) && !at_name())
        return unexpected();
    advance();
    if (at(TokenKind::user_variable))
        advance();
}

void Parser::account_list()
{
    do
        account();
    while (accept(','));
}

/// CREATE, ALTER and DROP USER. What follows IDENTIFIED is a secret.
void Parser::user_statement(Kind kind)
{
    is(kind, "role");
    if_exists();
    if_not_exists();
    if (at(Word::k_user) && next_is(1, '(')) { // alter user user() …
        advance();
        skip_group();
    } else {
        account();
    }
    facts_.destructive = kind == Kind::drop;
    while (!at_end()) {
        if (at(Word::k_select))
            return unexpected();
        out_.facts.carries_secret = out_.facts.carries_secret || at(Word::k_identified) || at(Word::k_password);
        advance();
    }
}

void Parser::role_statement(Kind kind)
{
    is(kind, "role");
    if_exists();
    if_not_exists();
    account_list();
    facts_.destructive = kind == Kind::drop;
    if (accept(Word::k_with)) { // admin
        advance();
        account();
    }
}

/// The object of a privilege: *, *.*, database.*, [database.]table or a routine.
void Parser::grant_object()
{
    if (accept('*')) {
        if (accept('.'))
            expect('*');
        is(facts_.kind, "database");
        return;
    }
    TableName object;
    object.name = name();
    if (accept('.')) {
        if (accept('*'))
            return is(facts_.kind, "database");
        object.database = object.name;
        object.name = name();
    }
    if (facts_.object != "function" && facts_.object != "procedure")
        write_table(object);
}

/// GRANT and REVOKE of privileges and roles.
void Parser::grant(bool revoke)
{
    is(revoke ? Kind::revoke : Kind::grant, "role");
    advance();
    if_exists();
    std::vector<std::string_view> columns;
    while (!at(Word::k_on) && !at(Word::k_to) && !at(Word::k_from) && !at_end()) {
        if (at(Word::k_select) && next_is(1, Word::k_from))
            return unexpected();
        if (!accept('(')) {
            advance();
            continue;
        }
        do
            columns.push_back(name());
        while (accept(','));
        expect(')');
    }
    if (accept(Word::k_on)) {
        is(facts_.kind, "table");
        if (accept(Word::k_function))
            is(facts_.kind, "function");
        else if (accept(Word::k_procedure))
            is(facts_.kind, "procedure");
        else
            accept(Word::k_table);
        if (at(TokenKind::string) || peek(1).kind == TokenKind::user_variable) { // proxy on account
            is(facts_.kind, "role");
            account();
        } else {
            grant_object();
        }
    }
    for (Access& write : writes_)
        write.columns.insert(write.columns.end(), columns.begin(), columns.end());
    if (revoke)
        expect(Word::k_from);
    else
        expect(Word::k_to);
    account();
    while (!at_end()) {
        if (at(Word::k_select))
            return unexpected();
        out_.facts.carries_secret = out_.facts.carries_secret || at(Word::k_identified);
        advance();
    }
}

} // namespace stepgate::policies::mysql
