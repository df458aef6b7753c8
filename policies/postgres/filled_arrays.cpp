#include "policies/postgres/filled_arrays.h"

#include <algorithm>
#include <utility>

namespace stepgate::policies::postgres
{

void FilledArrays::assign(const std::string& variable, std::size_t begin, std::size_t end)
{
    std::string query = query_of(begin, end);
    forget(variable);
    fill(variable, std::move(query));
}

void FilledArrays::select_into(const std::string& variable, std::size_t select, std::size_t into, std::size_t rest,
                               std::size_t end)
{
    forget(variable);
    fill(variable, of_aggregate(select, into, words_.slice(rest, end)));
}

void FilledArrays::fill(const std::string& variable, std::string query)
{
    constexpr std::size_t most_arrays = 32;     // each branch looks at all of them
    constexpr std::size_t longest_query = 8192; // each assignment of a variable copies it
    if (!query.empty() && query.size() <= longest_query && queries_.size() < most_arrays)
        queries_.emplace(variable, std::make_shared<const std::string>(std::move(query)));
}

void FilledArrays::forget(std::string_view variable)
{
    if (const auto found = queries_.find(variable); found != queries_.end())
        queries_.erase(found);
}

void FilledArrays::leave_branch(const Queries& before)
{
    std::erase_if(queries_, [&](const auto& one) {
        const auto found = before.find(one.first);
        return found == before.end() || found->second != one.second;
    });
}

std::string FilledArrays::query_of(std::size_t begin, std::size_t end) const
{
    if (begin + 1 == end && words_.is_name(begin)) {
        const auto found = queries_.find(words_.name(begin));
        return found == queries_.end() ? std::string{} : *found->second;
    }
    if (words_.word(begin) == "array" && words_.symbol(begin + 1, '(') && words_.closing(begin + 1) + 1 == end)
        return words_.slice(begin + 2, end - 1);
    if (words_.symbol(begin, '(') && words_.closing(begin) + 1 == end)
        return of_aggregate(begin + 1, end - 1, {});
    return {};
}

/// SELECT array_agg(x [ORDER BY ..]) .. as the query for x.
std::string FilledArrays::of_aggregate(std::size_t select, std::size_t end, std::string_view rest) const
{
    if (words_.word(select) != "select" || words_.word(select + 1) != "array_agg" || !words_.symbol(select + 2, '('))
        return {};
    const std::size_t close = words_.closing(select + 2);
    const std::size_t first = std::min(words_.until(select + 3, {"order"}), close);
    if (close >= end || (close + 1 != end && words_.word(close + 1) != "from"))
        return {};
    return "select " + words_.slice(select + 3, first) + ' ' + words_.slice(close + 1, end) + ' ' + std::string{rest};
}

} // namespace stepgate::policies::postgres
