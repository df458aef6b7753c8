#include "policies/postgres/plpgsql_loops.h"

#include "policies/postgres/identifier_list.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace stepgate::policies::postgres
{

void PlLoops::fetches(const std::string& cursor, const std::vector<std::string>& targets)
{
    const auto query = queries_.find(cursor);
    if (around_ > 0 && query != queries_.end() && reach_.rows.find(query->second) == std::string::npos)
        meets(query->second, targets, query->first);
}

void PlLoops::meets(std::string_view query, const std::vector<std::string>& targets, std::string_view cursor)
{
    through(reach_.rows, query, targets, cursor);
    using Row = FilledVariables::TakenRow;
    const auto row = std::make_shared<const Row>(Row{std::string{query}, targets});
    for (const std::string& target : targets)
        rounds_.insert_or_assign(target, row);
}

/// v := r.id; v := r
void PlLoops::assigns(const std::string& variable, std::size_t begin, std::size_t end)
{
    filled_.assign(variable, begin, end, goes_on());
    const bool field = begin + 3 == end && words_.symbol(begin + 1, '.') && words_.is_name(begin + 2);
    const auto round = words_.is_name(begin) ? rounds_.find(words_.name(begin)) : rounds_.end();
    if (round == rounds_.end() || (!field && begin + 1 != end))
        return;
    const FilledVariables::TakenRow& row = *round->second;
    std::string rows, from;
    if (field)
        rows = '(' + row.query + ") " + quoted_name(round->first);
    else
        through(rows, row.query, row.variables, {});
    if (!field && row.variables.size() == 1)
        through(from, row.query, {variable}, {}); // a record, or the one column
    else
        from.append("(select ").append(words_.slice(begin, end)).append(" from ").append(rows).append(") ");
    if (field || row.variables.size() > 1)
        from.append(quoted_name("any")).append("(").append(quoted_name(variable)).append(")");
    filled_.copy(variable, {row.query, std::move(from)});
}

PlLoops::Branch PlLoops::enter_branch()
{
    return {std::exchange(reach_, {}), filled_.all()};
}

PlLoops::Branch PlLoops::enter_branch(std::size_t begin, std::size_t end)
{
    if (!is_not_null(begin, end) || !filled_.is_of_rows_left(words_.name(begin)))
        return enter_branch();
    return {reach_, filled_.all()};
}

void PlLoops::leave_branch(Branch branch)
{
    reach_ = std::move(branch.outer);
    filled_.leave_branch(branch.filled);
}

bool PlLoops::goes_on_while(std::size_t begin, std::size_t end)
{
    const bool asks = words_.one_of(begin, {"true", "found", "exists"}) ||
                      (words_.symbol(begin, '(') && words_.word(begin + 1) == "select");
    if (!is_not_null(begin, end))
        return asks;
    filled_.asked_again(words_.name(begin));
    return asks || filled_.is_of_rows_left(words_.name(begin));
}

PlLoops::Loop PlLoops::enter_loop(bool until_done, std::string_view query, const std::vector<std::string>& targets,
                                  std::string_view cursor)
{
    const Loop loop{reach_, std::exchange(leaves_, false), std::exchange(skips_, false)};
    reach_.again = until_done || (loop.outer.again && !loop.skipped);
    if (loop.skipped)
        reach_.rows.clear();
    meets(query, targets, cursor);
    ++around_;
    return loop;
}

bool PlLoops::leave_loop(Loop loop)
{
    --around_;
    const bool to_its_end = !leaves_;
    leaves_ = leaves_ || loop.left;
    skips_ = loop.skipped;
    reach_ = std::move(loop.outer);
    return to_its_end;
}

/// The rows of the query, as FROM has them, under the names of the targets and of its cursor.
void PlLoops::through(std::string& rows, std::string_view query, const std::vector<std::string>& targets,
                      std::string_view cursor)
{
    const auto row = [&](const std::string& called) {
        rows.append(rows.empty() ? "(" : ", (").append(query).append(") ").append(called);
    };
    std::string columns;
    for (const std::string& target : targets)
        columns.append(columns.empty() ? "" : ", ").append(quoted_name(target));
    if (query.empty() || targets.empty())
        return;
    if (targets.size() == 1)
        row(columns);
    row(quoted_name("for") + '(' + columns + ')');
    if (!cursor.empty())
        row(quoted_name(cursor));
}

std::string PlLoops::query_of(std::string_view cursor) const
{
    const auto found = queries_.find(cursor);
    return found == queries_.end() ? std::string{} : found->second;
}

std::string PlLoops::query_behind(std::size_t begin, std::size_t end) const
{
    const bool unnests = words_.word(begin) == "select" && words_.word(begin + 1) == "unnest" &&
                         words_.symbol(begin + 2, '(') && words_.closing(begin + 2) + 1 == end;
    return unnests ? filled_.query_of(begin + 3, end - 1) : words_.slice(begin, end);
}

void PlLoops::leaves(std::size_t at, std::size_t when, std::size_t end)
{
    const bool exit = words_.word(at) == "exit";
    const bool at_its_end = exit && when == end ? stands_if_nothing_found(at) : finds_nothing(at, when + 1, end);
    leaves_ = leaves_ || (exit && !at_its_end);
    skips_ = skips_ || !at_its_end;
}

/// NOT FOUND, or what a loop asks of its batches' count (n = 0), or of the row that it took (v IS NULL).
bool PlLoops::finds_nothing(std::size_t at, std::size_t begin, std::size_t end) const
{
    if (begin + 2 == end)
        return words_.word(begin) == "not" && words_.word(begin + 1) == "found";
    if (begin + 3 == end && words_.is_name(begin) && words_.word(begin + 1) == "is" && words_.word(begin + 2) == "null")
        return words_.word(at) != "continue" && filled_.is_of_rows_left(words_.name(begin));
    return words_.word(at) == "exit" && begin + 3 == end && words_.is_name(begin) && words_.symbol(begin + 1, '=') &&
           words_.slice(begin + 2, end) == "0" && std::ranges::find(counts_, words_.name(begin)) != counts_.end();
}

/// variable IS NOT NULL
bool PlLoops::is_not_null(std::size_t begin, std::size_t end) const
{
    return begin + 4 == end && words_.is_name(begin) && words_.word(begin + 1) == "is" &&
           words_.word(begin + 2) == "not" && words_.word(begin + 3) == "null";
}

/// IF NOT FOUND THEN, before the statement.
bool PlLoops::stands_if_nothing_found(std::size_t at) const
{
    return words_.word(at - 1) == "then" && at > 5 &&
           ((words_.word(at - 4) == "if" && finds_nothing(at, at - 3, at - 1)) ||
            (words_.word(at - 5) == "if" && finds_nothing(at, at - 4, at - 1)));
}

PlLoops::Reach PlLoops::reach_of(std::size_t begin, std::size_t end) const
{
    Reach reach;
    reach.again = goes_on();
    if (words_.one_of(begin, {"update", "delete"}))
        reach.rows = filled_named(begin, end, skips_ ? std::string{} : reach_.rows);
    return reach;
}

/// The rows, and those that the variables which a statement names were filled from: to be one of these is to be one of
/// the array, or what a loop takes until none is left.
std::string PlLoops::filled_named(std::size_t begin, std::size_t end, std::string rows) const
{
    FilledVariables::All left = filled_.all();
    if (!goes_on())
        left.taken.clear();
    std::erase_if(left.copies, [&](const auto& one) { return rows.find(one.second->query) == rows.npos; });
    for (std::size_t i = begin; i < end && !(left.queries.empty() && left.taken.empty() && left.copies.empty()); ++i) {
        if (!words_.is_name(i))
            continue;
        if (const auto copy = left.copies.find(words_.name(i)); copy != left.copies.end()) {
            rows.append(rows.empty() ? "" : ", ").append(copy->second->from);
            left.copies.erase(copy);
        }
        if (const auto array = left.queries.find(words_.name(i)); array != left.queries.end()) {
            rows.append(rows.empty() ? "(" : ", (").append(*array->second).append(") ").append(quoted_name("any"));
            rows.append("(" + quoted_name(array->first) + ")");
            left.queries.erase(array);
        }
        if (const auto one = left.taken.find(words_.name(i)); one != left.taken.end()) {
            const auto row = one->second;
            if (row->again)
                through(rows, row->query, row->variables, {});
            std::erase_if(left.taken, [&](const auto& other) { return other.second == row; });
        }
    }
    return rows;
}

} // namespace stepgate::policies::postgres
