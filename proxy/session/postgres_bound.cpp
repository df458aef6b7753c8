#include "policies/postgres/bound_text.h"
#include "policies/statement/match_all.h"
#include "protocols/postgres/query.h"
#include "proxy/session/number_places.h"
#include "proxy/session/postgres_session.h"

#include <algorithm>
#include <vector>

namespace stepgate::proxy::session
{

namespace pg = protocols::postgres;
using policies::statement::Where;

namespace
{

/// Of one in binary format its bytes say nothing of its type. Two, four or eight may be a whole number; twelve an array
/// without elements (its dimensions, flags and type); the first may be jsonb's version.
std::optional<std::string> telling_literal(std::span<const std::byte> value, bool binary)
{
    using policies::postgres::telling_literal;
    const std::string_view text = wire::as_text(value);
    if (!binary || policies::statement::may_match_all(text))
        return telling_literal(text);
    constexpr std::string_view no_dimensions{"\0\0\0\0", 4};
    if (value.size() == 12 && text.starts_with(no_dimensions))
        return telling_literal("{}");
    if (value.size() != 2 && value.size() != 4 && value.size() != 8)
        return telling_literal(text.substr(text.starts_with('\x01') ? 1 : 0));
    std::uint64_t bits = (value[0] & std::byte{0x80}) == std::byte{} ? 0 : ~std::uint64_t{0};
    for (const std::byte byte : value)
        bits = bits << 8 | std::to_integer<std::uint64_t>(byte);
    return telling_literal(std::to_string(static_cast<std::int64_t>(bits)));
}

/// By number, as far as a condition may hold for every row by them.
void telling_literals(const pg::Bind& bind, std::vector<std::optional<std::string>>& literals)
{
    literals.clear();
    for (const auto value : bind.parameters) {
        const auto& formats = bind.parameter_formats;
        const std::size_t index = formats.size() == 1 ? 0 : literals.size();
        const bool binary = index < formats.size() && formats[index] == 1;
        literals.push_back(value ? telling_literal(*value, binary) : std::nullopt);
    }
}

} // namespace

/// The statement, with fresh facts; where a WHERE may hold for every row by the values that are bound (LIKE $1 with
/// '%', id > $1 with 0), one of its own for this execution, that is read with them.
StatementPointer PostgresSession::as_bound(StatementPointer statement, const pg::Bind& bind)
{
    refresh(*statement);
    if (!any_where(*statement->facts->facts, Where::present))
        return statement;
    telling_literals(bind, literals_);
    const auto numbers = number_places(
        literals_.size(), [this](std::size_t i) -> const auto& { return literals_[i]; });
    if (numbers == 0)
        return statement;
    const std::uint64_t places = numbers.value_or(0);
    if (auto known = with_any_numbers(*statement, places))
        return known;
    auto read_as = policies::postgres::with_bound(
        statement->sql, state_.lexing() == policies::postgres::Lexing::backslashes,
        [this](std::size_t number) { return number - 1 < literals_.size() ? literals_[number - 1] : std::nullopt; });
    if (!read_as)
        return statement;
    StatementPointer bound{new PreparedStatement{*statement}};
    bound->read_as = std::move(*read_as);
    bound->numbers = {};
    bound->facts.reset();
    refresh(*bound);
    bound->any_numbers = places != 0 && bound->facts->shape != 0; // shared by all texts that only numbers part
    if (bound->any_numbers)
        statement->numbers = {places, bound, statement->facts};
    return bound;
}

/// Null: it is not known to be so, or not any more.
StatementPointer PostgresSession::with_any_numbers(const PreparedStatement& statement, std::uint64_t places)
{
    const AnyNumbers& numbers = statement.numbers;
    const bool known = places != 0 && numbers.places == places && numbers.without == statement.facts &&
                       numbers.bound->origins == statement.origins && numbers.bound->origins_by == statement.origins_by;
    if (!known)
        return {};
    refresh(*numbers.bound);
    return numbers.bound->facts->shape != 0 ? numbers.bound : StatementPointer{};
}

} // namespace stepgate::proxy::session
