#include "policies/mysql/parser.h"
#include "policies/statement/ascii.h"

#include <algorithm>
#include <utility>

namespace stepgate::policies::mysql
{

/// The CTE that a name in FROM means. Where the case differs it is one only on servers that ignore case.
const Cte* Parser::find_cte(const TableName& table)
{
    if (!table.database.empty() || !spend(ctes_.size()))
        return nullptr;
    for (std::size_t i = ctes_.size(); i > 0; --i)
        if (ctes_[i - 1].name == table.name)
            return &ctes_[i - 1];
    return nullptr;
}

void Parser::table_references()
{
    do
        table_reference();
    while (accept(','));
}

/// A table and those joined to it. ON and USING belong to a join before them, which one does not matter.
void Parser::table_reference()
{
    const Nest nest{*this};
    if (!nest)
        return;
    const std::size_t left = items_.size();
    table_factor();
    while (!failed_ && joined(left)) {
    }
}

bool Parser::joined(std::size_t left)
{
    const std::size_t right = items_.size();
    const bool of_insert = next_is(1, Word::k_duplicate) && next_is(2, Word::k_key);
    if (at(Word::k_on) && !of_insert) {
        advance();
        const bool judging = std::exchange(judging_, judging_ || naming_targets_);
        if (naming_targets_)
            change_end_ = items_.size();
        const std::size_t references = references_.size();
        const Expression on = expression();
        const bool leaves_out = !on.always;
        items_.back().meets = on.follows;
        reach_less(references);
        judging_ = judging;
        block_joined_ = leaves_out || block_joined_;
        if (naming_targets_)
            end_condition_of_join(leaves_out);
        return true;
    }
    if (accept(Word::k_using)) {
        const bool twice =
            right == left + 2 && !items_[left].table.empty() && items_[left].table == items_[left + 1].table;
        block_joined_ = block_joined_ || !twice;
        if (!twice)
            mark_joined(left);
        using_columns(left);
        return true;
    }
    const bool natural = accept(Word::k_natural);
    if (!accept(Word::k_straight_join)) {
        bool side = accept_any(Word::k_inner, Word::k_cross);
        if (!side && accept_any(Word::k_left, Word::k_right)) {
            side = true;
            accept(Word::k_outer);
        }
        if (!side && !natural && !at(Word::k_join))
            return false;
        expect(Word::k_join);
    }
    table_factor();
    block_joined_ = block_joined_ || natural;
    if (natural) {
        mark_joined(left);
        natural_join(left, right);
    }
    return true;
}

/// Which rows of the tables since `begin` are joined hangs on more than ON.
void Parser::mark_joined(std::size_t begin)
{
    for (std::size_t i = begin; i < items_.size(); ++i)
        items_[i].joined = true;
}

void Parser::using_columns(std::size_t left)
{
    expect('(');
    do {
        const std::string_view column = name();
        ++reference_count_;
        for (std::size_t i = left; i < items_.size(); ++i)
            read_column(items_[i], column);
        if (!spend(items_.size() - left))
            return;
    } while (accept(','));
    expect(')');
}

/// Which columns are shared only the server knows; a side whose columns are all known bounds them.
void Parser::natural_join(std::size_t left, std::size_t right)
{
    ++reference_count_;
    const auto known = [this](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i)
            if (!items_[i].table.empty() || !items_[i].complete)
                return false;
        return true;
    };
    std::size_t begin = left, end = left;
    if (known(right, items_.size())) {
        begin = right;
        end = items_.size();
    } else if (known(left, right)) {
        end = right;
    }
    for (std::size_t i = left; i < items_.size(); ++i) {
        if (begin == end)
            read_column(items_[i], "*");
        for (std::size_t side = begin; side < end; ++side)
            for (std::size_t k = items_[side].begin; k < items_[side].end && spend(1); ++k)
                read_column(items_[i], outputs_[k].name);
    }
}

void Parser::table_factor()
{
    has_open_query_ = false;
    if (at('('))
        return table_in_parentheses();
    if (accept('{')) { // {oj a left join b on …}
        name();
        table_reference();
        return expect('}');
    }
    if (at(Word::k_lateral) && next_is(1, '(')) {
        advance();
        advance();
        const std::size_t references = references_.size();
        const Query query = subquery(true);
        reach_less(references);
        expect(')');
        mark_joined(block_); // it may name those before it
        return derived_table(query);
    }
    if (at(Word::k_json_table) && next_is(1, '('))
        return json_table();
    base_table();
}

/// (select …) name, (a join b), or a query of which only the first part stands in parentheses of its own.
void Parser::table_in_parentheses()
{
    const Nest nest{*this};
    if (!nest)
        return;
    const std::size_t items = items_.size();
    expect('(');
    if (at_query_start(0)) {
        const Query query = judged_subquery(naming_targets_, false);
        expect(')');
        return derived_table(query);
    }
    table_references();
    if (!has_open_query_ || items_.size() != items + 1)
        return expect(')');
    Query query = open_query_;
    const std::size_t references = references_.size();
    continue_query(query, items);
    drop_references(references);
    expect(')');
    items_.resize(items);
    derived_table(query);
}

