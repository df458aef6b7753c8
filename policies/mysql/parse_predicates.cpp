#include "policies/mysql/column_type.h"
#include "policies/mysql/operators.h"
#include "policies/mysql/parser.h"
#include "policies/statement/ascii.h"

#include <algorithm>

namespace stepgate::policies::mysql
{
namespace
{

/// Which of the few values that it may have a list names so far.
class Listed
{
  public:
    Listed(const Expression& left, const catalog::Column* column) : span_{left.span}
    {
        if (!left.reads)
            return;
        if (const auto last = span_.place_of(span_.high, most))
            count_ = *last + 1;
        if (column != nullptr)
            for (const std::string& one : values_of(*column))
                values_.push_back(
                    mix(exact_hash_of(one), mix(static_cast<std::uint64_t>(TokenKind::string), value_seed)));
        if (!values_.empty() && values_.size() <= most)
            count_ = values_.size();
    }
    [[nodiscard]] bool is_of_few() const { return count_ != 0; }
    void add(const Expression& item)
    {
        const bool number = item.span.known && !item.span.open && item.span.low == item.span.high &&
                            !(item.span.converted && span_.converted);
        if (const auto place = number ? span_.place_of(item.span.low, most) : std::nullopt)
            seen_ |= std::uint64_t{1} << *place;
        for (std::size_t i = 0; i < count_ && i < values_.size(); ++i)
            if (values_[i] == item.value)
                seen_ |= std::uint64_t{1} << i;
    }
    [[nodiscard]] bool has_all() const { return count_ != 0 && seen_ == ~std::uint64_t{0} >> (most - count_); }

