#pragma once

#include "policies/catalog/catalog.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

namespace stepgate::policies::sensitivity
{

/// A name that a relation or a column of it has or once had, or that a parent had while it was one, and that a policy
/// labels. Labels follow the object.
struct LabelledName {
    catalog::Oid relation = 0;
    std::int16_t number = 0;           // of the column; 0: the relation itself
    std::string schema, table, column; // column "" for the relation itself
    auto operator<=>(const LabelledName&) const = default;
};

/// Labelled rows went into a relation: all of it carries the labels.
struct Copy {
    catalog::Oid relation = 0; // 0: not seen in a snapshot yet, `table` is all that is known
    std::string table;         // "schema.name", or a bare name
    std::string label;
    std::int64_t recorded = 0; // seconds since 1970
    auto operator<=>(const Copy&) const = default;
};

/// Where labels went in one database: by renames and by copies. Immutable once made; share it by pointer.
class Lineage
{
  public:
    Lineage() = default;
    Lineage(std::vector<LabelledName> names, std::vector<Copy> copies);
    Lineage(Lineage&&) = default;
    Lineage& operator=(Lineage&&) = default;
    Lineage(const Lineage&) = delete; // the indexes point into the lists
    Lineage& operator=(const Lineage&) = delete;

    [[nodiscard]] const std::vector<LabelledName>& names() const { return names_; }
    [[nodiscard]] const std::vector<Copy>& copies() const { return copies_; }
    [[nodiscard]] bool empty() const { return names_.empty() && copies_.empty(); }
    bool operator==(const Lineage& other) const { return names_ == other.names_ && copies_ == other.copies_; }

    /// Names that the relation and its columns had.
    [[nodiscard]] const std::vector<const LabelledName*>& names_of(catalog::Oid relation) const;
    /// Copies into the relation.
    [[nodiscard]] const std::vector<const Copy*>& copies_into(catalog::Oid relation) const;
    /// Copies into relations that no snapshot has shown yet, by bare name, whatever their schema.
    [[nodiscard]] const std::vector<const Copy*>& copies_into(const std::string& bare_name) const;

    /// Whether a policy labels a name: the relation itself (column "") or a column of it.
    using Labels = std::function<bool(std::string_view schema, std::string_view table, std::string_view column)>;
    /// What remains and what is new after a snapshot: names that are labelled now are kept for good, copies find their
    /// relations, and what was dropped is forgotten. Copies that no snapshot shows are kept for a day: a transaction
    /// may still be open.
    [[nodiscard]] Lineage observed(const catalog::Catalog& catalog, const Labels& labelled,
                                   std::chrono::system_clock::time_point now) const;
    /// With more copies; those that are known already change nothing.
    [[nodiscard]] Lineage with(const std::vector<Copy>& more) const;

    /// One line of JSON, for the store.
    [[nodiscard]] std::string to_json() const;
    /// The string says what is wrong.
    [[nodiscard]] static std::variant<Lineage, std::string> from_json(std::string_view text);

  private:
    std::vector<LabelledName> names_; // sorted, unique
    std::vector<Copy> copies_;        // sorted; one a relation and label
    std::unordered_map<catalog::Oid, std::vector<const LabelledName*>> names_by_relation_;
    std::unordered_map<catalog::Oid, std::vector<const Copy*>> copies_by_relation_;
    std::unordered_map<std::string, std::vector<const Copy*>> copies_by_name_;
};

/// The last part of "schema.name".
[[nodiscard]] std::string_view bare_name(std::string_view table);

} // namespace stepgate::policies::sensitivity
