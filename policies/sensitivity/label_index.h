#pragma once

#include "policies/sensitivity/labelled_facts.h"
#include "policies/sensitivity/labels.h"
#include "policies/statement/facts.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace re2
{
class RE2;
}

namespace stepgate::policies::sensitivity
{

/// A table as a policy names it: "database.schema.table", "schema.table" or "table"; missing parts match anything.
/// Unquoted parts are folded to lower case, as PostgreSQL does; `"Quoted"` parts are kept.
struct TableName {
    std::optional<std::string> database, schema;
    std::string table;
};
/// nullopt: empty part, more than three parts, or a quote that does not close.
[[nodiscard]] std::optional<TableName> parse_table_name(std::string_view text);

/// One [[label]] entry with its labels resolved.
struct LabelEntry {
    std::optional<TableName> table;                        // exactly one of table, table_regex, or neither
    std::shared_ptr<const re2::RE2> table_regex;           // matched against the bare table name
    std::shared_ptr<const re2::RE2> column_regex;          // null: see `labels`
    std::vector<std::pair<std::string, LabelSet>> columns; // with `table` only
    LabelSet labels;                                       // of the columns that match, or of the whole table
};

/// Answers which labels an access carries. Built once when a policy is loaded, then immutable and thread-safe.
///
/// Without a catalog snapshot the columns behind "*" are not known. "*" on a table takes every label that an entry with
/// `table` or a matching `table_regex` gives to any column of it; an entry with only a column_regex takes part only
/// when some entry with `table` names the table.
class LabelIndex
{
  public:
    LabelIndex() = default;
    explicit LabelIndex(std::vector<LabelEntry> entries);

    /// `database`: the session's, for entries that name one; "" matches every entry.
    [[nodiscard]] LabelSet of(const statement::TableAccess& access, std::string_view database) const;
    [[nodiscard]] LabelledFacts label(std::shared_ptr<const statement::Facts> facts, std::string_view database) const;
    [[nodiscard]] bool empty() const { return entries_.empty(); }

  private:
    void add_explicit(const statement::TableAccess& access, std::string_view database, LabelSet& labels,
                      bool& named) const;

    std::vector<LabelEntry> entries_;
    std::unordered_map<std::string, std::vector<std::size_t>> by_table_; // bare name -> entries with `table`
    std::vector<std::size_t> by_regex_;                                  // entries without `table`
};

} // namespace stepgate::policies::sensitivity
