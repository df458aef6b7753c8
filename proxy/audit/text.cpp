#include "proxy/audit/text.h"

#include "challenge-web/challenges/hidden_characters.h"
#include "proxy/audit/search.h"

#include <boost/json.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace stepgate::proxy::audit
{

namespace
{

namespace json = boost::json;
using challenge_web::challenges::hidden_character;

std::string hex_escape(unsigned char byte)
{
    char text[5];
    std::snprintf(text, sizeof text, "\\x%02x", byte);
    return text;
}

/// Length of the UTF-8 sequence that the text starts with; 0 if it starts with none.
std::size_t sequence(std::string_view text)
{
    for (std::size_t length = 1; length <= 4 && length <= text.size(); ++length)
        if (cbor::is_utf8(text.substr(0, length)))
            return length;
    return 0;
}

std::uint32_t code_point(std::string_view one)
{
    const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(one[i])); };
    switch (one.size()) {
    case 1:
        return byte(0);
    case 2:
        return (byte(0) & 0x1F) << 6 | (byte(1) & 0x3F);
    case 3:
        return (byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
    default:
        return (byte(0) & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
    }
}

std::string escape(std::uint32_t c)
{
    switch (c) {
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        break;
    }
    if (c < 0x100)
        return hex_escape(static_cast<unsigned char>(c));
    char text[16];
    std::snprintf(text, sizeof text, "\\u%04x", c);
    return text;
}

json::value to_json_value(const RecordView& record, const FieldView& field)
{
    switch (field.kind) {
    case FieldView::Kind::integer:
        return field.number;
    case FieldView::Kind::boolean:
        return field.number != 0;
    case FieldView::Kind::text:
        return json::value(clean_utf8(field.text));
    case FieldView::Kind::list:
        break;
    }
    json::array items;
    for (const auto item : record.list(field))
        items.emplace_back(clean_utf8(item));
    return items;
}

json::object fields_object(const RecordView& record, std::initializer_list<std::string_view> without)
{
    json::object object;
    for (const FieldView& field : record.fields)
        if (std::find(without.begin(), without.end(), field.key) == without.end())
            object[std::string{field.key}] = to_json_value(record, field);
    return object;
}

json::array to_array(const std::vector<std::string>& items)
{
    json::array array;
    for (const auto& item : items)
        array.emplace_back(clean_utf8(item));
    return array;
}

} // namespace

std::string clean_utf8(std::string_view text)
{
    if (cbor::is_utf8(text))
        return std::string{text};
    std::string clean;
    while (!text.empty()) {
        const std::size_t length = sequence(text);
        if (length == 0)
            clean += hex_escape(static_cast<unsigned char>(text[0]));
        else
            clean += text.substr(0, length);
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return clean;
}

std::string one_line(std::string_view text)
{
    std::string line;
    while (!text.empty()) {
        const std::size_t length = sequence(text);
        if (length == 0)
            line += hex_escape(static_cast<unsigned char>(text[0]));
        else if (const auto c = code_point(text.substr(0, length)); c == '\n' || c == '\t' || hidden_character(c))
            line += escape(c);
        else
            line += text.substr(0, length);
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return line;
}

std::string csv_cell(std::string_view text)
{
    std::string cell = clean_utf8(text);
    if (!cell.empty() && std::string_view{"=+-@\t\r"}.find(cell[0]) != std::string_view::npos)
        cell.insert(0, 1, '\'');
    if (cell.find_first_of(",\"\r\n") == std::string::npos)
        return cell;
    std::string quoted = "\"";
    for (const char c : cell) {
        if (c == '"')
            quoted += '"';
        quoted += c;
    }
    return quoted + '"';
}

std::string fields_json(const RecordView& record, std::initializer_list<std::string_view> without)
{
    return json::serialize(fields_object(record, without));
}

std::string record_json(const RecordView& record)
{
    json::object object{
        {"sequence", record.sequence}, {"time", rfc3339(from_ns(record.at_ns))}, {"type", to_string(record.type)}};
    if (record.session_number != 0)
        object["session_number"] = record.session_number;
    object["session"] = clean_utf8(record.session);
    object["user"] = clean_utf8(record.user);
    object["fields"] = fields_object(record, {});
    return json::serialize(object);
}

std::string to_json(const Row& row)
{
    const auto or_null = [](const std::string& text) {
        return text.empty() ? json::value{} : json::value(clean_utf8(text));
    };
    json::object object{
        {"sequence", row.sequence},
        {"last_sequence", row.last_sequence},
        {"time", rfc3339(row.at)},
        {"last_time", rfc3339(row.last_at)},
        {"type", row.type},
        {"session", clean_utf8(row.session)},
        {"user", clean_utf8(row.user)},
        {"listener", clean_utf8(row.listener)},
        {"database", clean_utf8(row.database)},
        {"client_address", clean_utf8(row.client_address)},
        {"text", clean_utf8(row.text)},
        {"action", row.action},
        {"rules", to_array(row.rules)},
        {"labels", to_array(row.labels)},
        {"kinds", to_array(row.kinds)},
        {"tables", to_array(row.tables)},
        {"count", row.count},
        {"errors", row.errors},
        {"rows", row.rows ? json::value(*row.rows) : json::value{}},
        {"duration_ms", row.duration_ns ? json::value(static_cast<double>(*row.duration_ns) / 1e6) : json::value{}},
        {"sqlstate", or_null(row.sqlstate)},
        {"challenge", or_null(row.challenge)}};
    boost::system::error_code error;
    object["details"] = row.details.empty() ? json::value(json::object{}) : json::parse(row.details, error);
    return json::serialize(object);
}

std::optional<TimePoint> parse_rfc3339(std::string_view given)
{
    const std::string text{given};
    std::tm utc{};
    const char* rest = ::strptime(text.c_str(), "%Y-%m-%d", &utc);
    if (!rest)
        return std::nullopt;
    std::int64_t ms = 0, offset = 0;
    if (*rest == 'T' || *rest == 't' || *rest == ' ') {
        rest = ::strptime(rest + 1, "%H:%M:%S", &utc);
        if (!rest)
            return std::nullopt;
        if (*rest == '.') {
            char* end = nullptr;
            ms = static_cast<std::int64_t>(std::strtod(rest, &end) * 1000 + 0.5);
            rest = end;
        }
        int hours = 0, minutes = 0, used = 0;
        if (*rest == 'Z' || *rest == 'z')
            ++rest;
        else if ((*rest == '+' || *rest == '-') && std::sscanf(rest + 1, "%2d:%2d%n", &hours, &minutes, &used) == 2) {
            offset = (*rest == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
            rest += 1 + used;
        }
    }
    if (*rest != '\0')
        return std::nullopt;
    return TimePoint{std::chrono::seconds{::timegm(&utc) - offset} + std::chrono::milliseconds{ms}};
}

} // namespace stepgate::proxy::audit
