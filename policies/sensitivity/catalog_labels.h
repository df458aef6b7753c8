#pragma once

#include "policies/sensitivity/catalog_view.h"
#include "policies/sensitivity/label_index.h"
#include "policies/sensitivity/labels.h"
#include "policies/statement/facts.h"

#include <string_view>
#include <vector>

namespace stepgate::policies::sensitivity
{

/// Labels that an access carries for what the catalogs and the lineage say, on top of those that its names give: the
/// real columns behind `*`, parents, partitions and children, former names, copies, generated columns. Lives for one
/// labelling; borrows everything.
class CatalogLabels
{
  public:
    CatalogLabels(const LabelIndex& index, const LabelNames& names, const CatalogView& view, std::string_view database)
        : index_(index), names_(names), view_(view), database_(database)
    {
    }

    [[nodiscard]] LabelSet of(const statement::TableAccess& access) const;

  private:
    [[nodiscard]] std::vector<const catalog::Relation*> meant(const statement::TableAccess& access) const;
    [[nodiscard]] std::vector<const catalog::Relation*> family(const catalog::Relation& relation) const;
    void add(const catalog::Relation& relation, const std::vector<std::string>& columns, LabelSet& labels) const;
    void add_row_type(catalog::Oid type, int levels, LabelSet& labels) const;
    void add_former(const catalog::Relation& relation, const std::vector<std::string>& columns, LabelSet& labels) const;
    void add_copies(const std::vector<const Copy*>& copies, LabelSet& labels) const;
    [[nodiscard]] LabelSet named(std::string_view schema, std::string_view table, std::string_view column) const;

    const LabelIndex& index_;
    const LabelNames& names_;
    const CatalogView& view_;
    std::string_view database_;
};

} // namespace stepgate::policies::sensitivity