  private:
    static constexpr std::size_t most = 64;
    Span span_;
    std::vector<std::uint64_t> values_; // of an ENUM, as literals
    std::size_t count_ = 0;
    std::uint64_t seen_ = 0;
};

} // namespace

/// A predicate that holds whenever `one` does not.
Expression Parser::negated_if(bool negative, const Expression& one)
{
    return negative ? negated(one, out_.literals_consulted) : one;
}

/// a or b or …: true for every row if one arm is, or if two are opposites.
Expression Parser::disjunction(Expression left)
{
    constexpr std::size_t most_arms = 64;
    const std::size_t first = arms_.size();
    Expression whole = left;
    if (judging_)
        arms_.push_back(left);
    while (!failed_ && (at(Word::k_or) || (at(Symbol::or_or) && !reading_.mode.pipes_as_concat))) {
        advance();
        if (++operators_ > limits_.max_operators) {
            fail("is an expression of too many parts");
            break;
        }
        const Expression arm = expression(power_or + 1);
        whole = judging_ ? either(whole, arm, out_.literals_consulted) : combined(whole, power_or, arm);
        if (!judging_ || arms_.size() - first >= most_arms)
            continue;
        for (std::size_t i = first; i < arms_.size() && !whole.always; ++i)
            whole.always = opposite(arms_[i], arm, out_.literals_consulted);
        arms_.push_back(arm);
    }
    arms_.resize(first);
    return whole;
}

/// Right of a comparison; ANY, SOME and ALL take a query.
Expression Parser::compare(const Expression& left, Symbol op)
{
    if ((at(Word::k_any) || at(Word::k_some) || at(Word::k_all)) && next_is(1, '(')) {
        const bool any = !at(Word::k_all);
        advance();
        advance();
        const Query query = subquery(true);
        expect(')');
        const Expression value = query_value(query, query_seed, true);
        if (!is_bound(value.gives) && any &&
            (op == symbol('=') || op == Symbol::less_equal || op == Symbol::greater_equal))
            return in_query(left, false, query);
        Expression whole = combined(left, query_seed, value);
        whole.always = whole.always || (!any && whole.reads && query.empty) ||
                       (is_bound(value.gives) && is_within(left, op, value));
        return whole;
    }
    const Expression right = expression(power_comparison + 1);
    if (!judging_)
        return combined(left, static_cast<std::uint64_t>(op), right);
    return compare_alike(left, op, right);
}

/// What a column of a derived table gives, which has the least or greatest of all rows and nothing else.
Expression Parser::bound_behind(Expression column) const
{
    const Item* const owner = owner_of(column);
    if (owner != nullptr && owner->table.empty() && is_bound(owner->whole.gives)) {
        column.gives = owner->whole.gives;
        column.name = owner->whole.column;
        column.table = owner->whole.of;
    }
    return column;
}

/// A column beside the least or greatest of all rows, or beside the row's own.
bool Parser::is_within(const Expression& column, Symbol op, const Expression& query) const
{
    const bool from = query.gives != Expression::Form::greatest; // what it gives is no greater
    const bool to = query.gives != Expression::Form::least;
    const bool holds = (from && op == Symbol::greater_equal) || (to && op == Symbol::less_equal) ||
                       (from && to && op == Symbol::equal);
    if (query.gives == Expression::Form::other || !holds)
        return false;
    const Item* const owner = owner_of(column);
    return owner != nullptr && !owner->table.empty() && owner->table == query.table &&
           same_word(column.name, query.name);
}

Expression Parser::is_test(const Expression& left)
{
    advance();
    const bool negative = accept(Word::k_not);
    if (accept(Word::k_null))
        return null_test(left, negative);
    if (accept(Word::k_true))
        return negated_if(negative, left);
    if (accept(Word::k_false))
        return negated_if(!negative, left);
    if (accept(Word::k_unknown)) {
        // Of one that is always true or never, the value is known.
        Expression made = unknown_value(mix(left.value, null_seed), left.reads);
        made.touches = left.touches;
        made.fixed = is_all_or_none(left);
        if (left.reads) {
            const bool known = left.always || left.never || left.not_null;
            made.always = negative && known;
            made.never = !negative && known;
        }
        return made;
    }
    unexpected();
    return left;
}

/// LIKE, REGEXP, IN, BETWEEN, SOUNDS LIKE, MEMBER OF.
Expression Parser::predicate(const Expression& left, bool negative)
{
    if (accept(Word::k_in)) {
        if (!at('(')) {
            unexpected();
            return left;
        }
        return in_list(left, negative);
    }
    if (accept(Word::k_between)) {
        const Expression low = expression(power_comparison + 1);
        expect(Word::k_and);
        const Expression high = expression(power_comparison + 1);
        Expression whole = combined(combined(left, between_seed, low), between_seed, high);
        if (judging_ && whole.reads) {
            const auto within = [&](Symbol op, const Expression& bound) {
                out_.literals_consulted = out_.literals_consulted || may_decide(left, bound);
                return same(left, bound, out_.literals_consulted) || is_within(left, op, bound_behind(bound)) ||
                       decided(left.span, op, bound.span) == true;
            };
            whole.always = within(Symbol::greater_equal, low) && within(Symbol::less_equal, high);
            out_.literals_consulted = out_.literals_consulted || low.literal || high.literal;
            whole.never = decided(low.span, Symbol::greater, high.span) == true ||
                          decided(left.span, Symbol::less, low.span) == true ||
                          decided(left.span, Symbol::greater, high.span) == true;
        }
        return negated_if(negative, whole);
    }
    if (at(Word::k_like) || at(Word::k_regexp) || at(Word::k_rlike)) {
        const bool like = at(Word::k_like);
        advance();
        const Expression pattern = expression(power_comparison + 1);
        if (like && accept(Word::k_escape))
            expression(power_comparison + 1);
        if (judging_ && like)
            return matched(left, negative, pattern, out_.literals_consulted);
        Expression whole =
            combined(left, static_cast<std::uint64_t>(like) + 2 * static_cast<std::uint64_t>(negative), pattern);
        keep_sides(whole, left, negative ? Symbol::not_equal : Symbol::equal, pattern);
        whole.like = true;
        const bool constant = pattern.form == Expression::Form::text || pattern.literal;
        if (judging_ && constant && whole.reads && !pattern.reads) {
            out_.literals_consulted = true;
            whole.always = pattern.anything && !negative;
            whole.never = pattern.anything && negative;
        }
        return whole;
    }
    if (accept(Word::k_sounds)) {
        expect(Word::k_like);
        return combined(left, power_comparison, expression(power_comparison + 1));
    }
    if (accept(Word::k_member)) {
        accept(Word::k_of);
        expect('(');
        const Expression right = expression();
        expect(')');
        return combined(left, power_comparison, right);
    }
    unexpected();
    return left;
}

/// x in (…): one of the items, or a row of a query.
Expression Parser::in_list(const Expression& left, bool negative)
{
    if (at_query_in_parentheses()) {
        advance();
        const Query query = subquery(true);
        expect(')');
        return in_query(left, negative, query);
    }
    expect('(');
    Expression whole = left;
    constexpr std::size_t most_items = 6; // that a formula has room for
    std::optional<Expression> any;        // of the items is equal
    std::size_t items = 0;
    bool one_is = false, none_is = judging_;
    Listed listed{left, judging_ ? defined_as(left) : nullptr};
    do {
        const Expression item = whole_query(expression());
        whole = combined(whole, in_seed, item);
        if (!judging_ || one_is)
            continue;
        const bool are_rows = left.columns > 0 && left.columns == item.columns;
        const Expression equal = are_rows ? compare_rows(left, Symbol::equal, item)
                                          : compared(left, Symbol::equal, item, out_.literals_consulted);
        if (++items <= most_items)
            any = any ? either(*any, equal, out_.literals_consulted) : equal;
        one_is = same(left, item, out_.literals_consulted) || (equal.reads && equal.always);
        const bool other = negative && decided(left.span, Symbol::equal, item.span) == false;
        none_is = none_is && equal.reads && (equal.never || other);
        const bool looks = left.reads && item.literal && (listed.is_of_few() || (negative && may_decide(left, item)));
        out_.literals_consulted = out_.literals_consulted || looks;
        listed.add(item);
        one_is = one_is || listed.has_all();
    } while (accept(','));
    expect(')');
    if (any && items <= most_items) {
        whole.formula = any->formula;
        whole.truth = true;
        one_is = one_is || (any->reads && any->always);
    }
    if (whole.reads && (one_is || none_is)) {
        whole.always = one_is;
        whole.never = !one_is;
    }
    return negated_if(negative, whole);
}

/// A foreign key says of the column that the query has all its values.
bool Parser::points_at(const Item& owner, const Expression& column, const Query& query) const
{
    const auto* const table =
        behind_.bodies == nullptr || !column.not_null ? nullptr : behind_.bodies->relation(owner.table);
    const auto* const parent = table == nullptr ? nullptr : behind_.bodies->relation(query.table);
    return parent != nullptr && std::ranges::any_of(behind_.bodies->points(*table), [&](const auto& points) {
               const catalog::ReferencedBy& key = *points.key;
               return points.to == parent && key.columns.size() == 1 && key.our_columns.size() == 1 &&
                      same_word(key.columns.front(), column.name) &&
                      same_word(key.our_columns.front(), query.column.name);
           });
}

/// "x in (select x from the same table)" holds for every row.
Expression Parser::in_query(const Expression& left, bool negative, const Query& query)
{
    Expression whole = combined(left, in_seed, query_value(query, query_seed, true));
    const Item* const owner = judging_ && query.single ? owner_of(left) : nullptr;
    const bool same_table = owner != nullptr && !query.table.empty() && query.table == owner->table;
    const bool same_row = judging_ && query.plain && query.row != 0 && query.row == left.value &&
                          items_.size() == block_ + 1 && items_.back().table == query.table;
    const bool same_column =
        same_table && query.column.form == Expression::Form::column && hash_of(left.name) == hash_of(query.column.name);
    const bool has_all = owner != nullptr && !query.table.empty() && !owner->table.empty() &&
                         query.column.form == Expression::Form::column && points_at(*owner, left, query);
    if (same_row || same_column || has_all) {
        whole.always = query.where.always;
        whole.never = false;
    }
    whole.never = whole.never || (whole.reads && query.empty);
    return negated_if(negative, whole);
}

Expression Parser::exists()
{
    advance();
    expect('(');
    existence_ = at(Word::k_select);
    const Query query = subquery(true);
    expect(')');
    Expression made = query_value(query, exists_seed, false);
    made.not_null = true;
    if (judging_ && made.reads && (query.one_row || (query.plain && query.where.always)))
        made.always = true;
    made.never = made.never || (judging_ && made.reads && query.empty);
    return made;
}

/// The table that a column is of: the one that it names, or the only one of its query block. nullptr: not certain.
const Item* Parser::owner_of(const Expression& column) const
{
    if (column.form != Expression::Form::column)
        return nullptr;
    if (column.table.empty())
        return items_.size() == block_ + 1 ? &items_.back() : nullptr;
    for (std::size_t i = items_.size(); i > 0; --i)
        if (same_word(items_[i - 1].alias, column.table))
            return &items_[i - 1];
    return nullptr;
}

/// The column of a table that a column of an item is, maybe by way of a derived table or a CTE; empty: not certain.
Parser::Column Parser::column_behind(const Item& item, std::string_view column)
{
    const WholeRows& whole = item.whole;
    if (!item.table.empty())
        return {item.table, column};
    if (whole.gives != Expression::Form::column || !spend(item.end - item.begin))
        return {};
    if (whole.all_columns)
        return {whole.of, column};
    for (std::size_t i = item.begin; i < item.end; ++i)
        if (same_word(outputs_[i].name, column))
            return outputs_[i].column.empty() ? Column{} : Column{whole.of, outputs_[i].column};
    return !whole.listed && same_word(whole.column, column) ? Column{whole.of, whole.column} : Column{};
}

/// The same column of two names for one table: a row that is paired with itself has it twice, unless something else
/// says which pairs there are.
bool Parser::is_of_same_row(const Expression& left, const Expression& right)
{
    const Item* const one = owner_of(left);
    const Item* const other = owner_of(right);
    if (one == nullptr || other == nullptr || one == other)
        return false;
    const Column first = column_behind(*one, left.name);
    const Column second = column_behind(*other, right.name);
    if (first.table.empty() || first.table != second.table || !same_word(first.name, second.name))
        return false;
    const Item* const block = items_.data() + block_;
    const bool same_block = one >= block && other >= block;
    return !same_block || !block_joined_;
}

/// As its table defines it. Beside other tables an outer join may put NULL in its place, of which no row changes.
const catalog::Column* Parser::defined_as(const Expression& column) const
{
    const Item* const owner = behind_.bodies == nullptr ? nullptr : owner_of(column);
    if (owner == nullptr || owner->table.empty())
        return nullptr;
    const bool alone = items_.size() == block_ + 1 && owner == &items_.back();
    const bool there = alone || owner->written || owner->meets;
    const catalog::Relation* const table = there ? behind_.bodies->relation(owner->table) : nullptr;
    if (table == nullptr)
        return nullptr;
    const auto found = std::ranges::find_if(
        table->columns, [&](const catalog::Column& one) { return same_word(one.name, column.name); });
    return found == table->columns.end() ? nullptr : &*found;
}

Parser::Has Parser::has_column(const Item& item, std::string_view name)
{
    static constexpr std::string_view hidden[] = {"_rowid", "row_start", "row_end"}; // in no catalog
    const auto is_it = [name](std::string_view one) { return same_word(one, name); };
    if (item.table.empty()) {
        if (!spend(item.end - item.begin))
            return Has::maybe;
        const auto begin = outputs_.begin() + static_cast<std::ptrdiff_t>(item.begin);
        const auto end = outputs_.begin() + static_cast<std::ptrdiff_t>(item.end);
        return std::any_of(begin, end, [&](const Output& one) { return is_it(one.name); }) ? Has::yes
               : item.complete                                                             ? Has::no
                                                                                           : Has::maybe;
    }
    const auto* const table = behind_.bodies == nullptr ? nullptr : behind_.bodies->relation(item.table);
    if (table == nullptr || table->columns.empty() || !spend(table->columns.size()))
        return Has::maybe;
    const auto& columns = table->columns;
    if (std::ranges::any_of(columns, is_it, &catalog::Column::name))
        return Has::yes;
    const bool sure =
        !table->hides_columns && is_ascii(name) && std::ranges::all_of(columns, is_ascii, &catalog::Column::name);
    return sure && std::ranges::none_of(hidden, is_it) ? Has::no : Has::maybe;
}

/// In a program: a name that it declared, or that no table in reach has a column of, is a variable or a parameter.
bool Parser::is_variable(std::string_view name)
{
    if (std::ranges::any_of(declared_, [name](std::string_view one) { return same_word(one, name); }))
        return true;
    return behind_.bodies != nullptr &&
           std::ranges::all_of(items_, [&](const Item& item) { return has_column(item, name) == Has::no; });
}

bool Parser::is_row_of_trigger(std::string_view name) const
{
    return behind_.rows != nullptr && (same_word(name, "old") || same_word(name, "new"));
}

/// In a program: a row that it declared, or the one that its trigger runs for, unless a table in reach has that name.
bool Parser::is_variable_row(std::string_view name) const
{
    const auto named = [name](std::string_view one) { return same_word(one, name); };
    return (std::ranges::any_of(declared_, named) || is_row_of_trigger(name)) &&
           std::ranges::none_of(items_, named, &Item::alias);
}

/// Whose rows a query gives, if of one table, or of a derived one that has all rows of a table.
void Parser::name_rows(Query& query, std::size_t tables, bool narrowed)
{
    if (tables != 1 || narrowed)
        return;
    const Item& item = items_.back();
    const bool derived = item.table.empty() && !item.whole.of.empty();
    query.plain = derived || !item.table.empty();
    const WholeRows& whole = item.whole;
    const bool one_column = derived && query.star && !whole.all_columns && !whole.listed;
    const bool column = query.column.form == Expression::Form::column || one_column;
    const bool inner_column = !derived || whole.gives == Expression::Form::column;
    query.single = query.plain && column && inner_column;
    const bool bound = is_bound(query.column) ? inner_column : column && !inner_column;
    if (is_bound(query.column) && !bound)
        query.column.form = Expression::Form::other;
    if ((!judging_ && !naming_rows_) || (whole.listed && query.star))
        return;
    query.table = derived ? whole.of : std::string_view{names_.emplace_back(item.table)};
    if (!derived)
        return;
    for (std::size_t i = query.begin; i < query.end; ++i)
        outputs_[i].column = column_behind(item, outputs_[i].column).name;
    if (whole.all_columns)
        return;
    query.row = 0;
    if (whole.listed) {
        query.column.name = column_behind(item, query.column.name).name;
        query.single = query.single && !query.column.name.empty();
        if (query.column.name.empty())
            query.column.form = Expression::Form::other;
        return;
    }
    if (!is_bound(query.column))
        query.column.form = whole.gives;
    query.column.name = whole.column;
}

} // namespace stepgate::policies::mysql
