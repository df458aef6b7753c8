#include "policies/mysql/parser.h"
#include "policies/statement/ascii.h"

#include <algorithm>
#include <utility>

namespace stepgate::policies::mysql
{

bool Parser::compound_follows()
{
    const bool labelled = at_name() && next_is(1, ':');
    return labelled || at(Word::k_if) || at(Word::k_case) || at(Word::k_loop) || at(Word::k_while) ||
           at(Word::k_repeat) || (at(Word::k_for) && mariadb());
}

/// BEGIN NOT ATOMIC … END and bare compound statements of MariaDB: they run at once.
void Parser::block_statement()
{
    ++blocks_;
    body_statement();
    --blocks_;
    is(Kind::do_block);
    for (statement::Effect& effect : facts_.effects) { // whether and in which order is not known
        if (auto* parameter = std::get_if<statement::SetParameter>(&effect)) {
            parameter->unknown = true;
            parameter->value.reset();
        } else if (auto* made = std::get_if<statement::PrepareStatement>(&effect)) {
            effect = statement::Deallocate{made->name};
        }
    }
}

/// A statement inside a block or the body itself.
void Parser::body_statement()
{
    const Nest nest{*this};
    if (!nest)
        return;
    const std::size_t references = references_.size();
    const std::size_t items = items_.size();
    if (!compound()) {
        statement();
        also(facts_.itself());
    }
    drop_references(references);
    items_.resize(items);
}

/// True if a statement that only stands in bodies was read.
bool Parser::compound()
{
    if (at_name() && next_is(1, ':')) {
        advance();
        advance();
    }
    switch (cur().word) {
    case Word::k_begin:
        block();
        return true;
    case Word::k_if:
        if_statement();
        return true;
    case Word::k_case:
        case_statement();
        return true;
    case Word::k_loop:
    case Word::k_while:
    case Word::k_repeat:
        loop();
        return true;
    case Word::k_for:
        for_loop();
        return true;
    case Word::k_return:
        advance();
        expression();
        return true;
    case Word::k_leave: // how loops over a cursor end
    case Word::k_iterate:
        std::erase_if(rounds_, [all = at(Word::k_iterate)](const EachRow& one) { return all || one.whole; });
        [[fallthrough]];
    case Word::k_open:
        advance();
        name();
        if (at('('))
            parenthesised();
        return true;
    case Word::k_close:
        advance();
        name();
        return true;
    case Word::k_fetch:
        fetch();
        return true;
    default:
        return false;
    }
}

/// BEGIN [NOT ATOMIC] declarations; statements; END [label]
void Parser::block()
{
    expect(Word::k_begin);
    if (accept(Word::k_not))
        expect(Word::k_atomic);
    while (at(Word::k_declare)) {
        declare();
        expect(';');
    }
    while (!failed_ && !at(Word::k_end)) {
        body_statement();
        expect(';');
    }
    expect(Word::k_end);
    if (at_name())
        name();
}

/// Statements up to the word that ends them.
void Parser::block_body()
{
    while (!failed_ && !at(Word::k_end) && !at(Word::k_else) && !at(Word::k_elseif) && !at(Word::k_when) &&
           !at(Word::k_until)) {
        body_statement();
        expect(';');
    }
}

/// FETCH [[NEXT] FROM] cursor INTO a, b; FETCH GROUP NEXT ROW
void Parser::fetch()
{
    advance();
    if (accept(Word::k_group)) { // of an aggregate function
        expect(Word::k_next);
        expect(Word::k_row);
        return;
    }
    if (accept(Word::k_next))
        accept(Word::k_from);
    else if (!at_name())
        accept(Word::k_from);
    const AllRows* const rows = cursor(name());
    into_.clear();
    into();
    if (rows != nullptr)
        fill_each(*rows);
}

/// The variables at hand have another of the rows in each round.
void Parser::fill_each(const AllRows& rows)
{
    for (std::size_t i = 0; i < into_.size(); ++i)
        if (rows.star || (i < rows.columns.size() && !rows.columns[i].column.empty()))
            rounds_.push_back(
                {into_[i], rows, false, rows.star ? std::string_view{} : rows.columns[i].column, branches_});
}

/// SELECT … INTO of a loop. The least or the first of all rows is another one in each round, once that is gone.
void Parser::query_of_program()
{
    into_.clear();
    if (loops_ == 0)
        return void(query());
    one_by_one_ = true;
    const auto rows = all_rows([this] { return query(); }, true);
    one_by_one_ = false;
    if (rows)
        fill_each(*rows);
}

/// The value that a variable is set to, as above.
void Parser::value_of_round(std::string_view variable)
{
    one_by_one_ = naming_rows_ = loops_ > 0 && at_query_in_parentheses();
    const Expression value = expression();
    one_by_one_ = naming_rows_ = false;
    if (value.gives != Expression::Form::other)
        rounds_.push_back({names_.emplace_back(variable), {value.table, {}}, false, value.name, branches_});
}

/// What a query gives, if all rows of one table, or with `bounds` the least or greatest. `read` reads it.
template <class Read>
std::optional<AllRows> Parser::all_rows(Read read, bool bounds)
{
    naming_rows_ = true;
    const std::size_t items = items_.size();
    const Query query = read();
    naming_rows_ = false;
    items_.resize(items);
    if (failed_ || !query.plain || !query.where.always || query.table.empty())
        return std::nullopt;
    AllRows rows{query.table, {}, query.star};
    if (bounds && is_bound(query.column))
        rows.columns.push_back({query.column.name, query.column.name});
    for (std::size_t i = query.begin; i < query.end && rows.columns.size() < query.count; ++i)
        rows.columns.push_back(outputs_[i]);
    return rows;
}

const AllRows* Parser::cursor(std::string_view name) const
{
    for (auto one = cursors_.rbegin(); one != cursors_.rend(); ++one)
        if (same_word(one->first, name))
            return one->second ? &*one->second : nullptr;
    return nullptr;
}

/// A loop or a branch ends: what its variables have is not known any more.
void Parser::end_rounds(std::size_t rounds)
{
    if (rounds < rounds_.size())
        rounds_.erase(rounds_.begin() + static_cast<std::ptrdiff_t>(rounds), rounds_.end());
}

/// A variable: whether it has, round by round, a column of each row of a table.
void Parser::give_each(Expression& made, std::string_view table, std::string_view column) const
{
    for (auto one = rounds_.rbegin(); loops_ > 0 && one != rounds_.rend(); ++one) {
        if (!same_word(one->variable, one->whole ? table : column) || one->whole == table.empty())
            continue;
        if (one->branches != branches_)
            return;
        made.name = one->whole ? column : one->column;
        if (one->whole && !one->rows.star) {
            const auto is = [column](const Output& output) { return same_word(output.name, column); };
            const auto found = std::ranges::find_if(one->rows.columns, is);
            if (found == one->rows.columns.end() || found->column.empty())
                return;
            made.name = found->column;
        }
        made.each = one->rows.table;
        return;
    }
}

/// In each round the column is that of another row, until there are no more.
bool Parser::is_each(const Expression& column, const Expression& value) const
{
    const Item* const owner = value.each.empty() ? nullptr : owner_of(column);
    return owner != nullptr && owner->table == value.each && (value.name.empty() || same_word(column.name, value.name));
}

/// The condition that comes asks whether a cursor had another row, and nothing else: where it had, it is the same in
/// each round.
bool Parser::asks_for_end()
{
    bool asks = false;
    Lexer ahead = lexer_;
    ahead.look_from(cur());
    for (Token token = ahead.next(); token.word != Word::k_then; token = ahead.next()) {
        const bool names = is_name(token) && std::ranges::any_of(ended_, [&](std::string_view one) {
                               return same_word(one, name_of(token));
                           });
        const bool plain = token.word == Word::k_not || token.word == Word::k_is || token.word == Word::k_true ||
                           token.word == Word::k_false || token.kind == TokenKind::integer;
        constexpr std::string_view marks = "!()=<>";
        const bool mark =
            token.kind == TokenKind::symbol &&
            (token.symbol == Symbol::not_equal || marks.find(static_cast<char>(token.symbol)) != marks.npos);
        if (!names && !plain && !mark)
            return false;
        asks = asks || names;
    }
    return asks;
}

void Parser::if_statement()
{
    const std::size_t rounds = rounds_.size();
    const int branches = branches_;
    do {
        advance();
        if (branches_ == branches && !asks_for_end())
            ++branches_;
        expression();
        expect(Word::k_then);
        block_body();
    } while (at(Word::k_elseif));
    if (accept(Word::k_else))
        block_body();
    branches_ = branches;
    end_rounds(rounds);
    expect(Word::k_end);
    expect(Word::k_if);
}

void Parser::case_statement()
{
    advance();
    const std::size_t rounds = rounds_.size();
    ++branches_;
    if (!at(Word::k_when))
        expression();
    while (accept(Word::k_when)) {
        expression();
        expect(Word::k_then);
        block_body();
    }
    if (accept(Word::k_else))
        block_body();
    --branches_;
    end_rounds(rounds);
    expect(Word::k_end);
    expect(Word::k_case);
}

void Parser::loop()
{
    const Word kind = cur().word;
    const std::size_t rounds = rounds_.size();
    ++loops_;
    advance();
    if (kind == Word::k_while) {
        expression();
        expect(Word::k_do);
    }
    block_body();
    if (kind == Word::k_repeat) {
        expect(Word::k_until);
        expression();
    }
    --loops_;
    end_rounds(rounds);
    expect(Word::k_end);
    if (!accept(kind))
        unexpected();
    if (at_name())
        name();
}

/// MariaDB: FOR i IN [REVERSE] 1 .. 9 DO …; FOR row IN (query) | cursor[(…)] DO …
void Parser::for_loop()
{
    advance();
    const std::string_view variable = name();
    declared_.push_back(variable);
    expect(Word::k_in);
    accept(Word::k_reverse);
    std::optional<AllRows> rows;
    if (at_query_in_parentheses()) {
        advance();
        rows = all_rows([this] { return subquery(true); });
        expect(')');
    } else {
        if (const AllRows* const of = at_name() ? cursor(name_of(cur())) : nullptr)
            rows = *of;
        expression();
        if (accept(Symbol::dots))
            expression();
    }
    expect(Word::k_do);
    const std::size_t rounds = rounds_.size();
    ++loops_;
    if (rows)
        rounds_.push_back({variable, *std::move(rows), true, {}, branches_});
    block_body();
    --loops_;
    end_rounds(rounds);
    expect(Word::k_end);
    expect(Word::k_for);
    if (at_name())
        name();
}

/// DECLARE a, b type [DEFAULT x]; name CURSOR FOR query; name CONDITION FOR …; CONTINUE|EXIT|UNDO HANDLER FOR … body
void Parser::declare()
{
    expect(Word::k_declare);
    if (accept_any(Word::k_continue, Word::k_exit, Word::k_undo)) {
        expect(Word::k_handler);
        expect(Word::k_for);
        bool of_end = false;
        do {
            if (accept(Word::k_sqlstate)) {
                accept(Word::k_value);
                of_end = string_value() == "02000" || of_end;
            } else if (accept(Word::k_not)) {
                expect(Word::k_found);
                of_end = true;
            } else {
                advance(); // SQLWARNING, SQLEXCEPTION, a number or the name of a condition
            }
        } while (accept(','));
        const std::size_t set = at(Word::k_begin) ? 1 : 0;
        if (of_end && next_is(set, Word::k_set) && is_name(peek(set + 1)))
            ended_.push_back(name_of(peek(set + 1)));
        return body_statement();
    }
    std::vector<std::string_view> names;
    do
        names.push_back(name());
    while (accept(','));
    if (accept(Word::k_condition)) {
        expect(Word::k_for);
        if (accept(Word::k_sqlstate)) {
            accept(Word::k_value);
            string_value();
        } else {
            integer_value();
        }
        return;
    }
    if (accept(Word::k_cursor)) {
        if (at('('))
            skip_group();
        expect(Word::k_for);
        std::optional<AllRows> rows;
        if (at(Word::k_select) || at(Word::k_with) || at('(') || at(Word::k_values))
            rows = all_rows([this] { return query(); });
        else
            name(); // a prepared statement
        cursors_.emplace_back(names.front(), std::move(rows));
        return;
    }
    declared_.insert(declared_.end(), names.begin(), names.end());
    while (!at(Word::k_default) && !at_end()) {
        if (at('('))
            skip_group();
        else
            advance();
    }
    if (accept(Word::k_default))
        expression();
}

/// SIGNAL and RESIGNAL [SQLSTATE 'x' | name] [SET item = value, …]
void Parser::signal()
{
    advance();
    if (accept(Word::k_sqlstate)) {
        accept(Word::k_value);
        string_value();
    } else if (!at(Word::k_set) && !at_end()) {
        name();
    }
    if (!accept(Word::k_set))
        return;
    do {
        name();
        expect('=');
        expression();
    } while (accept(','));
}

/// GET [CURRENT | STACKED] DIAGNOSTICS target = item, …
void Parser::diagnostics()
{
    is(Kind::show);
    expect(Word::k_get);
    accept_any(Word::k_current, Word::k_stacked);
    expect(Word::k_diagnostics);
    if (accept(Word::k_condition))
        expression();
    do {
        if (at(TokenKind::user_variable)) {
            set_effect("@" + unescaped(cur(), reading_), std::nullopt);
            advance();
        } else {
            name();
        }
        expect('=');
        if (!at(TokenKind::word)) // ROW_NUMBER is one
            return unexpected();
        advance();
    } while (accept(','));
    drop_references(0);
}

} // namespace stepgate::policies::mysql
