#include "policies/sensitivity/label_index.h"

#include "policies/sensitivity/catalog_labels.h"
#include "policies/statement/ascii.h"

#include <re2/re2.h>

#include <algorithm>

namespace stepgate::policies::sensitivity
{
namespace
{

bool matches(const re2::RE2& regex, std::string_view text)
{
    return re2::RE2::PartialMatch(re2::StringPiece{text.data(), text.size()}, regex);
}

/// Reads one part of a dotted name from the front of `text`; false if it is malformed.
bool take_part(std::string_view& text, std::string& part)
{
    if (text.empty() || text.front() != '"') {
        const auto end = std::min(text.find('.'), text.size());
        part = lower(text.substr(0, end));
        text.remove_prefix(end);
        return !part.empty() && part.find('"') == std::string::npos;
    }
    text.remove_prefix(1);
    while (!text.empty()) {
        if (text.starts_with("\"\"")) { // a doubled quote is one quote
            part += '"';
            text.remove_prefix(2);
        } else if (text.front() == '"') {
            text.remove_prefix(1);
            return !part.empty() && (text.empty() || text.front() == '.');
        } else {
            part += lower(text.front());
            text.remove_prefix(1);
        }
    }
    return false;
}

bool in_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c < 0;
}

/// Nobody can make a table there. On PostgreSQL anybody can make a schema of the last name.
bool is_catalog(std::string_view schema, const CatalogView& view)
{
    return schema == "pg_catalog" || schema == "information_schema" ||
           (schema == "performance_schema" && view.catalog && !view.catalog->contents().mysql.vendor.empty());
}

/// A write that names no column (DELETE, TRUNCATE, DROP, RENAME) is one of the whole table.
statement::TableAccess as_whole(const statement::TableAccess& write)
{
    if (!write.columns.empty())
        return write;
    return {write.table, write.schema_known, {"*"}};
}

LabelSet everything(const LabelEntry& entry)
{
    LabelSet all = entry.labels;
    for (const auto& [column, labels] : entry.columns)
        all |= labels;
    return all;
}

} // namespace

std::optional<TableName> parse_table_name(std::string_view text)
{
    std::vector<std::string> parts;
    for (;;) {
        if (parts.size() == 3 || !take_part(text, parts.emplace_back()))
            return std::nullopt;
        if (text.empty())
            break;
        text.remove_prefix(1); // the dot
    }
    TableName name;
    name.table = std::move(parts.back());
    if (parts.size() > 1)
        name.schema = std::move(parts[parts.size() - 2]);
    if (parts.size() > 2)
        name.database = std::move(parts[0]);
    return name;
}

struct LabelIndex::Query {
    std::vector<std::string> columns; // lower case
    std::string database;             // lower case
    bool whole_row = false;
    bool schema_known = false;
    bool columns_known = false; // behind "*", from the catalogs: `CatalogLabels` looks at each of them
};

LabelIndex::LabelIndex(std::vector<LabelEntry> entries) : entries_(std::move(entries))
{
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (entries_[i].table)
            by_table_[entries_[i].table->table].push_back(i);
        else
            by_regex_.push_back(i);
        database_matters_ |= entries_[i].table && entries_[i].table->database;
    }
}

bool LabelIndex::add_named(const Query& query, std::string_view schema, std::string_view table, LabelSet& labels) const
{
    const auto found = by_table_.find(std::string{table});
    if (found == by_table_.end())
        return false;
    bool named = false;
    for (const auto index : found->second) {
        const LabelEntry& entry = entries_[index];
        const TableName& name = *entry.table;
        if (name.database && !query.database.empty() && *name.database != query.database)
            continue;
        if (name.schema && query.schema_known && !schema.empty() && *name.schema != schema)
            continue;
        named = true;
        if (query.whole_row) {
            labels |= everything(entry);
            continue;
        }
        if (!entry.column_regex)
            labels |= entry.labels; // of the whole table, also when no column is read
        for (const auto& column : query.columns) {
            if (entry.column_regex && matches(*entry.column_regex, column))
                labels |= entry.labels;
            for (const auto& [labelled, set] : entry.columns)
                if (labelled == column)
                    labels |= set;
        }
    }
    return named;
}

