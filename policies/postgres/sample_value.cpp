#include "policies/postgres/sample_value.h"

#include "policies/postgres/pattern.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace stepgate::policies::postgres
{
namespace
{

using ValueKind = SampleValue::Kind;
const SampleValue unknown_value{};

std::string mapped(std::string_view text, int (*change)(int))
{
    std::string made{text};
    std::ranges::transform(made, made.begin(), [change](unsigned char one) {
        return one < 0x80 ? static_cast<char>(change(one)) : static_cast<char>(one);
    });
    return made;
}

std::string trimmed(std::string_view text, bool left, bool right)
{
    while (left && text.starts_with(' '))
        text.remove_prefix(1);
    while (right && text.ends_with(' '))
        text.remove_suffix(1);
    return std::string{text};
}

/// (block,row)
SampleValue place_of(std::string_view text)
{
    if (!text.starts_with('('))
        return unknown_value;
    std::uint32_t block = 0;
    std::uint16_t row = 0;
    const char* const end = text.data() + text.size();
    const auto comma = std::from_chars(text.data() + 1, end, block);
    if (comma.ptr == end || *comma.ptr != ',')
        return unknown_value;
    const auto close = std::from_chars(comma.ptr + 1, end, row);
    if (comma.ec != std::errc{} || close.ec != std::errc{} || std::string_view{close.ptr, end} != ")")
        return unknown_value;
    return {ValueKind::place, static_cast<long double>(block) * 0x1p16L + row, {}, {}};
}

/// As the server reads a boolean (PostgreSQL manual 8.6).
SampleValue boolean_of(std::string_view text)
{
    static constexpr std::pair<std::string_view, bool> words[] = {{"true", true}, {"false", false}, {"yes", true},
                                                                  {"no", false},  {"1", true},      {"0", false}};
    if (text == "on" || text == "of" || text == "off")
        return SampleValue::of(text == "on");
    for (const auto& [word, means] : words)
        if (!text.empty() && word.starts_with(text))
            return SampleValue::of(means);
    return unknown_value;
}

/// A quoted literal as the kind of what it stands beside.
SampleValue coerced(const SampleValue& literal, ValueKind wanted)
{
    const std::string text = mapped(literal.text, [](int one) { return std::tolower(one); });
    if (wanted == ValueKind::text)
        return SampleValue::of_text(literal.text);
    if (wanted == ValueKind::boolean)
        return boolean_of(trimmed(text, true, true));
    if (wanted == ValueKind::moment && (text == "infinity" || text == "-infinity"))
        return {ValueKind::moment, text.front() == '-' ? -HUGE_VALL : HUGE_VALL, {}, {}};
    if (wanted == ValueKind::place)
        return place_of(trimmed(text, true, true));
    if (wanted == ValueKind::number && !text.empty()) {
        char* end = nullptr;
        const long double number = std::strtold(text.c_str(), &end);
        if (*end == '\0' && !std::isnan(number))
            return SampleValue::of_number(number);
    }
    return unknown_value;
}

int sign(long double number)
{
    return number < 0 ? -1 : number > 0 ? 1 : 0;
}

bool is_whole(const SampleValue& value)
{
    return value.kind == ValueKind::number && std::floor(value.number) == value.number &&
           std::fabs(value.number) < 9.2e18L;
}

std::optional<std::string> as_text(const SampleValue& value)
{
    if (value.kind == ValueKind::text)
        return value.text;
    if (is_whole(value))
        return std::to_string(static_cast<std::int64_t>(value.number));
    return std::nullopt;
}

/// To look for one in the other would take too long.
bool is_much(std::string_view text, std::string_view wanted)
{
    constexpr std::size_t most = 30'000; // steps
    return text.size() * wanted.size() > most;
}

/// LIKE.
bool is_like(std::string_view text, std::string_view pattern)
{
    std::size_t at = 0;
    std::size_t in = 0;
    std::size_t star = std::string_view::npos;
    std::size_t resumed = 0;
    while (at < text.size()) {
        const bool escaped = in + 1 < pattern.size() && pattern[in] == '\\';
        if (in < pattern.size() && pattern[in] == '%') {
            star = ++in;
            resumed = at;
        } else if (in < pattern.size() &&
                   (escaped ? pattern[in + 1] == text[at] : pattern[in] == '_' || pattern[in] == text[at])) {
            in += escaped ? 2 : 1;
            ++at;
        } else if (star != std::string_view::npos) {
            in = star;
            at = ++resumed;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('%', in) == std::string_view::npos;
}

SampleValue match(std::string_view name, const SampleValue& left, const SampleValue& right)
{
    if (left.kind != ValueKind::text || right.kind != ValueKind::text || is_much(left.text, right.text))
        return unknown_value;
    const auto lower = [](int one) { return std::tolower(one); };
    const bool found = name.ends_with('*') ? is_like(mapped(left.text, lower), mapped(right.text, lower))
                                           : is_like(left.text, right.text);
    return SampleValue::of(found != name.starts_with('!'));
}

SampleValue compare(std::string_view name, const SampleValue& left, const SampleValue& right)
{
    const auto by = order(left, right);
    if (!by)
        return unknown_value;
    return SampleValue::of(name == "="                    ? *by == 0
                           : name == "<>" || name == "!=" ? *by != 0
                           : name == "<"                  ? *by < 0
                           : name == "<="                 ? *by <= 0
                           : name == ">"                  ? *by > 0
                                                          : *by >= 0);
}

SampleValue calculate(std::string_view name, long double left, long double right)
{
    if (name == "+")
        return SampleValue::of_number(left + right);
    if (name == "-")
        return SampleValue::of_number(left - right);
    if (name == "*")
        return SampleValue::of_number(left * right);
    if (name == "%" && right != 0)
        return SampleValue::of_number(std::fmod(left, right));
    if (name == "/" && right != 0 && std::fmod(left, right) == 0) // else it hangs on the types
        return SampleValue::of_number(left / right);
    if (name == "^") {
        const long double power = std::pow(left, right);
        return std::isfinite(power) ? SampleValue::of_number(power) : unknown_value;
    }
    if (!is_whole(SampleValue::of_number(left)) || !is_whole(SampleValue::of_number(right)))
        return unknown_value;
    const auto one = static_cast<std::int64_t>(left);
    const auto other = static_cast<std::int64_t>(right);
    if (name == "&")
        return SampleValue::of_number(static_cast<long double>(one & other));
    if (name == "|")
        return SampleValue::of_number(static_cast<long double>(one | other));
    if (name == "#")
        return SampleValue::of_number(static_cast<long double>(one ^ other));
    return unknown_value;
}

bool compares(std::string_view name)
{
    static constexpr std::string_view names[] = {"=", "<>", "!=", "<", "<=", ">", ">="};
    return std::ranges::find(names, name) != std::end(names);
}

/// The functions behind operators: int4eq, text_ge, textlike. "": it is none.
std::string_view operator_behind(std::string_view function)
{
    static constexpr std::pair<std::string_view, std::string_view> ends[] = {
        {"regexp_like", "~"}, {"notlike", "!~~"}, {"like", "~~"}, {"eq", "="}, {"ne", "<>"},
        {"lt", "<"},          {"le", "<="},       {"gt", ">"},    {"ge", ">="}};
    for (const auto& [end, name] : ends)
        if (function.ends_with(end))
            return name;
    return {};
}

long double position_of(std::string_view part, std::string_view text)
{
    const std::size_t found = text.find(part);
    return found == std::string_view::npos ? 0 : static_cast<long double>(found + 1);
}

/// Of UTF-8.
bool begins_character(char byte)
{
    return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80U;
}

SampleValue reversed(std::string_view text)
{
    std::string made;
    std::size_t end = text.size();
    for (std::size_t i = text.size(); i-- > 0;)
        if (begins_character(text[i])) {
            made += text.substr(i, end - i);
            end = i;
        }
    return SampleValue::of_text(made);
}

SampleValue repeated(std::string_view text, long double times)
{
    constexpr long double most = 10'000; // bytes
    if (static_cast<long double>(text.size()) * times > most)
        return unknown_value;
    std::string made;
    for (; !text.empty() && times >= 1; --times)
        made += text;
    return SampleValue::of_text(made);
}

SampleValue call_on_text(std::string_view name, std::string_view text)
{
    if (name == "length" || name == "char_length" || name == "character_length")
        return SampleValue::of_number(static_cast<long double>(std::ranges::count_if(text, begins_character)));
    if (name == "octet_length")
        return SampleValue::of_number(static_cast<long double>(text.size()));
    if (name == "bit_length")
        return SampleValue::of_number(8 * static_cast<long double>(text.size()));
    if (name == "lower")
        return SampleValue::of_text(mapped(text, [](int one) { return std::tolower(one); }));
    if (name == "upper")
        return SampleValue::of_text(mapped(text, [](int one) { return std::toupper(one); }));
    if (name == "btrim" || name == "trim")
        return SampleValue::of_text(trimmed(text, true, true));
    if (name == "ltrim" || name == "rtrim")
        return SampleValue::of_text(trimmed(text, name == "ltrim", name == "rtrim"));
    if (name == "reverse")
        return reversed(text);
    return unknown_value;
}

SampleValue call_on_number(std::string_view name, long double number)
{
    if (name == "abs")
        return SampleValue::of_number(std::fabs(number));
    if (name == "sign")
        return SampleValue::of_number(sign(number));
    if (name == "floor")
        return SampleValue::of_number(std::floor(number));
    if (name == "ceil" || name == "ceiling")
        return SampleValue::of_number(std::ceil(number));
    if (name == "trunc")
        return SampleValue::of_number(std::trunc(number));
    if (name == "round")
        return SampleValue::of_number(std::round(number));
    return unknown_value;
}

SampleValue call_with_text(std::string_view name, std::string_view text, const SampleValue& second)
{
    if (second.kind == ValueKind::text) {
        if (name == "starts_with")
            return SampleValue::of(text.starts_with(second.text));
        if ((name == "strpos" || name == "position") && !is_much(text, second.text))
            return SampleValue::of_number(position_of(second.text, text));
    }
    if (!is_whole(second))
        return unknown_value;
    if (name == "repeat")
        return repeated(text, second.number);
    const auto size = static_cast<long double>(text.size());
    const long double kept = std::clamp(second.number < 0 ? size + second.number : second.number, 0.0L, size);
    const auto count = static_cast<std::size_t>(kept);
    if (name == "left")
        return SampleValue::of_text(text.substr(0, count));
    if (name == "right")
        return SampleValue::of_text(text.substr(text.size() - count));
    return unknown_value;
}

SampleValue substring(std::span<const SampleValue> arguments)
{
    if (arguments[0].kind != ValueKind::text || !is_whole(arguments[1]) || !is_whole(arguments[2]) ||
        arguments[2].number < 0)
        return unknown_value;
    const std::string_view text = arguments[0].text;
    const auto size = static_cast<long double>(text.size());
    const long double from = std::clamp(arguments[1].number - 1, 0.0L, size);
    const long double to = std::clamp(arguments[1].number - 1 + arguments[2].number, from, size);
    return SampleValue::of_text(text.substr(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from)));
}

/// Functions that take NULL for an argument like another.
SampleValue call_with_nulls(std::string_view name, std::span<const SampleValue> arguments)
{
    if (name == "num_nulls" || name == "num_nonnulls") {
        long double nulls = 0;
        for (const SampleValue& one : arguments) {
            if (one.kind == ValueKind::unknown)
                return unknown_value;
            nulls += one.is_null() ? 1 : 0;
        }
        return SampleValue::of_number(name == "num_nulls" ? nulls : static_cast<long double>(arguments.size()) - nulls);
    }
    if (name != "concat")
        return unknown_value;
    std::string made;
    for (const SampleValue& one : arguments) {
        const auto text = one.is_null() ? std::string{} : as_text(one);
        if (!text)
            return {ValueKind::something, 0, {}, {}};
        made += *text;
    }
    return SampleValue::of_text(made);
}

/// Those that make something of anything: their value is not NULL unless an argument is.
bool is_total(std::string_view name)
{
    static constexpr std::string_view names[] = {"age",
                                                 "ascii",
                                                 "chr",
                                                 "convert_to",
                                                 "date_part",
                                                 "date_trunc",
                                                 "encode",
                                                 "extract",
                                                 "format",
                                                 "hashtext",
                                                 "initcap",
                                                 "json_build_array",
                                                 "json_build_object",
                                                 "jsonb_build_array",
                                                 "jsonb_build_object",
                                                 "lpad",
                                                 "md5",
                                                 "pg_column_size",
                                                 "pg_typeof",
                                                 "quote_ident",
                                                 "quote_literal",
                                                 "regexp_count",
                                                 "regexp_replace",
                                                 "replace",
                                                 "row_to_json",
                                                 "rpad",
                                                 "sha256",
                                                 "sha512",
                                                 "timezone",
                                                 "to_char",
                                                 "to_hex",
                                                 "to_json",
                                                 "to_jsonb",
                                                 "translate"};
    return std::ranges::find(names, name) != std::end(names);
}

SampleValue call_known(std::string_view name, std::span<const SampleValue> arguments)
{
    const SampleValue& first = arguments[0];
    if (arguments.size() == 1)
        return first.kind == ValueKind::text                           ? call_on_text(name, first.text)
               : first.kind == ValueKind::number                       ? call_on_number(name, first.number)
               : first.kind == ValueKind::moment && name == "isfinite" ? SampleValue::of(true)
                                                                       : unknown_value;
    if (arguments.size() == 3 && (name == "substr" || name == "substring"))
        return substring(arguments);
    if (arguments.size() != 2)
        return unknown_value;
    if (name == "mod" || name == "power" || name == "pow")
        return operate(name == "mod" ? "%" : "^", first, arguments[1]);
    if (const auto made =
            first.kind == ValueKind::text ? call_with_text(name, first.text, arguments[1]) : unknown_value;
        !made.is_unknown())
        return made;
    const std::string_view behind = operator_behind(name);
    return behind.empty() ? unknown_value : operate(behind, first, arguments[1]);
}

} // namespace

std::optional<int> order(const SampleValue& one, const SampleValue& other)
{
    if (one.literal && !other.literal && other.kind != ValueKind::text)
        return order(coerced(one, other.kind), other);
    if (other.literal && !one.literal && one.kind != ValueKind::text)
        return order(one, coerced(other, one.kind));
    if (one.kind != other.kind || one.is_unknown() || one.is_null())
        return std::nullopt;
    if (one.kind == ValueKind::text)
        return sign(one.text.compare(other.text));
    if (one.kind != ValueKind::row)
        return sign(one.number - other.number);
    if (one.parts.size() != other.parts.size())
        return std::nullopt;
    for (std::size_t i = 0; i < one.parts.size(); ++i)
        if (const auto by = order(one.parts[i], other.parts[i]); by != 0)
            return by;
    return 0;
}

SampleValue operate(std::string_view name, const SampleValue& left, const SampleValue& right)
{
    if (left.is_null() || right.is_null())
        return SampleValue::null();
    if (compares(name))
        return compare(name, left, right);
    if (name == "~~" || name == "!~~" || name == "~~*" || name == "!~~*")
        return match(name, left, right);
    if (name == "~" || name == "~*")
        return right.kind == ValueKind::text && regex_matches_all(right.text) ? SampleValue::of(true) : unknown_value;
    if (name == "^@")
        return call_function("starts_with", std::vector{left, right});
    if (name == "||") {
        const auto one = as_text(left);
        const auto other = as_text(right);
        const bool texts = left.kind == ValueKind::text || right.kind == ValueKind::text;
        return texts && one && other ? SampleValue::of_text(*one + *other) : unknown_value;
    }
    const SampleValue one = left.literal ? coerced(left, ValueKind::number) : left;
    const SampleValue other = right.literal ? coerced(right, ValueKind::number) : right;
    if (one.kind != ValueKind::number || other.kind != ValueKind::number)
        return unknown_value;
    return calculate(name, one.number, other.number);
}

SampleValue call_function(std::string_view name, std::span<const SampleValue> arguments)
{
    if (name == "num_nulls" || name == "num_nonnulls" || name == "concat")
        return call_with_nulls(name, arguments);
    if (arguments.empty())
        return unknown_value;
    if (std::ranges::any_of(arguments, &SampleValue::is_null))
        return SampleValue::null();
    const SampleValue made = call_known(name, arguments);
    const auto is_known = [](const SampleValue& one) { return one.kind != ValueKind::unknown; };
    const bool something =
        made.kind == ValueKind::unknown && is_total(name) && std::ranges::all_of(arguments, is_known);
    return something ? SampleValue{ValueKind::something, 0, {}, {}} : made;
}

SampleValue cast_to(std::string_view type, const SampleValue& value)
{
    static constexpr std::string_view whole[] = {"int2", "int4", "int8"};
    static constexpr std::string_view texts[] = {"text", "varchar"};
    static constexpr std::string_view numbers[] = {"numeric", "float8", "float4"};
    if (value.is_null())
        return value;
    const auto is = [type](const auto& names) { return std::ranges::find(names, type) != std::end(names); };
    if (is(texts)) {
        const auto text = as_text(value);
        return text                           ? SampleValue::of_text(*text)
               : value.kind == ValueKind::row ? SampleValue::of_text("(")
                                              : unknown_value;
    }
    if (type == "tid")
        return value.kind == ValueKind::text    ? coerced(value, ValueKind::place)
               : value.kind == ValueKind::place ? value
                                                : unknown_value;
    if (type == "date" || type == "timestamp" || type == "timestamptz")
        return value.kind == ValueKind::text ? coerced(value, ValueKind::moment) : unknown_value;
    if (type == "bool")
        return value.kind == ValueKind::text      ? coerced(value, ValueKind::boolean)
               : value.kind == ValueKind::number  ? SampleValue::of(value.number != 0)
               : value.kind == ValueKind::boolean ? value
                                                  : unknown_value;
    if (!is(whole) && !is(numbers))
        return unknown_value;
    const SampleValue number = value.kind == ValueKind::text      ? coerced(value, ValueKind::number)
                               : value.kind == ValueKind::boolean ? SampleValue::of_number(value.number)
                                                                  : value;
    if (number.kind != ValueKind::number)
        return unknown_value;
    return SampleValue::of_number(is(whole) ? std::nearbyint(number.number) : number.number);
}

} // namespace stepgate::policies::postgres