/// A query that, `when` so, may give the rows that an UPDATE or DELETE changes.
Query Parser::judged_subquery(bool when, bool lateral_reach)
{
    const bool judging = std::exchange(judging_, judging_ || when);
    Query made = subquery(lateral_reach);
    judging_ = judging;
    return made;
}

/// `begin` to `end`: other names that its columns have, if any.
WholeRows Parser::whole_rows(const Query& query, std::size_t begin, std::size_t end)
{
    if (!query.where.always)
        return {};
    const bool renamed = end > begin;
    if (query.count == query.end - query.begin)
        for (std::size_t i = 0; i < std::min(end - begin, query.count); ++i)
            outputs_[begin + i].column = outputs_[query.begin + i].column;
    if (query.single || (query.plain && is_bound(query.column)))
        return {query.table, query.column.name, query.column.form};
    if (!query.plain || query.table.empty())
        return {};
    if (!query.star)
        return {query.table, {}, Expression::Form::column, false, true};
    return renamed ? WholeRows{} : WholeRows{query.table, {}, Expression::Form::column, true};
}

void Parser::derived_table(const Query& query)
{
    Item item;
    item.begin = query.begin;
    item.end = query.end;
    item.complete = query.complete;
    const bool named = at(Word::k_as) || at_name();
    item.alias = alias();
    std::size_t begin = 0, end = 0;
    alias_columns(begin, end);
    if (end > begin) {
        item.begin = begin;
        item.end = end;
        item.complete = true;
    }
    item.whole = whole_rows(query, begin, end);
    items_.push_back(std::move(item));
    has_open_query_ = !named;
    open_query_ = query;
}

std::string_view Parser::alias()
{
    if (accept(Word::k_as) || at_name())
        return name_or_text();
    return {};
}

void Parser::alias_columns(std::size_t& begin, std::size_t& end)
{
    begin = end = outputs_.size();
    if (!accept('('))
        return;
    do
        outputs_.push_back({name(), {}});
    while (accept(','));
    expect(')');
    end = outputs_.size();
}

void Parser::base_table()
{
    const TableName table = table_name();
    partition();
    system_time();
    const std::string_view given = alias();
    const Cte* cte = find_cte(table);
    const auto other_case = [&](const Cte& one) { return table.database.empty() && same_word(one.name, table.name); };
    if (cte != nullptr) {
        Item item;
        item.alias = given.empty() ? table.name : given;
        item.begin = cte->begin;
        item.end = cte->end;
        item.complete = cte->complete;
        item.whole = cte->whole;
        items_.push_back(std::move(item));
    }
    if (cte == nullptr ||
        std::ranges::any_of(ctes_, [&](const Cte& one) { return one.name != table.name && other_case(one); })) {
        items_.push_back(item_of(table, given));
        if (!naming_targets_) // what a change names first may be what it writes
            read_column(items_.back(), {});
    }
    index_hints();
}

/// PARTITION (p0, p1)
void Parser::partition()
{
    if (accept(Word::k_partition))
        skip_group();
}

/// MariaDB: FOR SYSTEM_TIME AS OF …, ALL, FROM … TO …, BETWEEN … AND …
void Parser::system_time()
{
    if (!mariadb() || !at(Word::k_for) || !next_is(1, Word::k_system_time))
        return;
    advance();
    advance();
    constexpr int operand = 6; // tighter than AND and comparisons
    const auto point = [this] {
        if (!accept(Word::k_transaction) && at(Word::k_timestamp) && peek(1).kind != TokenKind::string &&
            !next_is(1, '('))
            advance();
        expression(operand);
    };
    if (accept(Word::k_all))
        return;
    if (accept(Word::k_as)) {
        expect(Word::k_of);
        point();
    } else if (accept(Word::k_from)) {
        point();
        expect(Word::k_to);
        point();
    } else if (accept(Word::k_between)) {
        point();
        expect(Word::k_and);
        point();
    } else {
        unexpected();
    }
}

/// USE INDEX (a), IGNORE KEY FOR JOIN (b), FORCE INDEX (…)
void Parser::index_hints()
{
    while ((at(Word::k_use) || at(Word::k_ignore) || at(Word::k_force)) &&
           (next_is(1, Word::k_index) || next_is(1, Word::k_key))) {
        advance();
        advance();
        if (accept(Word::k_for)) {
            if (accept_any(Word::k_order, Word::k_group))
                expect(Word::k_by);
            else
                expect(Word::k_join);
        }
        skip_group();
    }
}

} // namespace stepgate::policies::mysql
