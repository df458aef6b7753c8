#include "policies/postgres/filled_variables.h"

#include <algorithm>
#include <utility>

namespace stepgate::policies::postgres
{

namespace
{

// Each branch looks at all of them, and each assignment of a variable copies its query.
constexpr std::size_t most_variables = 32;
constexpr std::size_t longest_query = 8192;

bool is_kept(const std::string& query, std::size_t known)
{
    return !query.empty() && query.size() <= longest_query && known < most_variables;
}

template <class Variables>
void keep_unchanged(Variables& now, const Variables& before)
{
    std::erase_if(now, [&](const auto& one) {
        const auto found = before.find(one.first);
        return found == before.end() || found->second != one.second;
    });
}

} // namespace

void FilledVariables::assign(const std::string& variable, std::size_t begin, std::size_t end, bool again)
{
    std::string query = query_of(begin, end);
    forget(variable);
    if (query.empty() && words_.symbol(begin, '(') && words_.closing(begin) + 1 == end)
        take({variable}, of_row(begin + 1, end - 1, {}), again);
    fill(variable, std::move(query));
}

void FilledVariables::select_into(const std::vector<std::string>& variables, std::size_t select, std::size_t into,
                                  std::size_t rest, std::size_t end, bool again)
{
    const std::string behind = words_.slice(rest, end);
    std::string query = variables.size() == 1 ? of_aggregate({"array_agg"}, select, into, behind) : std::string{};
    if (query.empty())
        take(variables, of_row(select, into, behind), again);
    else
        fill(variables.front(), std::move(query));
}

void FilledVariables::fill(const std::string& variable, std::string query)
{
    if (is_kept(query, all_.queries.size()))
        all_.queries.emplace(variable, std::make_shared<const std::string>(std::move(query)));
}

void FilledVariables::take(const std::vector<std::string>& variables, std::string query, bool again)
{
    if (!is_kept(query, all_.taken.size()))
        return;
    const auto row = std::make_shared<const TakenRow>(TakenRow{std::move(query), variables, again});
    for (const std::string& variable : variables)
        all_.taken.insert_or_assign(variable, row);
}

void FilledVariables::copy(const std::string& variable, Copy copy)
{
    if (is_kept(copy.query, all_.copies.size()))
        all_.copies.insert_or_assign(variable, std::make_shared<const Copy>(std::move(copy)));
}

void FilledVariables::forget(std::string_view variable)
{
    if (const auto found = all_.copies.find(variable); found != all_.copies.end())
        all_.copies.erase(found);
    if (const auto found = all_.queries.find(variable); found != all_.queries.end())
        all_.queries.erase(found);
    if (const auto found = all_.taken.find(variable); found != all_.taken.end())
        all_.taken.erase(found);
}

void FilledVariables::forget(std::size_t begin, std::size_t end)
{
    for (std::size_t i = begin; i < end; ++i)
        if (words_.is_name(i))
            forget(words_.name(i));
}

void FilledVariables::leave_branch(const All& before)
{
    keep_unchanged(all_.queries, before.queries);
    keep_unchanged(all_.taken, before.taken);
    keep_unchanged(all_.copies, before.copies);
}

void FilledVariables::asked_again(std::string_view variable)
{
    const auto found = all_.taken.find(variable);
    if (found != all_.taken.end())
        found->second =
            std::make_shared<const TakenRow>(TakenRow{found->second->query, found->second->variables, true});
}

bool FilledVariables::is_of_rows_left(std::string_view variable) const
{
    const auto found = all_.taken.find(variable);
    return found != all_.taken.end() && found->second->again;
}

std::string FilledVariables::query_of(std::size_t begin, std::size_t end) const
{
    if (begin + 1 == end && words_.is_name(begin)) {
        const auto found = all_.queries.find(words_.name(begin));
        return found == all_.queries.end() ? std::string{} : *found->second;
    }
    if (words_.word(begin) == "array" && words_.symbol(begin + 1, '(') && words_.closing(begin + 1) + 1 == end)
        return words_.slice(begin + 2, end - 1);
    if (words_.symbol(begin, '(') && words_.closing(begin) + 1 == end)
        return of_aggregate({"array_agg"}, begin + 1, end - 1, {});
    return {};
}

/// SELECT array_agg(x [ORDER BY ..]) .., of such functions, as the query for x.
std::string FilledVariables::of_aggregate(PlWords::Words functions, std::size_t select, std::size_t end,
                                          std::string_view rest) const
{
    if (words_.word(select) != "select" || !words_.one_of(select + 1, functions) || !words_.symbol(select + 2, '('))
        return {};
    const std::size_t close = words_.closing(select + 2);
    const std::size_t first = std::min(words_.until(select + 3, {"order"}), close);
    if (close >= end || (close + 1 != end && words_.word(close + 1) != "from"))
        return {};
    return "select " + words_.slice(select + 3, first) + ' ' + words_.slice(close + 1, end) + ' ' + std::string{rest};
}

/// A query of which the first row is taken.
std::string FilledVariables::of_row(std::size_t select, std::size_t end, std::string_view rest) const
{
    if (words_.word(select) != "select")
        return {};
    auto bounds = of_aggregate({"min", "max"}, select, end, rest);
    return !bounds.empty() ? bounds : words_.slice(select, end) + ' ' + std::string{rest};
}

} // namespace stepgate::policies::postgres
