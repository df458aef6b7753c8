#include "policies/catalog/json.h"
#include "policies/catalog/json_fields.h"

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/stream_parser.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace stepgate::policies::catalog
{

namespace json = boost::json;

namespace
{

/// Where the reader is, and the first thing that was wrong.
struct Place {
    std::string path;
    std::optional<JsonError> error;

    void fail(std::string message)
    {
        if (!error)
            error = JsonError{path, std::move(message)};
    }
};

/// Appends a step to the path for as long as it lives.
class Step
{
  public:
    Step(Place& place, std::string_view name) : place_{place}, length_{place.path.size()}
    {
        place.path.append(length_ == 0 ? "" : ".").append(name);
    }
    Step(Place& place, std::size_t index) : place_{place}, length_{place.path.size()}
    {
        place.path.append("[").append(std::to_string(index)).append("]");
    }
    ~Step() { place_.path.resize(length_); }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

  private:
    Place& place_;
    std::size_t length_;
};

template <class Object>
void read_object(Place& place, const json::value& from, Object& object);

void read(Place& place, const json::value& from, std::string& text)
{
    if (const auto* string = from.if_string())
        text.assign(string->data(), string->size());
    else
        place.fail("must be a string");
}

void read(Place& place, const json::value& from, bool& flag)
{
    if (const auto* given = from.if_bool())
        flag = *given;
    else
        place.fail("must be true or false");
}

template <class Integer>
requires std::is_integral_v<Integer>
void read(Place& place, const json::value& from, Integer& number)
{
    const auto* given = from.if_int64();
    if (given == nullptr)
        place.fail("must be an integer");
    else if (!std::in_range<Integer>(*given))
        place.fail("is out of range");
    else
        number = static_cast<Integer>(*given);
}

void read(Place& place, const json::value& from, std::chrono::system_clock::time_point& time)
{
    std::int64_t microseconds = 0;
    read(place, from, microseconds);
    // Nanoseconds since 1970 must not overflow.
    constexpr std::int64_t limit = 9'000'000'000'000'000;
    if (microseconds < 0 || microseconds > limit)
        place.fail("is out of range");
    else
        time = std::chrono::system_clock::time_point{std::chrono::microseconds{microseconds}};
}

template <class Enum>
requires std::is_enum_v<Enum>
void read(Place& place, const json::value& from, Enum& value)
{
    const auto names = json_fields::names_of(value);
    std::string text;
    read(place, from, text);
    const auto found = std::ranges::find(names, text);
    if (found != names.end()) {
        value = static_cast<Enum>(found - names.begin());
        return;
    }
    std::string known;
    for (const auto name : names)
        known.append(known.empty() ? "" : ", ").append(name);
    place.fail("must be one of " + known);
}

void read(Place& place, const json::value& from, std::pair<std::string, std::string>& setting)
{
    const auto* array = from.if_array();
    if (array == nullptr || array->size() != 2) {
        place.fail("must be a list of a name and a value");
        return;
    }
    read(place, (*array)[0], setting.first);
    read(place, (*array)[1], setting.second);
}

template <class Object>
requires std::is_class_v<Object>
void read(Place& place, const json::value& from, Object& object)
{
    read_object(place, from, object);
}

template <class Value>
void read(Place& place, const json::value& from, std::vector<Value>& values)
{
    const auto* array = from.if_array();
    if (array == nullptr) {
        place.fail("must be a list");
        return;
    }
    values.reserve(array->size());
    for (std::size_t i = 0; i < array->size() && !place.error; ++i) {
        const Step step{place, i};
        read(place, (*array)[i], values.emplace_back());
    }
}

class FieldReader
{
  public:
    FieldReader(Place& place, const json::object& object) : place_{place}, object_{object} {}

    template <class Value>
    void needed(std::string_view name, Value& value)
    {
        if (!take(name, value))
            place_.fail("\"" + std::string{name} + "\" is missing");
    }
    template <class Value>
    void maybe(std::string_view name, Value& value)
    {
        (void)take(name, value);
    }
    /// Every field must have been asked for.
    void finish()
    {
        if (names_.size() == object_.size())
            return;
        for (const auto& field : object_) {
            const std::string_view name{field.key().data(), field.key().size()};
            if (std::ranges::find(names_, name) == names_.end())
                place_.fail("unknown field \"" + std::string{name} + "\"");
        }
    }

  private:
    template <class Value>
    bool take(std::string_view name, Value& value)
    {
        if (place_.error)
            return true;
        const auto* found = object_.if_contains(name);
        if (found == nullptr)
            return false;
        names_.push_back(name);
        const Step step{place_, name};
        read(place_, *found, value);
        return true;
    }

    Place& place_;
    const json::object& object_;
    std::vector<std::string_view> names_;
};

template <class Object>
void read_object(Place& place, const json::value& from, Object& object)
{
    const auto* fields = from.if_object();
    if (fields == nullptr) {
        place.fail("must be an object");
        return;
    }
    FieldReader reader{place, *fields};
    json_fields::visit(reader, object);
    reader.finish();
}

void read_document(Place& place, const json::object& document, Contents& contents)
{
    FieldReader reader{place, document};
    int version = 0;
    reader.needed("stepgate_catalog", version);
    if (version != json_version)
        place.fail("version " + std::to_string(version) + " of the format is not known, only " +
                   std::to_string(json_version) + "; dump the catalog again");
    json_fields::visit_head(reader, contents);
    json_fields::visit_lists(reader, contents);
    reader.finish();
}

/// Where the parser stopped. It counts bytes, people count lines.
JsonError syntax_error(std::string_view text, std::size_t offset, const std::string& message)
{
    const auto before = text.substr(0, offset);
    const auto line = std::ranges::count(before, '\n') + 1;
    const auto column = offset - (before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1) + 1;
    return {"line " + std::to_string(line) + ", column " + std::to_string(column), message};
}

} // namespace

std::string to_string(const JsonError& error)
{
    return error.where.empty() ? error.message : error.where + ": " + error.message;
}

std::variant<Contents, JsonError> read_json(std::string_view text)
{
    json::monotonic_resource memory;
    json::stream_parser parser{&memory};
    boost::system::error_code failed;
    const auto parsed = parser.write_some(text.data(), text.size(), failed);
    if (!failed && !parser.done())
        parser.finish(failed);
    if (!failed && text.substr(parsed).find_first_not_of(" \t\r\n") != std::string_view::npos)
        failed = json::error::extra_data;
    if (failed)
        return syntax_error(text, parsed, failed.message());
    const auto document = parser.release();
    const auto* object = document.if_object();
    if (object == nullptr)
        return JsonError{"", "must be an object"};
    Place place;
    Contents contents;
    read_document(place, *object, contents);
    if (place.error)
        return std::move(*place.error);
    return contents;
}

} // namespace stepgate::policies::catalog
