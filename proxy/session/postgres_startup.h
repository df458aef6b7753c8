#pragma once

#include "policies/postgres/session_state.h"
#include "protocols/postgres/startup.h"
#include "proxy/upstream/postgres_server.h"

#include <string>
#include <variant>
#include <vector>

namespace stepgate::proxy::session
{

/// What a client asked for at the start, checked: nothing in it decides the meaning of texts behind the proxy's back.
struct ClientStartup {
    protocols::postgres::Version version;     // what the client speaks after negotiation: 3.0 or 3.2
    bool negotiate = false;                   // it asked for more: NegotiateProtocolVersion is due
    std::vector<std::string> unknown_options; // "_pq_.…"
    std::string user, database, application_name;
    upstream::Parameters parameters;               // for the server, with "database", without "user"
    std::vector<std::string> needs_rule;           // names of those that only a rule can allow, lower case, sorted
    bool replication = false;                      // physical or logical; "replication" is in `needs_rule`
    bool runs_sql = true;                          // all but physical replication
    policies::postgres::SessionState::Start state; // what these make of the session
};

/// Why a start is refused, in words for the client.
struct StartupRefusal {
    std::string sqlstate, message, hint;
};

/// Parameters outside an allow-list are for a rule to allow, also those inside `options`; client_encoding must be UTF8
/// in any case.
[[nodiscard]] std::variant<ClientStartup, StartupRefusal> check_startup(const protocols::postgres::Startup& startup);

} // namespace stepgate::proxy::session
