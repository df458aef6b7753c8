#include "policies/mysql/function_numbers.h"

#include "policies/statement/ascii.h"

#include <algorithm>
#include <bit>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace stepgate::policies::mysql
{
namespace
{

enum class Number : std::uint8_t {
    bytes,
    bits,
    code, // of the first character
    sign,
    floor,
    ceiling,
    power,
    zero_of_zero, // f(0) = 0
    one_of_zero,  // f(0) = 1
    zero_of_one,  // f(1) = 0
    root,         // f(0) = 0, f(1) = 1
    ones,         // of its bits
    order,        // of two texts
    place_behind, // of the second text in the first
    place,        // of the first text in the second
    pi,
    first, // or NULL
    space,
    checksum, // f('') = 0
};

std::optional<Number> number_of(std::uint64_t function)
{
    static const std::unordered_map<std::uint64_t, Number> known = [] {
        std::unordered_map<std::uint64_t, Number> made;
        const auto add = [&made](Number number, std::initializer_list<std::string_view> names) {
            for (const std::string_view name : names)
                made.emplace(hash_of(name), number);
        };
        add(Number::bytes, {"length", "lengthb", "octet_length", "char_length", "character_length"});
        add(Number::bits, {"bit_length"});
        add(Number::code, {"ascii", "ord"});
        add(Number::sign, {"sign"});
        add(Number::floor, {"floor"});
        add(Number::ceiling, {"ceil", "ceiling"});
        add(Number::power, {"pow", "power"});
        add(Number::zero_of_zero, {"sin", "tan", "asin", "atan", "radians", "degrees"});
        add(Number::one_of_zero, {"cos", "exp"});
        add(Number::zero_of_one, {"ln", "log", "log2", "log10", "acos"});
        add(Number::root, {"sqrt"});
        add(Number::ones, {"bit_count"});
        add(Number::order, {"strcmp"});
        add(Number::place_behind, {"instr"});
        add(Number::place, {"locate", "position"});
        add(Number::pi, {"pi"});
        add(Number::first, {"nullif"});
        add(Number::space, {"space"});
        add(Number::checksum, {"crc32", "json_valid"});
        return made;
    }();
    const auto found = known.find(function);
    return found == known.end() ? std::nullopt : std::optional{found->second};
}

Span exactly(std::uint64_t number)
{
    return Span::of({false, number}, {false, number});
}

bool is_single(const Span& span)
{
    return span.known && !span.open && span.low == span.high;
}

bool is_exactly(const Span& span, std::uint64_t number)
{
    return is_single(span) && span.low == Whole{false, number};
}

bool has_text(const Expression& one)
{
    return one.text.data() != nullptr && is_ascii(one.text);
}

/// It goes on rising with its argument.
Span sign_of(const Span& of)
{
    if (!of.known)
        return {};
    const auto sign = [](Whole one) { return one.negative() ? -1 : one == Whole{} ? 0 : 1; };
    const int low = of.open && !of.low.negative() ? 1 : sign(of.low);
    const int high = of.open && (of.high.negative() || of.high == Whole{}) ? -1 : sign(of.high);
    return Span::of(Whole::of(low), Whole::of(high));
}

/// The whole number below a fraction, or above.
Span cut(const Span& of, bool up)
{
    if (!of.open)
        return of.as_number();
    const Whole end = up ? of.high : of.low;
    return of.known && of.low != of.high ? Span::of(end, end) : Span{};
}

Span power_of(const Span& base, const Span& exponent)
{
    if (is_exactly(exponent, 0) || is_exactly(base, 1))
        return exactly(1);
    if (is_exactly(exponent, 1))
        return base.as_number();
    return is_exactly(base, 0) && exponent.known && exponent.low > Whole{} ? exactly(0) : Span{};
}

/// As collations mostly see them, if the case of letters does not matter.
Span order_of(const Expression& one, const Expression& other)
{
    if (!has_text(one) || !has_text(other))
        return Span::of(Whole::of(-1), Whole::of(1));
    const std::string left = lower(one.text), right = lower(other.text);
    if (left == right)
        return one.text == other.text ? exactly(0) : Span::of(Whole::of(-1), Whole::of(1));
    const int order = left < right ? -1 : 1;
    return Span::of(Whole::of(order), Whole::of(order));
}

Span place_of(const Expression& needle, const Expression& text)
{
    if (!has_text(needle) || !has_text(text))
        return {};
    const auto place = text.text.find(needle.text), alike = lower(text.text).find(lower(needle.text));
    return place == alike ? exactly(place == std::string_view::npos ? 0 : place + 1) : Span{};
}

} // namespace

Span number_of_call(std::uint64_t function, const Expression& first, const Expression& second, std::size_t count)
{
    const auto number = number_of(function);
    if (!number || count > 2)
        return {};
    switch (*number) {
    case Number::bytes:
        return has_text(first) ? exactly(first.text.size()) : Span{};
    case Number::bits:
        return has_text(first) ? exactly(first.text.size() * 8) : Span{};
    case Number::code:
        return has_text(first) ? exactly(first.text.empty() ? 0 : static_cast<unsigned char>(first.text.front()))
                               : Span{};
    case Number::sign:
        return sign_of(first.span);
    case Number::floor:
    case Number::ceiling:
        return cut(first.span, *number == Number::ceiling);
    case Number::power:
        return power_of(first.span, second.span);
    case Number::zero_of_zero:
        return is_exactly(first.span, 0) ? exactly(0) : Span{};
    case Number::one_of_zero:
        return is_exactly(first.span, 0) ? exactly(1) : Span{};
    case Number::zero_of_one:
        return is_exactly(first.span, 1) && count == 1 ? exactly(0) : Span{};
    case Number::root:
        return is_exactly(first.span, 0) || is_exactly(first.span, 1) ? first.span.as_number() : Span{};
    case Number::ones:
        return is_single(first.span) && !first.span.low.negative()
                   ? exactly(static_cast<std::uint64_t>(std::popcount(first.span.low.magnitude())))
                   : Span{};
    case Number::order:
        return order_of(first, second);
    case Number::place_behind:
        return place_of(second, first);
    case Number::place:
        return place_of(first, second);
    case Number::pi:
        return Span::between({false, 3}, {false, 4});
    case Number::first:
        return first.span;
    case Number::checksum:
        return has_text(first) && first.text.empty() ? exactly(0) : Span{};
    case Number::space: {
        Span made = exactly(0);
        made.converted = true;
        return made;
    }
    }
    return {};
}

} // namespace stepgate::policies::mysql
