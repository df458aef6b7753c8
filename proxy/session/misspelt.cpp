#include "proxy/session/misspelt.h"

namespace stepgate::proxy::session
{

namespace
{

constexpr std::size_t longest = 65536; // bytes: nobody types more

} // namespace

bool may_be_misspelt(const policies::statement::Facts& facts, std::string_view sql)
{
    return (!facts.parsed || facts.opaque) && !facts.runs_when_prepared && sql.size() <= longest;
}

bool is_one_statement(std::string_view sql)
{
    const auto semicolon = sql.find(';');
    return semicolon == std::string_view::npos ||
           sql.find_first_not_of("; \t\r\n", semicolon) == std::string_view::npos;
}

} // namespace stepgate::proxy::session
