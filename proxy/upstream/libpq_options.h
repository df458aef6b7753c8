#pragma once

#include "proxy/upstream/catalog_reader.h"
#include "proxy/upstream/libpq_connection.h"

#include <string_view>

namespace stepgate::proxy::upstream
{

/// How libpq connects to a server as the configuration says, and as nothing else says.
[[nodiscard]] LibpqConnection::Options libpq_options(const CatalogSource& source, std::string_view application);

} // namespace stepgate::proxy::upstream
