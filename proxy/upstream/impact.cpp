#include "proxy/upstream/impact.h"

#include "proxy/upstream/mysql_impact.h"
#include "proxy/upstream/postgres_impact.h"

namespace stepgate::proxy::upstream
{

ImpactEstimate estimate_impact(const ImpactRequest& request)
{
    if (!request.problem.empty()) {
        ImpactEstimate none;
        none.problem = request.problem;
        return none;
    }
    if (const auto* settings = std::get_if<MySqlSettings>(&request.settings))
        return estimate_mysql_impact(request, *settings);
    return estimate_postgres_impact(request, std::get<PostgresSettings>(request.settings));
}

} // namespace stepgate::proxy::upstream
