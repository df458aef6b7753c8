#include "policies/mysql/bound_text.h"
#include "policies/statement/match_all.h"
#include "proxy/session/mysql_session.h"
#include "proxy/session/number_places.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace stepgate::proxy::session
{

namespace my = protocols::mysql;
namespace mysql = policies::mysql;
using policies::statement::Where;

namespace
{

std::optional<std::string> telling_literal(const my::Parameter& value)
{
    if (my::is_text(value))
        return mysql::telling_literal(wire::as_text(value.bytes));
    if (value.kind != my::Parameter::Kind::value)
        return std::nullopt;
    std::string written;
    my::append_text(written, value);
    return mysql::telling_literal(written);
}

} // namespace

/// Where a WHERE may hold for every row by the values of the execution (LIKE ? with '%'), it is read with them.
MySqlSession::Facts MySqlSession::facts_of_execution(PreparedText& prepared)
{
    auto facts = facts_of(prepared);
    if (inspected_.bound.empty() || facts->facts->opaque)
        return facts;
    auto& any = prepared.any_numbers;
    const bool of_others = any.places != 0 && any.text == inspected_.bound; // maybe not the numbers of this execution
    if (of_others && any.without == facts)
        return any.with;
    auto bound = facts_of(inspected_.bound);
    const bool shared = bound->shape != 0; // by all texts that only numbers part
    if (inspected_.numbers != 0 && shared)
        any = {inspected_.numbers, inspected_.bound, std::move(facts), bound};
    else if (of_others)
        return worker_.judge.doubted(*bound, std::string{hangs_on_numbers}, state_.database());
    return bound;
}

/// Keeps the text with the values of the execution, if these may matter, for `facts_of_execution`.
void MySqlSession::bind_values(const PreparedText& prepared, std::size_t parameters)
{
    if (!any_where(*prepared.facts->facts, Where::present) || state_.modes().size() != 1 || parameters == 0)
        return;
    if (inspected_.command == my::Command::stmt_bulk_execute) {
        inspected_.bound = as_bound(prepared, parameters, telling_rows(parameters));
        return;
    }
    const auto places = number_places(std::min(parameters, values_.size()),
                                      [this](std::size_t i) { return telling_literal(values_[i]); });
    inspected_.numbers = places.value_or(0);
    if (inspected_.numbers != 0 && inspected_.numbers == prepared.any_numbers.places)
        inspected_.bound = prepared.any_numbers.text;
    else if (places != 0)
        inspected_.bound = as_bound(prepared, parameters, {0});
}

/// "" if no value matters. Of a bulk execution, which has a row of values after the other, the row with which it holds
/// for every row is read, if there is one.
std::string MySqlSession::as_bound(const PreparedText& prepared, std::size_t parameters,
                                   const std::vector<std::size_t>& rows)
{
    const auto reading = state_.reading(state_.modes().front());
    std::string bound;
    for (const std::size_t row : rows) {
        const auto literal_of = [&](std::size_t number) {
            const std::size_t index = row * parameters + number - 1;
            return number <= parameters && index < values_.size() ? telling_literal(values_[index]) : std::nullopt;
        };
        auto read = mysql::with_bound(prepared.sql, reading, literal_of);
        if (!read || *read == bound)
            continue;
        bound = *std::move(read);
        if (rows.size() == 1 || any_where(*facts_of(bound)->facts, Where::always_true))
            break; // a single one is looked at by whoever asks
    }
    return bound;
}

/// Rows of values of a bulk execution with which a condition may hold for every row: of numbers those with the least
/// and the greatest of a parameter, since conditions that hold by a number hold by one beyond it; and 0, which texts
/// are beside numbers.
std::vector<std::size_t> MySqlSession::telling_rows(std::size_t parameters) const
{
    const std::size_t rows = values_.size() / parameters;
    std::set<std::size_t> telling;
    for (std::size_t parameter = 0; parameter < parameters; ++parameter) {
        std::optional<std::pair<double, std::size_t>> least, greatest;
        for (std::size_t row = 0; row < rows; ++row) {
            const auto literal = telling_literal(values_[row * parameters + parameter]);
            if (!literal)
                continue;
            double number = 0;
            if (std::from_chars(literal->data(), literal->data() + literal->size(), number).ec != std::errc{}) {
                telling.insert(row); // a pattern
                continue;
            }
            if (number == 0)
                telling.insert(row);
            if (!least || number < least->first)
                least = {number, row};
            if (!greatest || number > greatest->first)
                greatest = {number, row};
        }
        for (const auto& one : {least, greatest})
            if (one)
                telling.insert(one->second);
    }
    return {telling.begin(), telling.end()};
}

} // namespace stepgate::proxy::session
