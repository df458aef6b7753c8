// Execute: a portal runs that was judged at its Bind, unless it means something else by now.

#include "protocols/postgres/query.h"
#include "proxy/session/postgres_session.h"

#include <utility>

namespace stepgate::proxy::session
{

namespace pg = protocols::postgres;

/// Judged at Bind already, unless that was in an earlier group or something changed since.
bool PostgresSession::must_judge(const Portal& portal) const
{
    return portal.group != group_ || portal.policy != &worker_.judge.policy() || portal.tag <= flights_.begin() ||
           portal.tag > flights_.end() || portal.origins_then != portal.statement->origins.size();
}

/// What a portal calls looks names up when it is executed, as EXECUTE and FETCH do theirs: that may have changed since
/// its Bind, or be changing.
bool PostgresSession::may_mean_otherwise(const Portal& portal)
{
    if (catalog_.look())
        state_.catalog_read();
    return portal.generation != state_.generation() || portal.catalog != catalog_.revision() || must_settle();
}

/// With facts of now.
bool PostgresSession::means_otherwise(const Portal& portal)
{
    const auto& now = portal.statement->facts;
    return now != portal.facts && (now->labels != portal.facts->labels || *now->facts != *portal.facts->facts);
}

PostgresSession::Step PostgresSession::inspect_execute(const pg::Frame& frame, const PlannedFrame* planned)
{
    const auto execute = pg::decode_execute(frame);
    if (!execute)
        return broken(execute.error());
    if (tracker_.copy() == pg::Copy::in)
        return broken(make_error_code(pg::errc::unexpected_message));
    if (const auto step = unreadable(execute->portal, planned != nullptr))
        return *step;
    if (!planned && !tracker_.portals().is_sure(execute->portal, tracker_.group()))
        return Step::settle;
    const auto* found = tracker_.portals().find(execute->portal);
    Portal portal = found != nullptr ? *found : Portal{};
    if (!portal.statement)
        portal.statement = unknown("FETCH ALL FROM ", execute->portal);
    if (planned && planned->tag != 0)
        portal.tag = planned->tag;
    if (!planned && (must_judge(portal) || may_mean_otherwise(portal))) {
        if (must_settle())
            return Step::settle;
        refresh(*portal.statement);
        if (must_settle_names(*portal.statement))
            return Step::settle;
        if (const auto step = must_look_up(*portal.statement))
            return *step;
    }
    if (!planned && (must_judge(portal) || means_otherwise(portal))) {
        const auto verdict = verdict_on(*portal.statement->facts, portal.statement->sql);
        if (must_hold(verdict))
            return found != nullptr ? Step::hold : ask_whether_there();
        portal.tag = begin_execution(*portal.statement, verdict);
        if (portal.tag == 0)
            return Step::slow;
    }
    if (!portal.statement->facts)
        refresh(*portal.statement);
    if (!planned && found != nullptr && must_describe(*portal.statement))
        return Step::describe;
    depart(portal.tag, portal.statement, tracker_.execute(portal.tag).value_or(0), false, std::move(portal.cancels));
    const bool again = portal.ran && std::exchange(*portal.ran, true);
    if (Flight* const flight = flight_of(portal.tag); again && flight != nullptr)
        flight->again = true;
    group_open_ = true;
    group_executed_ = true;
    return Step::forward;
}

} // namespace stepgate::proxy::session
