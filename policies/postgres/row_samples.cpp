// RowTrial: the values of which rows are made.

#include "policies/postgres/columns.h"
#include "policies/postgres/row_trial.h"

#include <cmath>
#include <utility>

namespace stepgate::policies::postgres
{

void RowTrial::choose_samples(Column& column, Untyped untyped)
{
    constexpr long double huge = 1e18L;
    const catalog::Column* described = nullptr;
    if (target_.described != nullptr)
        for (const catalog::Column& one : target_.described->columns)
            described = one.name == column.name ? &one : described;
    const bool may_be_null = !is_system_column(column.name) && (described == nullptr || !described->not_null);
    if (may_be_null)
        add(column, SampleValue::null());
    const catalog::Oid type = described == nullptr ? 0 : described->type;
    switch (type) { // pg_type.dat
    case 16:        // bool
        return add_booleans(column);
    case 20: // int8
        return add_numbers(column, -0x1p63L, 0x1p63L - 1, true);
    case 21: // int2
        return add_numbers(column, -0x1p15L, 0x1p15L - 1, true);
    case 23: // int4
        return add_numbers(column, -0x1p31L, 0x1p31L - 1, true);
    case 26: // oid
        return add_numbers(column, 0, 0x1p32L - 1, true);
    case 700: // float4, float8, numeric
    case 701:
    case 1700:
        return add_numbers(column, -huge, huge, false);
    case 19: // name, text, bpchar, varchar
    case 25:
    case 1042:
    case 1043:
        return add_texts(column);
    case 1082: // date, timestamp, timestamptz
    case 1114:
    case 1184:
        for (const long double days : {-1e6L, 0.0L, 1e6L})
            add(column, {SampleValue::Kind::moment, days, {}, {}});
        return;
    case 0:
        break;
    default:
        return add(column, {SampleValue::Kind::something, 0, {}, {}});
    }
    if (column.name == "ctid")
        return add_places(column);
    if (is_system_column(column.name))
        return add(column, {SampleValue::Kind::something, 0, {}, {}});
    typed_ = false;
    switch (untyped) {
    case Untyped::number:
        return add_numbers(column, -huge, huge, false);
    case Untyped::text:
        return add_texts(column);
    case Untyped::boolean:
        return add_booleans(column);
    }
}

/// Texts may be long, and columns many.
void RowTrial::add(Column& column, SampleValue sample)
{
    steps_left_ -= 1 + static_cast<int>(sample.text.size() / bytes_a_step);
    if (steps_left_ > 0)
        column.samples.push_back(std::move(sample));
}

void RowTrial::add_booleans(Column& column)
{
    for (const bool value : {true, false})
        add(column, SampleValue::of(value));
}

/// The first row of a table, and the last that any may have.
void RowTrial::add_places(Column& column)
{
    for (const long double place : {1.0L, 0x1p48L - 0x1p16L - 1})
        add(column, {SampleValue::Kind::place, place, {}, {}});
}

/// The constants first, since one of them mostly tells; then usual ones, the bounds of the type, neighbours, and what
/// is a constant once another was added.
void RowTrial::add_numbers(Column& column, long double least, long double most, bool whole)
{
    std::vector<long double> tried{numbers_.begin(), numbers_.end()};
    tried.insert(tried.end(), {0, 1, -1, 2, -7, 10, least, most, 0.5L, -0.5L});
    for (const long double number : numbers_)
        tried.insert(tried.end(), {number - 1, number + 1, -number});
    for (constexpr std::size_t few = 4; const long double number : numbers_)
        for (const long double other : numbers_)
            if (numbers_.size() <= few)
                tried.insert(tried.end(), {number - other, number + other});
    std::set<long double> seen;
    for (const long double number : tried)
        if (number >= least && number <= most && (!whole || std::floor(number) == number) && seen.insert(number).second)
            add(column, SampleValue::of_number(number));
}

/// The constants first; then usual ones, what is near the constants, constants at the places and texts of the lengths
/// that the numbers say. What is too long for that is not known.
void RowTrial::add_texts(Column& column)
{
    if (steps_left_ <= 0)
        return;
    std::vector<std::string> tried{texts_.begin(), texts_.end()};
    tried.insert(tried.end(), {"", " ", "a", "B", " x ", "0", "~", "\u00e9", "it's"});
    for (const std::string& text : texts_) {
        std::string plain = text; // of a pattern
        std::erase_if(plain, [](char one) { return one == '%' || one == '_'; });
        tried.insert(tried.end(), {text + "a", plain, text.substr(0, text.size() / 2)});
    }
    bool too_long = false;
    for (const long double number : numbers_) {
        constexpr long double longest = 20'000;
        constexpr long double longest_of_server = 0x1p30L;
        constexpr long double farthest = 64; // place
        too_long = too_long || (number > longest && number < longest_of_server);
        if (number < 1 || number > longest)
            continue;
        const auto count = static_cast<std::size_t>(number);
        tried.insert(tried.end(), {std::string(count, 'x'), std::string(count + 1, 'x')});
        for (const std::string& text : texts_)
            if (number > 1 && number <= farthest)
                tried.push_back(std::string(count - 1, 'x') + text);
    }
    std::set<std::string_view> seen;
    for (const std::string& text : tried)
        if (seen.insert(text).second)
            add(column, SampleValue::of_text(text));
    if (too_long)
        add(column, {SampleValue::Kind::something, 0, {}, {}});
}

} // namespace stepgate::policies::postgres
