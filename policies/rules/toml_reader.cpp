#include "policies/rules/toml_reader.h"

#include <algorithm>

namespace stepgate::policies::rules
{
namespace
{

Place place_of(const toml::source_position& position)
{
    return {static_cast<int>(position.line), static_cast<int>(position.column)};
}

std::string_view name_of(toml::node_type type)
{
    switch (type) {
    case toml::node_type::none:
        return "nothing";
    case toml::node_type::table:
        return "a table";
    case toml::node_type::array:
        return "an array";
    case toml::node_type::string:
        return "a string";
    case toml::node_type::integer:
        return "an integer";
    case toml::node_type::floating_point:
        return "a number with a fraction";
    case toml::node_type::boolean:
        return "true or false";
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time:
        return "a date or time";
    }
    return "something else";
}

} // namespace

Place place_of(const toml::node& node)
{
    return place_of(node.source().begin);
}

std::optional<toml::table> parse_toml(std::string_view text, const std::string& file, PolicyErrors& errors)
{
    try {
        return toml::table{toml::parse(text)};
    } catch (const toml::parse_error& problem) {
        const Place place = place_of(problem.source().begin);
        errors.push_back({file, place.line, place.column, std::string{problem.description()}, {}});
        return std::nullopt;
    }
}

TomlTable::TomlTable(const toml::table& table, std::string file, PolicyErrors& errors,
                     std::span<const std::string_view> alone)
    : table_(&table), file_(std::move(file)), errors_(&errors), alone_(alone)
{
}

const toml::node* TomlTable::node(std::string_view key)
{
    if (std::ranges::find(known_, key) == known_.end())
        known_.emplace_back(key);
    return table_->get(key);
}

void TomlTable::error(Place place, std::string message, std::string hint)
{
    errors_->push_back({file_, place.line, place.column, std::move(message), std::move(hint)});
}

void TomlTable::unknown(Place place, std::string what, std::string_view written,
                        std::span<const std::string_view> known)
{
    error(place, "unknown " + std::move(what) + " \"" + std::string{written} + '"', suggestion(written, known));
}

void TomlTable::wrong_type(std::string_view key, const toml::node& node, std::string_view expected)
{
    error(rules::place_of(node),
          std::string{key} + " must be " + std::string{expected} + ", not " + std::string{name_of(node.type())});
}

std::optional<Located<std::string>> TomlTable::string(std::string_view key)
{
    const toml::node* found = node(key);
    if (!found)
        return std::nullopt;
    const auto* value = found->as_string();
    if (!value) {
        wrong_type(key, *found, "a string");
        return std::nullopt;
    }
    return Located<std::string>{value->get(), rules::place_of(*found)};
}

std::optional<Located<std::string>> TomlTable::required_string(std::string_view key)
{
    if (!has(key)) {
        missing(std::string{key} + " is missing");
        return std::nullopt;
    }
    auto value = string(key);
    if (value && value->value.empty()) {
        error(value->place, std::string{key} + " is empty");
        return std::nullopt;
    }
    return value;
}

std::optional<bool> TomlTable::boolean(std::string_view key)
{
    const toml::node* found = node(key);
    if (!found)
        return std::nullopt;
    const auto* value = found->as_boolean();
    if (!value) {
        wrong_type(key, *found, "true or false");
        return std::nullopt;
    }
    return value->get();
}

std::optional<std::int64_t> TomlTable::integer(std::string_view key, std::int64_t min, std::int64_t max)
{
    const toml::node* found = node(key);
    if (!found)
        return std::nullopt;
    const auto* value = found->as_integer();
    if (!value) {
        wrong_type(key, *found, "an integer");
        return std::nullopt;
    }
    if (value->get() < min || value->get() > max) {
        error(rules::place_of(*found), std::string{key} + " is " + std::to_string(value->get()),
              "from " + std::to_string(min) + " to " + std::to_string(max));
        return std::nullopt;
    }
    return value->get();
}

std::vector<Located<std::string>> TomlTable::strings(std::string_view key)
{
    std::vector<Located<std::string>> result;
    const toml::node* found = node(key);
    if (!found)
        return result;
    if (const auto* one = found->as_string()) {
        result.push_back({one->get(), rules::place_of(*found)});
        return result;
    }
    const auto* array = found->as_array();
    if (!array) {
        wrong_type(key, *found, "an array of strings");
        return result;
    }
    // An empty list would read like "none of these" and mean "any": refuse it.
    if (array->empty())
        error(rules::place_of(*found), std::string{key} + " is an empty list", "name at least one, or leave it out");
    for (const toml::node& element : *array) {
        if (const auto* text = element.as_string())
            result.push_back({text->get(), rules::place_of(element)});
        else
            wrong_type(key, element, "an array of strings");
    }
    return result;
}

std::optional<std::chrono::seconds> TomlTable::duration(std::string_view key)
{
    const auto text = string(key);
    if (!text)
        return std::nullopt;
    const auto value = parse_duration(text->value);
    if (!value)
        error(text->place, std::string{key} + " is not a duration: \"" + text->value + '"',
              "write a number and s, m, h or d: \"90s\", \"5m\"");
    return value;
}

std::optional<std::size_t> TomlTable::size(std::string_view key)
{
    const auto text = string(key);
    if (!text)
        return std::nullopt;
    const auto value = parse_size(text->value);
    if (!value)
        error(text->place, std::string{key} + " is not a size: \"" + text->value + '"',
              "write a number and KiB, MiB or GiB: \"64MiB\"");
    return value;
}

std::optional<TomlTable> TomlTable::table(std::string_view key)
{
    const toml::node* found = node(key);
    if (!found)
        return std::nullopt;
    const auto* value = found->as_table();
    if (!value) {
        wrong_type(key, *found, "a table");
        return std::nullopt;
    }
    return TomlTable{*value, file_, *errors_, alone_};
}

std::vector<TomlTable> TomlTable::tables(std::string_view key)
{
    std::vector<TomlTable> result;
    const toml::node* found = node(key);
    if (!found)
        return result;
    const auto* array = found->as_array();
    if (!array) {
        error(rules::place_of(*found), std::string{key} + " must be an array of tables",
              "write [[" + std::string{key} + "]]");
        return result;
    }
    for (const toml::node& element : *array) {
        if (const auto* value = element.as_table())
            result.emplace_back(*value, file_, *errors_, alone_);
        else
            wrong_type(key, element, "an array of tables");
    }
    return result;
}

std::vector<Located<std::string>> TomlTable::all_keys()
{
    std::vector<Located<std::string>> keys;
    for (const auto& [key, value] : *table_) {
        keys.push_back({std::string{key.str()}, place_of(key.source().begin)});
        known_.emplace_back(key.str());
    }
    return keys;
}

void TomlTable::finish()
{
    const std::vector<std::string_view> names{known_.begin(), known_.end()};
    for (const auto& [key, value] : *table_) {
        if (std::ranges::find(names, key.str()) != names.end())
            continue;
        // What is added at a file's end belongs to the last table there.
        if (std::ranges::find(alone_, key.str()) != alone_.end())
            error(place_of(key.source().begin), "unknown key \"" + std::string{key.str()} + "\" in this table",
                  "it stands above the first [table] of the file");
        else
            unknown(place_of(key.source().begin), "key", key.str(), names);
    }
}

Place TomlTable::place() const
{
    return rules::place_of(*table_);
}

Place TomlTable::place(std::string_view key) const
{
    const toml::node* found = table_->get(key);
    return found ? rules::place_of(*found) : place();
}

} // namespace stepgate::policies::rules
