#include "challenge-web/server/readable.h"

#include "challenge-web/challenges/hidden_characters.h"
#include "challenge-web/server/binary_value.h"

#include <array>
#include <cstdio>

namespace stepgate::challenge_web::server
{

namespace
{

/// Length of the UTF-8 sequence at the start of `bytes` (Unicode 3.9, table 3-7), its code point in `point`; 0 if none.
std::size_t decode_utf8(std::string_view bytes, char32_t& point)
{
    const auto lead = static_cast<unsigned char>(bytes[0]);
    if (lead < 0x80) {
        point = lead;
        return 1;
    }
    const std::size_t length = lead >= 0xc2 && lead <= 0xdf   ? 2
                               : lead >= 0xe0 && lead <= 0xef ? 3
                               : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                              : 0;
    if (length == 0 || bytes.size() < length)
        return 0;
    point = lead & (0xffU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        const auto next = static_cast<unsigned char>(bytes[i]);
        if ((next & 0xc0U) != 0x80)
            return 0;
        point = (point << 6U) | (next & 0x3fU);
    }
    const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
    const bool surrogate = point >= 0xd800 && point <= 0xdfff;
    return overlong || surrogate || point > 0x10ffff ? 0 : length;
}

void append_escaped(std::string& out, const char* format, unsigned value)
{
    std::array<char, 16> text{};
    const auto length = std::snprintf(text.data(), text.size(), format, value);
    out.append(text.data(), static_cast<std::size_t>(length));
}

struct KnownType {
    std::uint32_t oid;
    std::string_view name;
};
// Built-in types with fixed OIDs (PostgreSQL's pg_type.dat).
constexpr KnownType known_types[] = {
    {16, "bool"},          {17, "bytea"},       {18, "char"},        {19, "name"},
    {20, "int8"},          {21, "int2"},        {23, "int4"},        {25, "text"},
    {26, "oid"},           {114, "json"},       {142, "xml"},        {650, "cidr"},
    {700, "float4"},       {701, "float8"},     {705, "unknown"},    {790, "money"},
    {829, "macaddr"},      {869, "inet"},       {1042, "bpchar"},    {1043, "varchar"},
    {1082, "date"},        {1083, "time"},      {1114, "timestamp"}, {1184, "timestamptz"},
    {1186, "interval"},    {1266, "timetz"},    {1700, "numeric"},   {2205, "regclass"},
    {2950, "uuid"},        {3802, "jsonb"},     {199, "json[]"},     {651, "cidr[]"},
    {1000, "bool[]"},      {1001, "bytea[]"},   {1005, "int2[]"},    {1007, "int4[]"},
    {1009, "text[]"},      {1014, "bpchar[]"},  {1015, "varchar[]"}, {1016, "int8[]"},
    {1021, "float4[]"},    {1022, "float8[]"},  {1028, "oid[]"},     {1041, "inet[]"},
    {1115, "timestamp[]"}, {1182, "date[]"},    {1183, "time[]"},    {1185, "timestamptz[]"},
    {1187, "interval[]"},  {1231, "numeric[]"}, {1270, "timetz[]"},  {2951, "uuid[]"},
    {3807, "jsonb[]"},
};

} // namespace

Readable readable(std::string_view bytes, std::size_t most)
{
    Readable out;
    while (!bytes.empty()) {
        if (out.text.size() >= most) {
            out.truncated = true;
            break;
        }
        char32_t point = 0;
        const auto length = decode_utf8(bytes, point);
        if (length == 0)
            append_escaped(out.text, "\\x%02X", static_cast<unsigned char>(bytes[0]));
        else if (bytes.starts_with("\r\n"))
            ; // line ends of Windows: the line feed that follows says it all
        else if (challenges::hidden_character(point))
            append_escaped(out.text, "\\u{%04X}", static_cast<unsigned>(point));
        else
            out.text.append(bytes.substr(0, length));
        bytes.remove_prefix(length == 0 ? 1 : length);
    }
    return out;
}

bool is_name(std::string_view name)
{
    return !name.empty() && name.size() <= longest_user_name && readable(name, 4 * longest_user_name).text == name &&
           name.find_first_of(" \t\n\"\\") == std::string_view::npos;
}

std::string type_name(std::uint32_t oid)
{
    if (oid == 0)
        return "unknown";
    for (const auto& type : known_types)
        if (type.oid == oid)
            return std::string{type.name};
    return "oid " + std::to_string(oid);
}

std::string readable_value(const challenges::Parameter& parameter)
{
    const std::string& bytes = *parameter.value;
    if (parameter.binary)
        return readable_binary(parameter.type_oid, bytes);
    auto shown = readable(bytes, longest_value);
    if (shown.truncated)
        shown.text += "… (" + std::to_string(bytes.size()) + " bytes)";
    return shown.text;
}

} // namespace stepgate::challenge_web::server
