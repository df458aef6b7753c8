#include "challenge-web/server/handlers.h"
#include "challenge-web/server/replies.h"
#include "challenge-web/server/whole_number.h"

#include <algorithm>
#include <array>

namespace stepgate::challenge_web::server
{

namespace
{

constexpr int longest_page = 200;

bool is_outcome(std::string_view text)
{
    using challenges::State;
    constexpr std::array states{State::pending, State::approved, State::consumed,
                                State::denied,  State::expired,  State::cancelled};
    return std::any_of(states.begin(), states.end(), [&](State state) { return text == to_string(state); });
}

/// False: the parameter is unknown or its value makes no sense.
bool set_history(HistoryQuery& query, const std::string& name, const std::string& value)
{
    if (name == "outcome") {
        query.outcome = value;
        return is_outcome(value);
    }
    if (name == "before") {
        query.before = whole_number<std::int64_t>(value);
        return query.before && *query.before > 0;
    }
    query.limit = whole_number<int>(value).value_or(0);
    return name == "limit" && query.limit >= 1 && query.limit <= longest_page;
}

Response overview_reply(std::optional<std::string> json)
{
    return json ? json_text_reply(200, std::move(*json)) : unavailable();
}

} // namespace

Response get_history(Call& call)
{
    if (auto refused = limit_audit(call))
        return *refused;
    HistoryQuery query;
    query.person = call.user(); // nobody's else, whatever the address says
    for (const auto& [name, value] : call.target.query)
        if (!value.empty() && !set_history(query, name, value))
            return bad_request("This filter is unknown or its value cannot be read.");
    return overview_reply(call.services.use.overviews.history(query));
}

Response get_policy(Call& call)
{
    if (auto refused = limit_audit(call))
        return *refused;
    return overview_reply(call.services.use.overviews.policy(call.now));
}

} // namespace stepgate::challenge_web::server
