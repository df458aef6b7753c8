#pragma once

#include "challenge-web/server/ceremonies.h"
#include "challenge-web/server/dependencies.h"
#include "challenge-web/server/event_hub.h"
#include "challenge-web/server/http_text.h"
#include "challenge-web/server/message.h"
#include "challenge-web/server/public_url.h"
#include "challenge-web/server/rate_limiter.h"
#include "challenge-web/server/session_keeper.h"
#include "challenge-web/server/settings.h"

#include <optional>
#include <string>
#include <vector>

namespace stepgate::challenge_web::server
{

/// Everything that handlers share. One for the process; every member is thread-safe.
struct Services {
    Services(PublicUrl public_url, ApiLimits api_limits, Dependencies dependencies)
        : url(std::move(public_url)), limits(api_limits), use(std::move(dependencies)), sessions(use.accounts, limits),
          ceremonies(limits.ceremonies), hub(limits.streams_per_user, limits.stream_backlog)
    {
    }
    Services(const Services&) = delete;
    Services& operator=(const Services&) = delete;

    const PublicUrl url;
    const ApiLimits limits;
    Dependencies use;
    SessionKeeper sessions;
    Ceremonies ceremonies;
    RateLimiter rates;
    EventHub hub;
};

/// One request on its way through a handler; it lives as long as the handler runs.
struct Call {
    Services& services;
    const Request& request;
    const Target& target;
    std::vector<std::string> parameters; // the {…} of the route's pattern, in order
    std::optional<Visitor> visitor;      // set for every route but those with Access::anyone, where it may be
    TimePoint now;
    bool by_token = false; // a program, with a token of the visitor's: the router has checked its scope

    [[nodiscard]] const std::string& user() const { return visitor->user.name; }
    /// For changes of users: the audit has it from the accounts.
    [[nodiscard]] accounts::ChangedBy changed_by() const { return {user(), request.client_address}; }
    /// Takes a token of a bucket; the answer to give when there is none.
    [[nodiscard]] std::optional<Response> limit(const std::string& key, Rate rate) const;
};

} // namespace stepgate::challenge_web::server
