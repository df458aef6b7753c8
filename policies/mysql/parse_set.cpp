#include "policies/mysql/parser.h"
#include "policies/statement/ascii.h"
#include "policies/statement/secrets.h"

#include <algorithm>
#include <array>

namespace stepgate::policies::mysql
{
namespace
{

using namespace std::string_view_literals;

constexpr int deepest_value = 8;

/// Variables that decide how texts are read, or what becomes of those in quotes; the session keeps their values.
bool decides_reading(std::string_view name)
{
    return name == "sql_mode" || name == "character_set_client" || name == "character_set_connection" ||
           name == "collation_connection";
}

/// Variables that change which rows a text means, or what becomes of them: what was approved was meant under them.
bool decides_meaning(std::string_view name)
{
    constexpr std::array names{"timestamp"sv,
                               "time_zone"sv,
                               "collation_connection"sv,
                               "last_insert_id"sv,
                               "identity"sv,
                               "sql_auto_is_null"sv,
                               "sql_select_limit"sv,
                               "foreign_key_checks"sv,
                               "default_regex_flags"sv,
                               "system_versioning_asof"sv,
                               "div_precision_increment"sv,
                               "default_week_format"sv,
                               "lc_time_names"sv,
                               "group_concat_max_len"sv,
                               "max_sort_length"sv,
                               "max_recursive_iterations"sv,
                               "pseudo_thread_id"sv,
                               "block_encryption_mode"sv,
                               "check_constraint_checks"sv,
                               "old_mode"sv};
    return std::ranges::find(names, name) != names.end();
}

/// Of tables that name none.
bool is_engine(std::string_view name)
{
    return name == "default_storage_engine" || name == "default_tmp_storage_engine" || name == "storage_engine" ||
           name == "enforce_storage_engine";
}

std::string without_all(std::string text, std::string_view part, std::string_view other)
{
    std::string out;
    for (std::size_t at = 0; !part.empty();) {
        const std::size_t next = text.find(part, at);
        if (next == std::string::npos) {
            out += text.substr(at);
            return out;
        }
        out += text.substr(at, next - at);
        out += other;
        at = next + part.size();
    }
    return text;
}

/// A number without an exponent as the server writes it: 007 is 7, -00.50 is -0.50.
std::optional<std::string> as_server_writes(std::string_view number, bool negative)
{
    constexpr std::size_t most_characters = 60; // 65 digits, and no more than 30 of them behind the point
    const std::size_t point = std::min(number.find('.'), number.size());
    const std::size_t behind = number.size() - point;
    if (number.size() > most_characters || number.find_first_not_of("0123456789.") != number.npos || point == 0 ||
        behind == 1 || behind > most_characters / 2)
        return std::nullopt;
    number.remove_prefix(std::min(number.find_first_not_of('0'), point - 1));
    const bool zero = number.find_first_not_of("0.") == number.npos;
    return (negative && !zero ? "-" : "") + std::string{number};
}

} // namespace

/// What an expression of numbers, strings, user variables, @@sql_mode, concat() and replace() is, read ahead of the
/// parser. Nothing if that cannot be told. `token` is the one to read; afterwards the one behind.
std::optional<std::string> Parser::known_value(Lexer& lexer, Token& token, int depth) const
{
    if (depth > deepest_value)
        return std::nullopt;
    const Token first = token;
    token = lexer.next();
    if (first.kind == TokenKind::string) {
        std::string value = mysql::unescaped(first, reading_);
        for (; token.kind == TokenKind::string; token = lexer.next())
            value += mysql::unescaped(token, reading_);
        return value;
    }
    const bool minus = first.kind == TokenKind::symbol && first.symbol == symbol('-');
    if (const Token number = minus ? token : first;
        number.kind == TokenKind::integer || number.kind == TokenKind::number) {
        if (minus)
            token = lexer.next();
        return as_server_writes(number.text, minus);
    }
    if (first.kind == TokenKind::user_variable) {
        const std::string* value = state_->variable(mysql::unescaped(first, reading_));
        return value == nullptr ? std::nullopt : std::optional{*value};
    }
    if (first.kind == TokenKind::system_variable) {
        std::string_view name = first.text;
        if (token.symbol == symbol('.') && !same_word(name, "global")) {
            token = lexer.next();
            name = token.text;
            token = lexer.next();
        }
        return same_word(name, "sql_mode") ? state_->sql_mode() : std::nullopt;
    }
    const bool concat = first.kind == TokenKind::word && same_word(first.text, "concat");
    const bool replace = first.kind == TokenKind::word && same_word(first.text, "replace");
    if ((!concat && !replace) || token.symbol != symbol('('))
        return std::nullopt;
    std::vector<std::string> parts;
    do {
        token = lexer.next();
        auto part = known_value(lexer, token, depth + 1);
        if (!part)
            return std::nullopt;
        parts.push_back(std::move(*part));
    } while (token.symbol == symbol(','));
    if (token.symbol != symbol(')') || (replace && parts.size() != 3))
        return std::nullopt;
    token = lexer.next();
    if (replace)
        return without_all(parts[0], parts[1], parts[2]);
    std::string whole;
    for (const std::string& part : parts)
        whole += part;
    return whole;
}

/// The value of the expression that comes next, if it is known; reads nothing.
std::optional<std::string> Parser::value_ahead()
{
    if (failed_ || blocks_ > 0)
        return std::nullopt;
    const Token here = cur();
    Lexer lexer = lexer_;
    lexer.look_from(here);
    Token token = lexer.next();
    out_.literals_consulted = true;
    out_.names_consulted = out_.names_consulted || token.kind != TokenKind::string;
    auto value = known_value(lexer, token, 0);
    const bool kept = value && state_->keeps(*value);
    const bool whole = token.kind == TokenKind::end || token.symbol == symbol(',') || token.symbol == symbol(';') ||
                       token.word == Word::k_for || token.word == Word::k_using;
    return whole && kept && lexer.trouble().empty() ? value : std::nullopt;
}

void Parser::set()
{
    is(Kind::set);
    if (mariadb() && next_is(1, Word::k_statement))
        return set_statement();
    advance();
    if (accept(Word::k_password))
        return set_password();
    if (at(Word::k_role) || (at(Word::k_default) && next_is(1, Word::k_role)))
        return set_role();
    if (at(Word::k_resource) && next_is(1, Word::k_group)) {
        advance();
        advance();
        name();
        if (accept(Word::k_for))
            expressions();
        return drop_references(0);
    }
    const bool scoped = at(Word::k_global) || at(Word::k_session) || at(Word::k_local);
    if (at(Word::k_transaction) || (scoped && next_is(1, Word::k_transaction)))
        return set_transaction();
    bool global = false;
    do
        set_one(global);
    while (accept(','));
    drop_references(0);
}

/// `global`: GLOBAL stood before an assignment to the left, and may count for this one too.
/// One assignment of SET: [scope] variable = value, @@[scope.]variable, @user_variable, NAMES, CHARACTER SET.
void Parser::set_one(bool& global)
{
    if (at(Word::k_names) && !next_is(1, '='))
        return set_names();
    if ((at(Word::k_character) && next_is(1, Word::k_set)) || (at(Word::k_charset) && !next_is(1, '=')))
        return set_names();
    if (at(TokenKind::user_variable)) {
        const std::string variable = "@" + unescaped(cur(), reading_);
        out_.facts.carries_secret = out_.facts.carries_secret || statement::names_secret(variable);
        advance();
        if (!accept('=') && !accept(Symbol::assign))
            return unexpected();
        auto value = value_ahead();
        value_of_round(variable);
        return set_effect(variable, std::move(value));
    }
    bool session = true;
    bool named = false;
    std::string variable;
    const auto scope = [&](std::string_view word) {
        const bool for_all = same_word(word, "global") || same_word(word, "persist") || same_word(word, "persist_only");
        session = !for_all;
        if (for_all)
            facts_.object = "system";
        return for_all || same_word(word, "session") || same_word(word, "local");
    };
    if (at(TokenKind::system_variable)) {
        variable = lower(name_of(cur()));
        named = !scope(variable);
        advance();
        if (!named) {
            expect('.');
            variable = lower(name());
        }
    } else {
        if (at_name() && !next_is(1, '=') && !next_is(1, '.') && scope(cur().text)) {
            advance();
            global = !session;
        } else if (global) {
            facts_.object = "system";
        }
        variable = lower(variable_name());
    }
    if (accept('.')) // a part of a component's variable, or NEW.column in a trigger
        variable += "." + lower(name());
    out_.facts.carries_secret = out_.facts.carries_secret || statement::names_secret(variable);
    if (!accept('=') && !accept(Symbol::assign))
        return unexpected();
    assign_system(variable, session);
    if (global && session && (decides_reading(variable) || decides_meaning(variable)))
        set_effect(variable, std::nullopt);
}

std::string_view Parser::variable_name()
{
    if (!at(TokenKind::word) || (!next_is(1, '=') && !next_is(1, '.')))
        return name();
    const std::string_view variable = cur().text; // sql_buffer_result is a keyword too
    advance();
    return variable;
}

/// The value of a system variable: an expression, DEFAULT, ON, ALL, BINARY, or a bare word that stands for itself.
void Parser::assign_system(const std::string& variable, bool session)
{
    const bool means = session && decides_meaning(variable);
    const bool matters = means || (session && decides_reading(variable)), engine = is_engine(variable);
    const std::uint32_t begin = cur().begin;
    std::optional<std::string> value;
    if (matters || engine)
        value = value_ahead();
    if (at(Word::k_default) && !next_is(1, '(')) {
        advance();
        if (matters)
            effect(statement::SetParameter{.name = variable, .value = {}});
        return;
    }
    const bool bare_ends =
        peek(1).kind == TokenKind::end || next_is(1, ',') || next_is(1, ';') || next_is(1, Word::k_for);
    const bool bare = (at(TokenKind::word) || at(TokenKind::quoted_name)) && bare_ends;
    if (bare && (at_name() || at(Word::k_on) || at(Word::k_all) || at(Word::k_binary) || at(Word::k_row) ||
                 at(Word::k_system) || at(Word::k_force))) {
        if (matters || engine)
            value = std::string{cur().text};
        advance();
    } else {
        value_of_round(variable);
    }
    if (engine)
        kept_by(lower(value.value_or("?")));
    if (means && !value && !failed_ &&
        !decides_reading(variable)) // the text stands for its value, which only the server knows
        value = std::string{sql_.substr(begin, last_end_ - begin)};
    if (matters)
        set_effect(variable, std::move(value));
}

/// SET NAMES x [COLLATE y], SET CHARACTER SET x.
void Parser::set_names()
{
    const bool names = at(Word::k_names);
    if (accept(Word::k_character))
        expect(Word::k_set);
    else
        advance();
    out_.literals_consulted = true;
    statement::SetParameter parameter{.name = "character_set_client", .value = {}};
    if (at(Word::k_default))
        advance();
    else if (at(Word::k_binary)) {
        advance();
        parameter.value = {"binary"};
    } else
        parameter.value = {std::string{name_or_text()}};
    std::string collation;
    if (accept(Word::k_collate)) {
        collation = cur().text;
        name_or_binary();
    }
    statement::SetParameter connection{.name = "character_set_connection", .value = {}};
    connection.unknown = !names; // that of the database
    if (names)
        connection.value = parameter.value;
    effect(std::move(parameter));
    effect(std::move(connection));
    if (!collation.empty())
        set_effect("collation_connection", std::move(collation));
}

/// SET PASSWORD [FOR account] = 'x' | PASSWORD('x') | TO RANDOM
void Parser::set_password()
{
    is(Kind::alter, "role");
    out_.facts.carries_secret = true;
    if (accept(Word::k_for))
        account();
    if (accept(Word::k_to)) {
        expect(Word::k_random);
    } else {
        if (!accept('='))
            expect(Symbol::assign);
        expression();
    }
    if (accept(Word::k_replace))
        string_value();
    if (accept(Word::k_retain)) {
        expect(Word::k_current);
        expect(Word::k_password);
    }
    drop_references(0);
}

/// SET ROLE x, SET DEFAULT ROLE x TO|FOR account
void Parser::set_role()
{
    is(Kind::role);
    if (accept(Word::k_default))
        is(Kind::alter, "role");
    expect(Word::k_role);
    if (accept_any(Word::k_none, Word::k_default)) {
    } else if (accept(Word::k_all)) {
        if (accept(Word::k_except))
            account_list();
    } else {
        account_list();
    }
    if (accept(Word::k_to) || accept(Word::k_for))
        account_list();
}

void Parser::set_transaction()
{
    is(Kind::set_transaction);
    accept_any(Word::k_global, Word::k_session, Word::k_local);
    expect(Word::k_transaction);
    do {
        if (accept(Word::k_read)) {
            if (!accept(Word::k_only))
                expect(Word::k_write);
            continue;
        }
        expect(Word::k_isolation);
        expect(Word::k_level);
        if (accept(Word::k_read)) {
            if (!accept(Word::k_committed))
                expect(Word::k_uncommitted);
        } else if (accept(Word::k_repeatable)) {
            expect(Word::k_read);
        } else {
            expect(Word::k_serializable);
        }
    } while (accept(','));
}

/// MariaDB: SET STATEMENT a = 1, … FOR statement. The statement runs; its text is read before the variables are set.
void Parser::set_statement()
{
    advance();
    advance();
    do {
        const std::string variable = lower(name());
        if (!accept('='))
            expect(Symbol::assign);
        assign_system(variable, false);
        if (decides_reading(variable))
            opaque("runs a statement under another " + variable);
    } while (accept(','));
    drop_references(0);
    expect(Word::k_for);
    statement();
}

} // namespace stepgate::policies::mysql
