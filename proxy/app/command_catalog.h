#pragma once

#include <filesystem>
#include <iosfwd>
#include <string>

namespace stepgate::proxy::app
{

struct CatalogDumpOptions {
    std::filesystem::path config;
    std::string listener; // "": the first
    std::string database; // "": the listener's upstream database, or the account's name
};

/// `stepgate catalog dump`: reads the catalogs of the listener's server as `serve` would and prints the snapshot as
/// JSON (policies/catalog/README.md). Exit code: 0, 1 if the server could not be read, 2 for a wrong option or
/// configuration.
[[nodiscard]] int run_catalog_dump(const CatalogDumpOptions& options, std::ostream& out, std::ostream& err);

} // namespace stepgate::proxy::app
