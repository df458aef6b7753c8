#pragma once

#include "proxy/upstream/catalog_reader.h"

namespace stepgate::proxy::upstream
{

/// Reads a snapshot of a MySQL (8.0 to 9.x) or MariaDB (10.6 to 11.x) server: all of its databases, as schemas of one
/// catalog. From information_schema, which shows an account what it has privileges for: what it does not see is not in
/// the snapshot, and statements that name it are not understood. Blocking: for a thread that may wait. `database` and
/// the certificates of `source` are as for PostgreSQL.
///
/// These servers number nothing that stays: numbers here are made from names, so a renamed table is another one.
[[nodiscard]] CatalogRead read_mysql_catalog(const CatalogSource& source);

} // namespace stepgate::proxy::upstream
