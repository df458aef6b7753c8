#include "proxy/app/command_check.h"

#include "proxy/app/configuration.h"

#include <ostream>

namespace stepgate::proxy::app
{
namespace
{

std::string counted(std::size_t count, std::string_view what)
{
    return std::to_string(count) + ' ' + std::string{what} + (count == 1 ? "" : "s");
}

} // namespace

int run_check(const CheckOptions& options, std::ostream& out, std::ostream& err)
{
    const auto loaded = load_configuration(options.config);
    if (const auto* errors = std::get_if<std::vector<policies::rules::PolicyError>>(&loaded)) {
        for (const auto& error : *errors)
            err << to_string(error) << '\n';
        err << counted(errors->size(), "error") << '\n';
        return 2;
    }
    const auto& configuration = std::get<Configuration>(loaded);
    const auto& policy = *configuration.policy;
    out << "ok: " << counted(configuration.listeners.size(), "listener") << ", "
        << counted(policy.rules().size(), "rule") << ", " << counted(policy.labels().size(), "label")
        << ", policy revision " << policy.short_revision() << '\n';
    return 0;
}

} // namespace stepgate::proxy::app
