#include "policies/sensitivity/origin_labels.h"

#include "policies/sensitivity/catalog_labels.h"

#include <algorithm>

namespace stepgate::policies::sensitivity
{

OriginLabels::OriginLabels(const CatalogView& view, const LabelIndex& labels, const LabelNames& names,
                           std::string_view database)
{
    if (labels.empty() || !view.catalog)
        return;
    const CatalogLabels by_catalog{labels, names, view, database};
    for (const auto& relation : view.catalog->contents().relations) {
        std::vector<Origin> origins;
        statement::TableAccess access{relation.schema + "." + relation.name, true, {std::string{}}};
        LabelSet all;
        for (const auto& column : relation.columns) {
            access.columns.front() = column.name;
            auto set = labels.of(access, database);
            set |= by_catalog.of(access);
            if (set.empty())
                continue;
            all |= set;
            origins.push_back({column.number, access.table, column.name, set});
        }
        if (origins.empty())
            continue;
        origins.push_back({0, access.table, "*", all});
        std::ranges::sort(origins, {}, &Origin::number);
        relations_.emplace(relation.oid, std::move(origins));
    }
}

const Origin* OriginLabels::find(catalog::Oid relation, std::int16_t number) const
{
    const auto found = relations_.find(relation);
    if (found == relations_.end())
        return nullptr;
    const auto at = std::ranges::lower_bound(found->second, number, {}, &Origin::number);
    return at != found->second.end() && at->number == number ? &*at : nullptr;
}

} // namespace stepgate::policies::sensitivity
