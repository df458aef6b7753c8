#pragma once

#include "policies/sensitivity/catalog_view.h"
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

/// A table as a policy names it: "database.schema.table", "schema.table" or "table"; missing parts match anything. All
/// parts are in lower case here, since labels match without regard to case; `"…"` around a part lets it hold a dot.
struct TableName {
    std::optional<std::string> database, schema;
    std::string table;
};
/// nullopt: an empty part, more than three parts, or a quote that does not close.
[[nodiscard]] std::optional<TableName> parse_table_name(std::string_view text);

/// One [[label]] entry with its labels resolved.
struct LabelEntry {
    std::optional<TableName> table;                        // not together with table_regex
    std::shared_ptr<const re2::RE2> table_regex;           // on the bare table name
    std::shared_ptr<const re2::RE2> column_regex;          // null: `labels` are of the whole table
    std::vector<std::pair<std::string, LabelSet>> columns; // lower case
    LabelSet labels;                                       // of the columns that match, or of the whole table
};

/// Answers which labels an access carries. Built once when a policy is loaded, then immutable and thread-safe.
/// What "*" matches without a catalog snapshot: see README.md.
class LabelIndex
{
  public:
    LabelIndex() = default;
    explicit LabelIndex(std::vector<LabelEntry> entries);

    /// `database`: the session's, for entries that name one; "" matches every entry.
    [[nodiscard]] LabelSet of(const statement::TableAccess& access, std::string_view database,
                              const CatalogView& view = {}) const;
    [[nodiscard]] LabelledFacts label(std::shared_ptr<const statement::Facts> facts, std::string_view database) const;
    /// The same with what is known of the database: see catalog_labels.h. `names`: those that the entries' labels have.
    [[nodiscard]] LabelledFacts label(std::shared_ptr<const statement::Facts> facts, std::string_view database,
                                      const CatalogView& view, const LabelNames& names) const;
    /// Some word of the text, inside or outside its literals, is the name of a labelled table or column. For texts that
    /// are not understood: what they touch cannot be told. True without looking for very long ones.
    [[nodiscard]] bool mentioned(std::string_view text) const;
    [[nodiscard]] bool empty() const { return entries_.empty(); }
    /// Some entry names a database.
    [[nodiscard]] bool database_matters() const { return database_matters_; }

  private:
    struct Query;
    [[nodiscard]] bool is_name(std::string_view word) const;
    [[nodiscard]] bool add_named(const Query& query, std::string_view schema, std::string_view table,
                                 LabelSet& labels) const;
    void add_by_regex(const Query& query, std::string_view table, bool named, LabelSet& labels) const;

    std::vector<LabelEntry> entries_;
    std::unordered_map<std::string, std::vector<std::size_t>> by_table_; // bare name -> entries with `table`
    std::vector<std::size_t> by_regex_;                                  // the other entries
    bool database_matters_ = false;
};

} // namespace stepgate::policies::sensitivity
