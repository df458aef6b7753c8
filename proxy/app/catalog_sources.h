#pragma once

#include "proxy/app/configuration.h"
#include "proxy/upstream/catalog_reader.h"

#include <string>
#include <string_view>
#include <variant>

namespace stepgate::proxy::app
{

/// How the catalogs of a database behind a listener are read. Secrets are read here; the string says what is missing.
[[nodiscard]] std::variant<upstream::CatalogSource, std::string> catalog_source(const Listener& listener,
                                                                                std::string_view database);

} // namespace stepgate::proxy::app
