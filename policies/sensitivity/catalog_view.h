#pragma once

#include "policies/catalog/catalog.h"
#include "policies/sensitivity/lineage.h"

#include <cstdint>
#include <memory>

namespace stepgate::policies::sensitivity
{

/// What is known of a database when a statement is judged. A value; copies share what they point to.
struct CatalogView {
    std::shared_ptr<const catalog::Catalog> catalog; // null: no snapshot
    std::shared_ptr<const Lineage> lineage;          // null: nothing was renamed or copied
    std::uint64_t revision = 0; // never the same for two different views of one process; 0: neither of the above
};

/// A revision for a new view.
[[nodiscard]] std::uint64_t next_view_revision();

} // namespace stepgate::policies::sensitivity
