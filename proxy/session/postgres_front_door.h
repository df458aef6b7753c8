#pragma once

#include "proxy/net/buffer.h"
#include "proxy/net/stream.h"
#include "proxy/session/postgres_startup.h"
#include "proxy/session/rejected.h"
#include "proxy/session/worker.h"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

namespace stepgate::proxy::session
{

/// A CancelRequest: all that this connection was for.
struct CancelWish {
    std::int32_t process = 0;
    wire::Bytes key;
};

using Knock = std::variant<ClientStartup, CancelWish, Rejected>;

/// Everything up to the start-up packet: direct TLS, SSLRequest, GSSENCRequest (THREATS.md: bytes sent before TLS never
/// count as sent inside it). The session's deadline closes the stream.
[[nodiscard]] net::Task<Knock> answer_the_door(net::Stream& client, net::Buffer& in, const Listening& listening,
                                               const Certificates& certificates);

/// Proves that the client is the user it says it is, with SCRAM-SHA-256(-PLUS) against stepgate's own users, and with
/// the client certificate where the listener wants one. `groups` gets the user's. nullopt: it is.
[[nodiscard]] net::Task<std::optional<Rejected>>
authenticate(net::Stream& client, net::Buffer& in, const Listening& listening, const Certificates& certificates,
             const ClientStartup& startup, const Shared& shared, std::vector<std::string>& groups);

/// Lets the server authenticate the client: relays the login's messages up to ReadyForQuery (which is not sent on).
/// Channel binding cannot span two TLS connections: -PLUS is taken out of the server's offer. `out` gets what is still
/// to be sent to the client.
[[nodiscard]] net::Task<std::optional<Rejected>> pass_login_through(net::Stream& client, net::Buffer& from_client,
                                                                    net::Stream& server, net::Buffer& from_server,
                                                                    const ClientStartup& startup,
                                                                    upstream::Greeting& greeting);

} // namespace stepgate::proxy::session
