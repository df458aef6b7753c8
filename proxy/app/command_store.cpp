#include "proxy/app/command_store.h"

#include <ostream>

namespace stepgate::proxy::app
{

std::optional<OpenedStore> open_store(const std::filesystem::path& config, Missing missing, std::ostream& err)
{
    auto loaded = load_configuration(config);
    if (const auto* errors = std::get_if<std::vector<policies::rules::PolicyError>>(&loaded)) {
        for (const auto& error : *errors)
            err << to_string(error) << '\n';
        return std::nullopt;
    }
    auto& configuration = std::get<Configuration>(loaded);
    std::error_code ignored;
    if (missing == Missing::refuse && !std::filesystem::exists(configuration.store, ignored)) {
        err << "stepgate: there is no store " << configuration.store.string()
            << " yet; `stepgate user add` or `stepgate serve` makes it\n";
        return std::nullopt;
    }
    auto opened = store::SqliteStore::open(configuration.store);
    if (!opened) {
        err << "stepgate: " << opened.error().message << '\n';
        return std::nullopt;
    }
    return OpenedStore{std::move(configuration), std::move(*opened)};
}

challenge_web::accounts::ChangedBy by_command_line()
{
    return {"command line", {}};
}

int store_failed(const boost::system::error_code& error, std::ostream& err)
{
    err << "stepgate: " << error.message() << '\n';
    return 2;
}

} // namespace stepgate::proxy::app
