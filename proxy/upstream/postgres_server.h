#pragma once

#include "protocols/postgres/scram_keys.h"
#include "protocols/postgres/startup.h"
#include "proxy/net/buffer.h"
#include "proxy/net/stream.h"
#include "proxy/upstream/target.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stepgate::proxy::upstream
{

/// Connects `stream` (not open yet) and starts TLS as the target asks. nullopt: done.
[[nodiscard]] net::Task<std::optional<Failure>> open(net::Stream& stream, const Target& target);

/// The account used at the server.
struct Account {
    std::string user, password;
    bool allow_cleartext = false;                                  // even without TLS
    std::shared_ptr<protocols::postgres::ScramKeyCache> keys = {}; // shared by the logins of this account
};

/// What the server said after it let us in.
struct Greeting {
    wire::Bytes messages; // ParameterStatus and NoticeResponse, as they came
    std::int32_t process = 0;
    wire::Bytes key; // of CancelRequest; may be empty
};

using Parameters = std::vector<std::pair<std::string, std::string>>; // of the start-up packet, without "user"

/// Logs in on an open stream with protocol 3.0, up to ReadyForQuery. `buffer` is the session's for this stream.
/// SCRAM-SHA-256(-PLUS), MD5, cleartext over TLS.
[[nodiscard]] net::Task<std::optional<Failure>> login(net::Stream& stream, net::Buffer& buffer, Account account,
                                                      Parameters parameters, Greeting& greeting);

/// What a login makes of a session beside what the client asked for: the role or the database may have settings of
/// their own (ALTER ROLE .. SET), and the server a configuration.
struct StartState {
    std::string search_path; // as SHOW prints it
    std::string user;        // whose rights count
    /// Settings under which a text means other rows than it usually does, and their values.
    std::vector<std::pair<std::string, std::string>> unusual;
};

/// Asks the server on a stream that is logged in and idle. What it says beside that is added to the greeting.
[[nodiscard]] net::Task<std::optional<Failure>> ask_start_state(net::Stream& stream, net::Buffer& buffer,
                                                                Greeting& greeting, StartState& state);

/// Sends CancelRequest over a connection of its own, with TLS as the target asks. Best effort, as cancelling is.
[[nodiscard]] net::Task<void> send_cancel(net::Executor executor, Target target, std::int32_t process, wire::Bytes key);

} // namespace stepgate::proxy::upstream
