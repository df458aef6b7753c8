#include "proxy/app/command_catalog.h"

#include "policies/catalog/json.h"
#include "proxy/app/catalog_sources.h"
#include "proxy/app/configuration.h"

#include <algorithm>
#include <ostream>

namespace stepgate::proxy::app
{

int run_catalog_dump(const CatalogDumpOptions& options, std::ostream& out, std::ostream& err)
{
    const auto loaded = load_configuration(options.config);
    if (const auto* errors = std::get_if<std::vector<policies::rules::PolicyError>>(&loaded)) {
        for (const auto& error : *errors)
            err << to_string(error) << '\n';
        return 2;
    }
    const auto* listener = find_listener(std::get<Configuration>(loaded), options.listener, err);
    if (listener == nullptr)
        return 2;
    const auto source = catalog_source(*listener, options.database);
    if (const auto* missing = std::get_if<std::string>(&source)) {
        err << "stepgate: " << *missing << '\n';
        return 2;
    }
    const auto read = read_catalog_from(*listener, std::get<upstream::CatalogSource>(source));
    if (const auto* failed = std::get_if<std::string>(&read.contents)) {
        err << "stepgate: the catalogs could not be read: " << *failed << '\n';
        if (options.database.empty() && !listener->upstream.database && listener->protocol == Protocol::postgres)
            err << "The listener names no database: --database does.\n";
        return 1;
    }
    policies::catalog::write_json(out, std::get<policies::catalog::Contents>(read.contents));
    out.flush();
    return out.good() ? 0 : 1;
}

} // namespace stepgate::proxy::app
