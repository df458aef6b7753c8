#include "policies/mysql/operators.h"
#include "policies/mysql/parser.h"

#include "policies/statement/ascii.h"

#include <algorithm>
#include <utility>

namespace stepgate::policies::mysql
{

namespace
{

bool is_set_operation(Word word)
{
    return word == Word::k_union || word == Word::k_except || word == Word::k_intersect;
}

/// A UNION of an arm that leaves no row of `target` out has all of them.
void keep_whole_arm(Query& first, const Query& arm, std::string_view target, std::vector<Output>& outputs)
{
    const auto whole = [target](const Query& one) {
        return one.plain && one.where.always && !target.empty() && one.table == target;
    };
    first.empty = first.empty && arm.empty;
    if (whole(first))
        return;
    first.plain = first.single = false;
    first.where.always = first.where.always || arm.where.always;
    if (!whole(arm))
        return;
    first.plain = true;
    first.single = arm.single;
    first.row = arm.row;
    first.column = arm.column;
    first.where = arm.where;
    first.table = arm.table;
    const bool named = first.count == first.end - first.begin && arm.count == arm.end - arm.begin;
    for (std::size_t i = 0; i < first.end - first.begin; ++i) // called as in the first arm
        outputs[first.begin + i].column = named && i < arm.count ? outputs[arm.begin + i].column : std::string_view{};
}

} // namespace

/// A query that stands for itself: the statement, or what INSERT and CREATE take. Its tables stay in reach.
Query Parser::query()
{
    const std::size_t references = references_.size();
    const Query made = query_body(true);
    drop_references(references);
    return made;
}

/// A query inside an expression or FROM, without its parentheses. Names that may be of the query around it stay.
Query Parser::subquery(bool lateral_reach)
{
    const std::size_t references = references_.size();
    const std::size_t touched = touch_count_;
    Query made = query_body(false);
    made.touches = touch_count_ != touched;
    if (!lateral_reach)
        skip_block(references);
    return made;
}

/// [WITH …] term {UNION term} [ORDER BY] [LIMIT] [INTO] [FOR UPDATE]
Query Parser::query_body(bool keep_tables)
{
    const Nest nest{*this};
    if (!nest)
        return {};
    const std::size_t ctes = ctes_.size();
    const std::size_t items = items_.size();
    if (at(Word::k_with))
        with_clause();
    Query made = query_term(true);
    continue_query(made, items);
    ctes_.resize(ctes);
    if (!keep_tables)
        items_.resize(items);
    return made;
}

/// What follows the first part of a query. ORDER BY here sees the names of its columns, and through a lone pair of
/// parentheses the tables inside.
void Parser::continue_query(Query& first, std::size_t items)
{
    while (at(TokenKind::word) && is_set_operation(cur().word)) {
        if (++operators_ > limits_.max_operators)
            return fail("is a query of too many parts");
        const bool has_all_rows = at(Word::k_union);
        advance();
        if (!accept(Word::k_all))
            accept(Word::k_distinct);
        const Query arm = query_term(false);
        first.reads = true;
        if (has_all_rows)
            keep_whole_arm(first, arm, judged_table_, outputs_);
        else
            first.plain = first.single = first.one_row = false;
    }
    const std::size_t references = references_.size();
    const bool narrowed = at(Word::k_order) || at(Word::k_limit) || at(Word::k_offset) || at(Word::k_fetch);
    if (at(Word::k_order))
        order_by(&first);
    limit();
    into();
    locking();
    into();
    resolve(references, items);
    first.reads = first.reads || references_.size() > references;
    first.plain = first.plain && !narrowed;
    first.one_row = first.one_row && !narrowed;
    first.single = first.single && !narrowed;
}

/// `only`: no other part stands before it, so that ORDER BY may be its own.
Query Parser::query_term(bool only)
{
    if (at('('))
        return parenthesised_query();
    if (at(Word::k_select))
        return select(only);
    if (at(Word::k_values))
        return values_rows();
    if (at(Word::k_table))
        return table_statement();
    unexpected();
    return {};
}

Query Parser::parenthesised_query()
{
    expect('(');
    Query made = query_body(true);
    expect(')');
    return made; // the tables inside stay in reach of an ORDER BY behind
}

/// WITH [RECURSIVE] name [(columns)] AS (query), …
void Parser::with_clause()
{
    expect(Word::k_with);
    const bool recursive = accept(Word::k_recursive);
    do {
        Cte cte;
        cte.name = name();
        std::size_t begin = 0, end = 0;
        alias_columns(begin, end);
        const bool columns = end > begin;
        if (recursive) // it sees itself
            ctes_.push_back({cte.name, begin, end, columns});
        expect(Word::k_as);
        expect('(');
        // An UPDATE or DELETE may be what comes. Names that are of no table inside are of the query around all this.
        const Query made = judged_subquery(true, true);
        expect(')');
        if (accept(Word::k_cycle)) { // MariaDB: cycle a, b restrict
            do
                name();
            while (accept(','));
            expect(Word::k_restrict);
        }
        cte.begin = columns ? begin : made.begin;
        cte.end = columns ? end : made.end;
        cte.complete = columns || made.complete;
        cte.whole = whole_rows(made, begin, end);
        if (recursive)
            ctes_.back() = cte;
        else
            ctes_.push_back(cte);
    } while (accept(','));
}

void Parser::select_options()
{
    while (accept_any(Word::k_all, Word::k_distinct, Word::k_distinctrow, Word::k_high_priority, Word::k_straight_join,
                      Word::k_sql_small_result, Word::k_sql_big_result, Word::k_sql_buffer_result, Word::k_sql_no_cache,
                      Word::k_sql_cache, Word::k_sql_calc_found_rows)) {
    }
}

Query Parser::select(bool only)
{
    const Nest nest{*this};
    if (!nest)
        return {};
    Query made;
    const std::size_t items = items_.size();
    const std::size_t references = references_.size();
    const std::size_t block = std::exchange(block_, items);
    const bool joined = std::exchange(block_joined_, false);
    const bool existence = std::exchange(existence_, false);
    const bool aggregated = std::exchange(aggregated_, false);
    const bool one_by_one = std::exchange(one_by_one_, false);
    expect(Word::k_select);
    select_options();
    const std::size_t list_begin = reference_count_;
    const bool noting = std::exchange(noting_, false);
    select_list(made);
    noting_ = noting;
    const std::size_t list_end = references_.size();
    made.list_reads = reference_count_ != list_begin;
    into();
    std::size_t tables = 0;
    bool narrowed = false;
    const std::size_t rest = reference_count_;
    if (accept(Word::k_from)) {
        if (at(Word::k_dual)) {
            advance();
        } else {
            const bool naming = std::exchange(naming_targets_, false); // of the change that this stands in
            table_references();
            naming_targets_ = naming;
            tables = items_.size() - items;
        }
    }
    if (judging_ && noting_ && !existence) // what EXISTS selects does not matter
        for (std::size_t i = references; i < list_end; ++i)
            note_condition(references_[i].table, references_[i].name);
    made.where.always = true;
    if (accept(Word::k_where))
        made.where = expression();
    const bool makes_one = std::exchange(aggregated_, aggregated);
    made.empty = judging_ && !makes_one && is_false(made.where, out_.literals_consulted);
    if (at(Word::k_group)) {
        group_by();
        narrowed = true;
    }
    if (accept(Word::k_having)) {
        expression();
        narrowed = true;
    }
    if (accept(Word::k_window)) {
        do {
            name();
            expect(Word::k_as);
            window_specification();
        } while (accept(','));
    }
    if (accept(Word::k_qualify))
        expression();
    if (only) {
        if (at(Word::k_order))
            order_by(&made);
        narrowed = narrowed || (at(Word::k_limit) && !one_by_one) || at(Word::k_offset) || at(Word::k_fetch);
        limit();
        if (accept(Word::k_procedure)) { // procedure analyse(…), gone from MySQL
            name();
            call_arguments(Word::none, 0);
            opaque("runs its rows through a procedure");
        }
        into();
        locking();
        into();
    }
    made.one_row = makes_one && !narrowed;
    made.reads = reference_count_ != rest;
    if (existence)
        forget_list_of_existence(made, references);
    name_rows(made, tables, narrowed);
    resolve(references, items);
    block_ = block;
    block_joined_ = joined;
    return made;
}

/// EXISTS (SELECT * …) reads no column for its "*", unless EXCEPT or INTERSECT compare the rows.
void Parser::forget_list_of_existence(const Query& query, std::size_t references)
{
    if (query.star && at(')') && references < references_.size())
        references_[references].name = {};
}

/// The select list. Names of its columns are kept for those who select from it.
void Parser::select_list(Query& query)
{
    std::size_t count = 0;
    std::uint64_t row = 0;
    query.begin = outputs_.size();
    do {
        const std::size_t outputs = outputs_.size();
        if (++count > 1) {
            query.column = {};
            query.star = false;
        }
        if (accept('*')) {
            query.star = count == 1;
            row = 0;
            reference({}, "*");
            query.complete = false;
            continue;
        }
        star_ = collated_ = false;
        const Expression item = expression();
        const bool plain = item.form == Expression::Form::column && !collated_;
        outputs_.resize(outputs); // names of queries inside are not of this one
        if (count == 1)
            query.column = item;
        const bool column = item.form == Expression::Form::column && !star_ && (count == 1 || row != 0);
        row = !column ? 0 : count == 1 ? hash_of(item.name) : mix(mix(row, row_seed), hash_of(item.name));
        std::string_view output = plain ? item.name : std::string_view{};
        if (accept(Word::k_as) || at_name() || at(TokenKind::string))
            output = name_or_text();
        // How the server calls the others it knows: 'ssn', +ssn and name_const('ssn', 1) are all called ssn.
        query.complete = query.complete && !output.empty();
        if (!output.empty())
            outputs_.push_back({output, item.form == Expression::Form::column ? item.name : std::string_view{}});
    } while (accept(','));
    query.count = count;
    query.row = count > 1 ? row : 0;
    query.end = outputs_.size();
}

void Parser::group_by()
{
    expect(Word::k_group);
    expect(Word::k_by);
    do {
        if (at(Word::k_rollup) || at(Word::k_cube)) { // MySQL 9: group by rollup (a, b)
            advance();
            expect('(');
            expressions();
            expect(')');
            continue;
        }
        expression();
        if (!accept(Word::k_asc))
            accept(Word::k_desc);
    } while (accept(','));
    if (accept(Word::k_with)) {
        if (!accept_any(Word::k_rollup, Word::k_cube))
            unexpected();
    }
}

/// ORDER BY. A bare name that the select list gives is that column of it, not one of a table.
void Parser::order_by(const Query* outputs)
{
    expect(Word::k_order);
    expect(Word::k_by);
    do {
        const std::size_t references = references_.size();
        collated_ = false;
        const Expression item = expression();
        const bool bare = references_.size() == references + 1 && item.form == Expression::Form::column && !collated_ &&
                          references_.back().table.empty();
        if (bare && outputs != nullptr && spend(outputs->end - outputs->begin))
            for (std::size_t i = outputs->begin; i < outputs->end; ++i)
                if (same_word(outputs_[i].name, item.name)) {
                    references_.resize(references);
                    break;
                }
        if (!accept(Word::k_asc))
            accept(Word::k_desc);
    } while (accept(','));
    if (at(Word::k_with) && next_is(1, Word::k_rollup)) {
        advance();
        advance();
    }
}

/// LIMIT a[, b], LIMIT a OFFSET b, OFFSET n ROWS, FETCH FIRST n ROWS ONLY. Numbers, parameters and variables only.
void Parser::limit()
{
    const auto number = [this] {
        if (!at(TokenKind::integer) && !at(TokenKind::parameter) && !at(TokenKind::hex) && !at_name())
            return unexpected();
        advance();
    };
    if (accept(Word::k_limit)) {
        if (!at(Word::k_rows))
            number();
        if (accept(',') || accept(Word::k_offset))
            number();
        if (accept(Word::k_rows)) { // MariaDB: limit rows examined n
            expect(Word::k_examined);
            number();
        }
    }
    if (!mariadb())
        return;
    if (accept(Word::k_offset)) {
        number();
        if (!accept(Word::k_row))
            accept(Word::k_rows);
    }
    if (accept(Word::k_fetch)) {
        if (!accept(Word::k_first))
            expect(Word::k_next);
        if (!at(Word::k_row) && !at(Word::k_rows))
            number();
        if (!accept(Word::k_row))
            expect(Word::k_rows);
        if (accept(Word::k_with))
            expect(Word::k_ties);
        else
            expect(Word::k_only);
    }
}

/// INTO OUTFILE 'f' …, DUMPFILE 'f', @a, @b, or variables of a routine.
void Parser::into()
{
    if (!accept(Word::k_into))
        return;
    if (at(Word::k_outfile) || at(Word::k_dumpfile)) {
        advance();
        string_value();
        opaque("writes a file of the server");
        facts_.destructive = true;
        also(Kind::copy_to);
        file_format();
        return;
    }
    do {
        if (at(TokenKind::user_variable)) {
            into_.push_back(names_.emplace_back("@" + unescaped(cur(), reading_)));
            set_effect(std::string{into_.back()}, std::nullopt);
            advance();
        } else {
            into_.push_back(name());
        }
    } while (accept(','));
}

/// CHARACTER SET x, FIELDS TERMINATED BY …, LINES STARTING BY …
void Parser::file_format()
{
    if (at(Word::k_character) || at(Word::k_charset)) {
        if (accept(Word::k_character))
            expect(Word::k_set);
        else
            advance();
        name_or_binary();
    }
    while (accept_any(Word::k_columns, Word::k_fields, Word::k_lines)) {
        while (at(Word::k_terminated) || at(Word::k_optionally) || at(Word::k_enclosed) || at(Word::k_escaped) ||
               at(Word::k_starting)) {
            accept(Word::k_optionally);
            advance();
            expect(Word::k_by);
            if (!at(TokenKind::string) && !at(TokenKind::hex) && !at(TokenKind::bits))
                return unexpected();
            advance();
        }
    }
}

void Parser::name_or_binary()
{
    if (!accept(Word::k_binary) && !accept(Word::k_default))
        name_or_text();
}

/// FOR UPDATE, FOR SHARE OF t SKIP LOCKED, LOCK IN SHARE MODE.
void Parser::locking()
{
    while (at(Word::k_for) || at(Word::k_lock)) {
        if (accept(Word::k_lock)) {
            expect(Word::k_in);
            expect(Word::k_share);
            expect(Word::k_mode);
        } else {
            advance();
            if (!accept_any(Word::k_update, Word::k_share))
                unexpected();
        }
        if (accept(Word::k_of)) {
            do
                table_name();
            while (accept(','));
        }
        wait_or_skip();
    }
}

void Parser::wait_or_skip()
{
    if (accept(Word::k_skip))
        expect(Word::k_locked);
    else if (accept(Word::k_wait))
        integer_value();
    else
        accept(Word::k_nowait);
}

/// VALUES ROW(1, 2), ROW(3, 4); MariaDB: VALUES (1, 2), (3, 4).
Query Parser::values_rows()
{
    Query made;
    const std::size_t items = items_.size();
    const std::size_t references = references_.size();
    const std::size_t before = reference_count_;
    expect(Word::k_values);
    do {
        accept(Word::k_row);
        expect('(');
        if (!at(')')) {
            do {
                if (!accept(Word::k_default))
                    expression();
            } while (accept(','));
        }
        expect(')');
    } while (accept(','));
    made.list_reads = reference_count_ != before;
    made.complete = false; // MariaDB calls its columns as those of a SELECT without names
    made.begin = made.end = outputs_.size();
    resolve(references, items);
    return made;
}

Query Parser::table_statement()
{
    Query made;
    expect(Word::k_table);
    const std::size_t items = items_.size();
    const TableName table = table_name();
    if (const Cte* cte = find_cte(table); cte != nullptr) {
        made.begin = cte->begin;
        made.end = cte->end;
        made.complete = cte->complete;
    } else {
        items_.push_back(item_of(table, {}));
        read_column(items_[items], "*");
        made.complete = false;
        made.begin = made.end = outputs_.size();
        made.plain = made.where.always = true;
    }
    made.list_reads = true;
    ++reference_count_;
    return made;
}

} // namespace stepgate::policies::mysql