void LabelIndex::add_by_regex(const Query& query, std::string_view table, bool named, LabelSet& labels) const
{
    for (const auto index : by_regex_) {
        const LabelEntry& entry = entries_[index];
        if (entry.table_regex && !matches(*entry.table_regex, table))
            continue;
        const bool any_column = query.whole_row && !query.columns_known && (entry.table_regex || named);
        if (!entry.column_regex || any_column) {
            labels |= entry.labels;
            continue;
        }
        if (std::ranges::any_of(query.columns,
                                [&](const auto& column) { return matches(*entry.column_regex, column); }))
            labels |= entry.labels;
    }
}

LabelSet LabelIndex::of(const statement::TableAccess& access, std::string_view database, const CatalogView& view) const
{
    LabelSet labels;
    if (entries_.empty())
        return labels;
    Query query{
        {}, lower(database), std::ranges::find(access.columns, "*") != access.columns.end(), access.schema_known};
    for (const auto& column : access.columns)
        query.columns.push_back(lower(column));

    // A name may hold dots itself, so every way to cut "schema.table" is tried: a cut too many only adds labels.
    const std::string table = lower(access.table);
    const bool whole_named = add_named(query, {}, table, labels);
    std::size_t dot = table.find('.');
    if (dot == std::string::npos)
        add_by_regex(query, table, whole_named, labels);
    for (; dot != std::string::npos; dot = table.find('.', dot + 1)) {
        const std::string_view schema = std::string_view{table}.substr(0, dot);
        const std::string_view name = std::string_view{table}.substr(dot + 1);
        const bool named = add_named(query, schema, name, labels);
        query.columns_known =
            query.schema_known && view.catalog &&
            view.catalog->relation(access.table.substr(0, dot), access.table.substr(dot + 1)) != nullptr;
        if (!query.schema_known || !is_catalog(schema, view))
            add_by_regex(query, name, named, labels);
    }
    return labels;
}

bool LabelIndex::is_name(std::string_view word) const
{
    const std::string name = lower(word);
    if (by_table_.contains(name))
        return true;
    return std::ranges::any_of(entries_, [&](const LabelEntry& entry) {
        return (entry.column_regex && matches(*entry.column_regex, name)) ||
               (entry.table_regex && matches(*entry.table_regex, name)) ||
               std::ranges::any_of(entry.columns, [&](const auto& column) { return column.first == name; });
    });
}

bool LabelIndex::mentioned(std::string_view text) const
{
    constexpr std::size_t most = std::size_t{64} * 1024; // each word costs a microsecond
    if (entries_.empty())
        return false;
    if (text.size() > most)
        return true;
    for (std::size_t begin = 0; begin < text.size();) {
        std::size_t end = begin;
        while (end < text.size() && in_word(text[end]))
            ++end;
        if (end > begin && is_name(text.substr(begin, end - begin)))
            return true;
        begin = end + 1;
    }
    return false;
}

LabelledFacts LabelIndex::label(std::shared_ptr<const statement::Facts> facts, std::string_view database) const
{
    return label(std::move(facts), database, {}, {});
}

LabelledFacts LabelIndex::label(std::shared_ptr<const statement::Facts> facts, std::string_view database,
                                const CatalogView& view, const LabelNames& names) const
{
    const CatalogLabels more{*this, names, view, database};
    const auto labels_of = [&](const statement::TableAccess& access) {
        LabelSet labels = of(access, database, view);
        labels |= more.of(access);
        return labels;
    };
    LabelledFacts result;
    result.statements.resize(facts->statements.size());
    for (std::size_t i = 0; i < facts->statements.size(); ++i) {
        const auto& statement = facts->statements[i];
        for (const auto& read : statement.reads)
            result.labels |= result.statements[i].reads.emplace_back(labels_of(read));
        for (const auto& write : statement.writes) {
            // Renaming or dropping a table that a label names counts for every label, whatever columns it has.
            const auto whole = as_whole(write);
            auto& labels = result.statements[i].writes.emplace_back(labels_of(whole));
            labels |= of(whole, database);
            result.labels |= labels;
        }
    }
    result.facts = std::move(facts);
    return result;
}

} // namespace stepgate::policies::sensitivity
