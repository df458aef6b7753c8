#pragma once

#include "policies/catalog/catalog.h"

#include <filesystem>
#include <memory>
#include <string>
#include <variant>

namespace stepgate::proxy::app
{

/// Reads a snapshot that `stepgate catalog dump` wrote. The string says what is wrong, with file and place.
[[nodiscard]] std::variant<std::shared_ptr<const policies::catalog::Catalog>, std::string>
load_catalog_file(const std::filesystem::path& file);

} // namespace stepgate::proxy::app
