#include "proxy/session/metrics.h"

namespace stepgate::proxy::session
{

void add(MetricsSnapshot& sum, const Metrics& one)
{
    sum.connections += one.connections.get();
    sum.connections_refused += one.connections_refused.get();
    sum.sessions += one.sessions.get();
    sum.logins_failed += one.logins_failed.get();
    sum.protocol_errors += one.protocol_errors.get();
    sum.upstream_failures += one.upstream_failures.get();
    sum.statements_allowed += one.statements_allowed.get();
    sum.statements_notified += one.statements_notified.get();
    sum.statements_challenged += one.statements_challenged.get();
    sum.statements_denied += one.statements_denied.get();
    sum.statements_refused_audit += one.statements_refused_audit.get();
    sum.elevated += one.elevated.get();
    sum.holds += one.holds.get();
    sum.holds_released += one.holds_released.get();
    sum.holds_denied += one.holds_denied.get();
    sum.holds_expired += one.holds_expired.get();
    sum.holds_cancelled += one.holds_cancelled.get();
    sum.bytes_from_clients += one.bytes_from_clients.get();
    sum.bytes_from_servers += one.bytes_from_servers.get();
    for (std::size_t i = 0; i < sum.hold_notice.size(); ++i)
        sum.hold_notice[i] += one.hold_notice[i].get();
    sum.hold_notice_nanoseconds += one.hold_notice_nanoseconds.get();
}

} // namespace stepgate::proxy::session
