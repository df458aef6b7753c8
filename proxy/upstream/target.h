#pragma once

#include "protocols/wire/bytes.h"
#include "proxy/net/stream.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace stepgate::proxy::upstream
{

/// Where a server is and how to reach it. Outlives the calls below.
struct Target {
    std::string host;
    std::uint16_t port = 5432;
    net::ClientTlsMode tls_mode = net::ClientTlsMode::disable;
    net::TlsContext tls; // null only with ClientTlsMode::disable
};

/// Why there is no connection. `text` is for the log; it names the host.
struct Failure {
    enum class Kind : std::uint8_t {
        unreachable, // no address, refused, timed out
        tls,         // not offered, or the certificate was not accepted
        refused,     // the server said no: `server_error` may go to the client
        credentials, // the server does not accept our account: its words stay here
        database,    // it does not let our account into the database that the client asks for
        protocol,    // it does not speak the protocol
    };
    Kind kind{};
    std::string text;
    wire::Bytes server_error = {}; // an ErrorResponse as the server sent it
};

[[nodiscard]] Failure failure(const Target& target, Failure::Kind kind, std::string_view why);

/// Connects `stream` (not open yet), without TLS. nullopt: done.
[[nodiscard]] net::Task<std::optional<Failure>> connect(net::Stream& stream, const Target& target);

/// A stream, not open yet, that is closed after ten seconds if it is still there: for what no session watches.
[[nodiscard]] std::shared_ptr<net::Stream> short_conversation(net::Executor executor);

} // namespace stepgate::proxy::upstream
