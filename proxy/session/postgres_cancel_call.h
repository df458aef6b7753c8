#pragma once

#include "policies/statement/facts.h"
#include "protocols/postgres/query.h"

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace stepgate::proxy::session
{

/// Server processes; null: none, as nearly always.
using Processes = std::shared_ptr<const std::vector<std::int32_t>>;

/// The processes that a text names in calls of pg_cancel_backend: as a number, or as a parameter of `bind` (null: there
/// are none). A process that only the server can compute (`pg_cancel_backend(pid) FROM pg_stat_activity`) is not found.
/// pg_terminate_backend needs no such care: the server then ends the connection of the session that waits.
[[nodiscard]] Processes cancelled_processes(std::string_view sql, const policies::statement::Facts& facts,
                                            const protocols::postgres::Bind* bind);

} // namespace stepgate::proxy::session
