#pragma once

#include "policies/catalog/catalog.h"
#include "policies/sensitivity/catalog_view.h"
#include "policies/sensitivity/label_index.h"
#include "policies/sensitivity/labels.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace stepgate::policies::sensitivity
{

/// A labelled column as a result's description names it.
struct Origin {
    std::int16_t number = 0; // 0: the whole row
    std::string table;       // "schema.name"
    std::string column;      // "*" for the whole row
    LabelSet labels;
};

/// Which columns that a server names as the origin of a result are labelled: by the relation's oid and the column's
/// number. Made once for a snapshot and a policy, then immutable and thread-safe. What it does not name may still be
/// labelled: expressions have no origin.
class OriginLabels
{
  public:
    /// Empty without a snapshot. `names`: of the labels; `database`: as in LabelIndex::of.
    OriginLabels(const CatalogView& view, const LabelIndex& labels, const LabelNames& names, std::string_view database);

    [[nodiscard]] bool empty() const { return relations_.empty(); }
    /// nullptr: not labelled.
    [[nodiscard]] const Origin* find(catalog::Oid relation, std::int16_t number) const;

  private:
    std::unordered_map<catalog::Oid, std::vector<Origin>> relations_; // those with labels only; each sorted by number
};

} // namespace stepgate::policies::sensitivity
