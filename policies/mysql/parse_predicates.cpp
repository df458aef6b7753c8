#include "policies/mysql/parser.h"
#include "policies/statement/ascii.h"

#include <algorithm>

namespace stepgate::policies::mysql
{

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

/// The same column of two names for one table: a row that is paired with itself has it twice, unless something else
/// says which pairs there are.
bool Parser::is_of_same_row(const Expression& left, const Expression& right) const
{
    if (!same_word(left.name, right.name))
        return false;
    const Item* const one = owner_of(left);
    const Item* const other = owner_of(right);
    if (one == nullptr || other == nullptr || one == other || one->table.empty() || one->table != other->table)
        return false;
    const Item* const block = items_.data() + block_;
    const bool same_block = one >= block && other >= block;
    return !same_block || !block_joined_;
}

/// As its table defines it. Beside other tables an outer join may put NULL in its place.
bool Parser::is_never_null(const Expression& column) const
{
    if (behind_.bodies == nullptr || items_.size() != block_ + 1)
        return false;
    const Item* const owner = owner_of(column);
    if (owner != &items_.back() || owner->table.empty())
        return false;
    const catalog::Relation* const table = behind_.bodies->relation(owner->table);
    return table != nullptr && std::ranges::any_of(table->columns, [&](const catalog::Column& one) {
               return one.not_null && same_word(one.name, column.name);
           });
}

/// Whose rows a query gives, if of one table, or of a derived one that has all rows of a table.
void Parser::name_rows(Query& query, std::size_t tables, bool narrowed)
{
    if (tables != 1 || narrowed)
        return;
    const Item& item = items_.back();
    const bool derived = item.table.empty() && !item.rows_of.empty();
    query.plain = derived || !item.table.empty();
    query.single = query.plain && (query.column.form == Expression::Form::column || (derived && query.star));
    if (!query.single || !judging_)
        return;
    if (derived) {
        query.table = item.rows_of;
        query.column.form = Expression::Form::column;
        query.column.name = item.column_of;
    } else {
        query.table = names_.emplace_back(item.table);
    }
}

} // namespace stepgate::policies::mysql
