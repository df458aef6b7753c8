#include "policies/rules/label_reader.h"

#include "policies/rules/rule_reader.h"
#include "policies/statement/ascii.h"

#include <algorithm>

namespace stepgate::policies::rules
{
namespace
{

using sensitivity::LabelEntry;
using sensitivity::LabelNames;
using sensitivity::LabelSet;

bool good_label(std::string_view name)
{
    return !name.empty() && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    });
}

/// Labels under `key`, defining them: every well-formed name is known by now.
LabelSet define_labels(TomlTable& table, std::string_view key, const LabelNames& known)
{
    LabelSet set;
    for (const auto& [name, place] : table.strings(key)) {
        if (!good_label(name))
            table.error(place, "a label is made of lower-case letters, digits, - and _: \"" + name + '"');
        else if (const auto id = known.find(name))
            set.add(*id);
    }
    return set;
}

void read_columns(TomlTable& table, LabelEntry& entry, const LabelNames& known)
{
    auto columns = table.table("columns");
    if (!columns)
        return;
    if (!table.has("table"))
        table.error(table.place("columns"), "columns without a table",
                    "name the table, or use column_regex and labels");
    for (const auto& [column, place] : columns->all_keys())
        entry.columns.emplace_back(lower(column), define_labels(*columns, column, known));
    if (entry.columns.empty())
        table.error(table.place("columns"), "columns is empty", "columns = {ssn = [\"pii\"]}");
}

/// A whole-table pattern or name must say what it labels, and only once.
void check_shape(TomlTable& table, const LabelEntry& entry)
{
    const bool has_table = table.has("table");
    if (has_table && table.has("table_regex"))
        table.error(table.place("table_regex"), "an entry has either table or table_regex");
    if (!has_table && !table.has("table_regex") && !table.has("column_regex"))
        table.missing("the label entry names no table and no columns", "give table, table_regex or column_regex");
    if (!table.has("columns") && !table.has("labels"))
        table.missing("the label entry gives no labels", "labels = [\"pii\"]");
    if (table.has("column_regex") && !table.has("labels"))
        table.error(table.place("column_regex"), "column_regex without labels", "labels = [\"pii\"]");
    if (!entry.columns.empty() && table.has("column_regex"))
        table.error(table.place("columns"), "an entry has either columns or column_regex", "write two entries");
}

} // namespace

void collect_label_names(const toml::table& file, std::vector<std::string>& names)
{
    PolicyErrors ignored;
    std::vector<Located<std::string>> found;
    const auto take = [&](TomlTable& table, std::string_view key) {
        for (auto& label : table.strings(key))
            found.push_back(std::move(label));
    };
    TomlTable top{file, {}, ignored};
    for (auto& table : top.tables("label")) {
        take(table, "labels");
        auto columns = table.table("columns");
        for (const auto& column : columns ? columns->all_keys() : std::vector<Located<std::string>>{})
            take(*columns, column.value);
    }
    for (auto& label : found)
        if (good_label(label.value))
            names.push_back(std::move(label.value));
}

LabelEntry read_label(TomlTable& table, const LabelNames& known)
{
    LabelEntry entry;
    if (const auto name = table.string("table")) {
        entry.table = sensitivity::parse_table_name(name->value);
        if (!entry.table)
            table.error(name->place, "not a table name: \"" + name->value + '"',
                        "write \"table\", \"schema.table\" or \"database.schema.table\"");
    }
    entry.table_regex = read_regex(table, "table_regex");
    entry.column_regex = read_regex(table, "column_regex");
    entry.labels = define_labels(table, "labels", known);
    read_columns(table, entry, known);
    check_shape(table, entry);
    table.finish();
    return entry;
}

} // namespace stepgate::policies::rules
