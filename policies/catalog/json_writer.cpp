#include "policies/catalog/json.h"
#include "policies/catalog/json_fields.h"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

namespace stepgate::policies::catalog
{

namespace json = boost::json;

namespace
{

template <class Object>
json::value object_of(const Object& object);

json::value value_of(const std::string& text)
{
    return json::string(text);
}
json::value value_of(std::chrono::system_clock::time_point time)
{
    return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}
json::value value_of(const std::pair<std::string, std::string>& setting)
{
    return json::array{json::string(setting.first), json::string(setting.second)};
}
template <class Value>
requires std::is_arithmetic_v<Value> json::value value_of(Value value)
{
    return value;
}
template <class Enum>
requires std::is_enum_v<Enum> json::value value_of(Enum value)
{
    return json::string(json_fields::names_of(value)[static_cast<std::size_t>(value)]);
}
template <class Object>
requires std::is_class_v<Object> json::value value_of(const Object& object)
{
    return object_of(object);
}
template <class Value>
json::value value_of(const std::vector<Value>& values)
{
    json::array array;
    for (const auto& value : values)
        array.push_back(value_of(value));
    return array;
}

struct FieldWriter {
    json::object object;

    template <class Value>
    void needed(std::string_view name, const Value& value)
    {
        object.emplace(name, value_of(value));
    }
    template <class Value>
    void maybe(std::string_view name, const Value& value)
    {
        if (!(value == Value{}))
            needed(name, value);
    }
};

template <class Object>
json::value object_of(const Object& object)
{
    FieldWriter writer;
    json_fields::visit(writer, object);
    return std::move(writer.object);
}

/// Each field of the head on one line, each object of a list on one line.
struct DocumentWriter {
    std::ostream& out;

    template <class Value>
    void needed(std::string_view name, const Value& value)
    {
        out << ",\n\"" << name << "\":" << json::serialize(value_of(value));
    }
    template <class Value>
    void maybe(std::string_view name, const Value& value)
    {
        if (!(value == Value{}))
            needed(name, value);
    }
};
struct ListWriter {
    std::ostream& out;

    template <class Value>
    void needed(std::string_view name, const std::vector<Value>& values)
    {
        out << ",\n\"" << name << "\":[";
        std::string_view separator = "\n";
        for (const auto& value : values) {
            out << separator << json::serialize(object_of(value));
            separator = ",\n";
        }
        out << "]";
    }
};

} // namespace

void write_json(std::ostream& out, const Contents& contents)
{
    out << "{\"stepgate_catalog\":" << json_version;
    DocumentWriter head{out};
    json_fields::visit_head(head, contents);
    ListWriter lists{out};
    json_fields::visit_lists(lists, contents);
    out << "}\n";
}

} // namespace stepgate::policies::catalog
