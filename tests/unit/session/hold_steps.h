#pragma once

#include "relay.h"

#include <string_view>

namespace stepgate::test::hold_steps
{

// What tests of holds on PostgreSQL's wire do at both ends of a session.

inline constexpr const char* risky = "delete from orders";

/// Expects the notice that a statement is held, and nothing of it at the server.
void expect_held(Relay::Session& session);
void expect_error(Peer& client, std::string_view code, std::string_view text);
/// The statement of its own that the proxy fails a transaction with.
void expect_refusal_query(Peer& server, char status);
/// The session works: the next statement runs.
void expect_alive(Relay::Session& session, char status = 'I');
void begin(Relay::Session& session);

} // namespace stepgate::test::hold_steps
