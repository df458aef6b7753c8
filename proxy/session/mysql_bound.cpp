#include "policies/mysql/bound_text.h"
#include "policies/statement/ascii.h"
#include "policies/statement/match_all.h"
#include "proxy/session/mysql_session.h"
#include "proxy/session/number_places.h"

#include <algorithm>
#include <set>

namespace stepgate::proxy::session
{

namespace my = protocols::mysql;
namespace mysql = policies::mysql;
using policies::statement::Where;

namespace
{

constexpr char no_literal = '.', other_literal = '?';

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

/// The value as it is, where that is a number, NULL, or a text that is the same in any character set between quotes.
std::optional<std::string> exact_literal(const my::Parameter& value)
{
    constexpr std::size_t longest = 256;
    if (value.kind == my::Parameter::Kind::null)
        return "NULL";
    if (auto telling = telling_literal(value))
        return telling;
    if (!my::is_text(value) || value.bytes.empty() || value.bytes.size() > longest)
        return std::nullopt;
    const std::string_view text = wire::as_text(value.bytes);
    const bool safe = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~' && c != '\'' && c != '\\'; });
    return safe ? std::optional{"'" + std::string{text} + "'"} : std::nullopt;
}

} // namespace

/// Where a WHERE may hold for every row by the values of the execution (LIKE ? with '%'), it is read with them.
MySqlSession::Facts MySqlSession::facts_of_execution(PreparedText& prepared)
{
    auto facts = facts_of(prepared);
    if (inspected_.unread && !facts->facts->opaque)
        return worker_.judge.doubted(*facts, "has more rows of values than are read", state_.database());
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
    if (state_.modes().size() != 1 || parameters == 0)
        return;
    if (any_where(*prepared.facts->facts, Where::always_true))
        return bind_all(prepared, parameters);
    if (!any_where(*prepared.facts->facts, Where::present))
        return;
    if (inspected_.command == my::Command::stmt_bulk_execute)
        return bind_rows(prepared, parameters);
    const auto places = number_places(std::min(parameters, values_.size()),
                                      [this](std::size_t i) { return telling_literal(values_[i]); });
    inspected_.numbers = places.value_or(0);
    if (inspected_.numbers != 0 && inspected_.numbers == prepared.any_numbers.places)
        inspected_.bound = prepared.any_numbers.text;
    else if (places != 0)
        inspected_.bound = as_bound(prepared, parameters, 0);
}

/// A condition that may be left out (`? IS NULL OR item = ?`) holds for every row only with some values: it is read
/// with these, if that says less.
void MySqlSession::bind_all(const PreparedText& prepared, std::size_t parameters)
{
    if (inspected_.command == my::Command::stmt_bulk_execute)
        return;
    const auto literal_of = [&](std::size_t number) {
        return number <= std::min(parameters, values_.size()) ? exact_literal(values_[number - 1]) : std::nullopt;
    };
    auto bound = mysql::with_bound(prepared.sql, state_.reading(state_.modes().front()), literal_of);
    if (bound && !any_where(*facts_of(*bound)->facts, Where::always_true))
        inspected_.bound = *std::move(bound);
}

/// With the values of one row; "" if no value matters.
std::string MySqlSession::as_bound(const PreparedText& prepared, std::size_t parameters, std::size_t row)
{
    const auto literal_of = [&](std::size_t number) {
        const std::size_t index = row * parameters + number - 1;
        return number <= parameters && index < values_.size() ? telling_literal(values_[index]) : std::nullopt;
    };
    return mysql::with_bound(prepared.sql, state_.reading(state_.modes().front()), literal_of).value_or("");
}

/// Of a bulk execution, which has a row of values after the other, the row with which a condition holds for every row
/// of the table is kept, if there is one. Where nothing hangs on whole numbers, rows of others are read once.
void MySqlSession::bind_rows(const PreparedText& prepared, std::size_t parameters)
{
    constexpr std::size_t most_read = 4096;
    std::set<std::string> alike; // kinds of values on which nothing hangs
    std::size_t read = 0;
    for (std::size_t row = 0; row < values_.size() / parameters; ++row) {
        const std::string kinds = kinds_of_values(parameters, row);
        if (alike.contains(kinds) || kinds.find_first_not_of(no_literal) == std::string::npos)
            continue;
        std::string bound = as_bound(prepared, parameters, row);
        if (bound.empty() || bound == inspected_.bound)
            continue;
        inspected_.bound = std::move(bound);
        const auto facts = facts_of(inspected_.bound);
        if (any_where(*facts->facts, Where::always_true))
            return;
        if (facts->shape != 0 && kinds.find(other_literal) == std::string::npos)
            alike.insert(kinds);
        inspected_.unread = ++read == most_read;
        if (inspected_.unread)
            return;
    }
}

/// A letter for each value of the row: texts with literals of the same kinds in their places may share their facts.
std::string MySqlSession::kinds_of_values(std::size_t parameters, std::size_t row) const
{
    std::string kinds;
    for (std::size_t i = row * parameters; i < (row + 1) * parameters; ++i) {
        const auto literal = telling_literal(values_[i]);
        std::string_view digits = literal ? std::string_view{*literal} : std::string_view{};
        const bool negative = digits.starts_with('-');
        digits.remove_prefix(negative ? 1 : 0);
        const bool whole = std::ranges::all_of(digits, policies::is_digit);
        kinds += !literal ? no_literal : !whole ? other_literal : negative ? '-' : '+';
    }
    return kinds;
}

} // namespace stepgate::proxy::session
