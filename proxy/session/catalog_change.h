#pragma once

#include "policies/catalog/catalog.h"
#include "policies/statement/facts.h"
#include "proxy/upstream/database_catalog.h"

#include <optional>
#include <set>
#include <string>

namespace stepgate::proxy::session
{

/// What a statement does to the catalogs of its database.
struct CatalogChange {
    bool any = false;          // a new snapshot is needed afterwards
    upstream::Touched touched; // what cannot be looked up in the old one
};

/// `catalog`: the snapshot, or null. `temporary`: names of temporary objects of the session. `suspicious`: a text that
/// is not understood may have changed anything.
[[nodiscard]] CatalogChange change_of(const policies::statement::StatementFacts& statement,
                                      const policies::catalog::Catalog* catalog,
                                      const std::set<std::string>& temporary);
[[nodiscard]] CatalogChange change_of(const policies::statement::Facts& facts,
                                      const policies::catalog::Catalog* catalog, const std::set<std::string>& temporary,
                                      bool suspicious);

/// A name that the text relies on is touched. Defining something relies on nothing, but renaming does: it must wait for
/// the snapshot, or nobody would ever know which labelled name it was. What the text itself changes is not looked at:
/// its facts know.
[[nodiscard]] bool depends_on(const policies::statement::Facts& facts, const upstream::Touched& touched);

/// The text may end the transaction block that it runs in.
[[nodiscard]] bool may_end_transaction(const policies::statement::Facts& facts);

} // namespace stepgate::proxy::session
