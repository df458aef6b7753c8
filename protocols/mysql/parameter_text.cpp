#include "protocols/mysql/cursor.h"
#include "protocols/mysql/parameters.h"

#include <bit>
#include <charconv>

namespace stepgate::protocols::mysql
{

namespace
{

/// At least `width` digits.
void append_number(std::string& out, std::uint64_t value, std::size_t width = 1)
{
    const auto digits = std::to_string(value);
    if (digits.size() < width)
        out.append(width - digits.size(), '0');
    out += digits;
}

std::uint64_t unsigned_of(wire::View bytes)
{
    std::uint64_t value = 0;
    for (std::size_t i = bytes.size(); i-- > 0;)
        value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
    return value;
}

void append_integer(std::string& out, wire::View bytes, bool is_unsigned)
{
    const std::uint64_t value = unsigned_of(bytes);
    const std::size_t bits = 8 * bytes.size();
    const bool negative = !is_unsigned && bits > 0 && (value >> (bits - 1) & 1U) != 0;
    if (!negative)
        return append_number(out, value);
    const std::uint64_t all = bits < 64 ? (std::uint64_t{1} << bits) - 1 : UINT64_MAX;
    out += '-';
    append_number(out, (~value + 1) & all);
}

template <class Float>
void append_float(std::string& out, Float value)
{
    char text[64];
    const auto end = std::to_chars(std::begin(text), std::end(text), value);
    out.append(text, end.ptr);
}

void append_clock(std::string& out, Cursor& in)
{
    append_number(out, in.uint8(), 2);
    out += ':';
    append_number(out, in.uint8(), 2);
    out += ':';
    append_number(out, in.uint8(), 2);
    if (in.left() < 4)
        return;
    out += '.';
    append_number(out, in.uint32(), 6);
}

void append_date(std::string& out, wire::View bytes)
{
    Cursor in{bytes};
    append_number(out, bytes.empty() ? 0U : in.uint16(), 4);
    for (int part = 0; part < 2; ++part) {
        out += '-';
        append_number(out, bytes.empty() ? 0U : in.uint8(), 2);
    }
    if (in.left() == 0)
        return;
    out += ' ';
    append_clock(out, in);
}

/// Hours may be more than a day has.
void append_time(std::string& out, wire::View bytes)
{
    if (bytes.empty()) {
        out += "00:00:00";
        return;
    }
    Cursor in{bytes};
    if (in.uint8() != 0)
        out += '-';
    const std::uint64_t days = in.uint32();
    append_number(out, days * 24 + in.uint8(), 2);
    out += ':';
    append_number(out, in.uint8(), 2);
    out += ':';
    append_number(out, in.uint8(), 2);
    if (in.left() == 0)
        return;
    out += '.';
    append_number(out, in.uint32(), 6);
}

void append_value(std::string& out, const Parameter& parameter)
{
    switch (parameter.type.type) {
    case FieldType::null:
        out += "NULL";
        return;
    case FieldType::tiny:
    case FieldType::small:
    case FieldType::integer:
    case FieldType::medium:
    case FieldType::big:
        return append_integer(out, parameter.bytes, parameter.type.is_unsigned);
    case FieldType::year:
        return append_number(out, unsigned_of(parameter.bytes));
    case FieldType::single:
        return append_float(out, std::bit_cast<float>(static_cast<std::uint32_t>(unsigned_of(parameter.bytes))));
    case FieldType::real:
        return append_float(out, std::bit_cast<double>(unsigned_of(parameter.bytes)));
    case FieldType::date:
    case FieldType::datetime:
    case FieldType::timestamp:
        return append_date(out, parameter.bytes);
    case FieldType::time:
        return append_time(out, parameter.bytes);
    case FieldType::decimal:
    case FieldType::varchar:
    case FieldType::bit:
    case FieldType::timestamp2:
    case FieldType::datetime2:
    case FieldType::time2:
    case FieldType::vector:
    case FieldType::json:
    case FieldType::new_decimal:
    case FieldType::enumeration:
    case FieldType::set:
    case FieldType::tiny_blob:
    case FieldType::medium_blob:
    case FieldType::long_blob:
    case FieldType::blob:
    case FieldType::var_string:
    case FieldType::string:
    case FieldType::geometry:
        break;
    }
    out += wire::as_text(parameter.bytes);
}

} // namespace

void append_text(std::string& out, const Parameter& parameter)
{
    switch (parameter.kind) {
    case Parameter::Kind::null:
        out += "NULL";
        return;
    case Parameter::Kind::value:
        return append_value(out, parameter);
    case Parameter::Kind::long_data:
        out += wire::as_text(parameter.bytes);
        return;
    case Parameter::Kind::by_default:
        out += "DEFAULT";
        return;
    case Parameter::Kind::ignored:
        out += "IGNORE";
        return;
    }
}

} // namespace stepgate::protocols::mysql
