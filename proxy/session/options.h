#pragma once

#include "challenge-web/challenges/challenge.h"
#include "proxy/net/tls.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::challenge_web::accounts
{
class Lockout;
}
namespace stepgate::challenge_web::challenges
{
class Challenges;
}
namespace stepgate::proxy::session
{
class LiveSessions;
}
namespace stepgate::proxy::audit
{
class Writer;
}
namespace stepgate::proxy::upstream
{
class DatabaseCatalog;
struct ImpactRequest;
} // namespace stepgate::proxy::upstream

namespace stepgate::proxy::session
{

enum class Mode : std::uint8_t {
    enforce, // verdicts are carried out
    observe, // verdicts are audited; nothing is held and clients are told nothing
};

enum class Authentication : std::uint8_t {
    proxy,       // stepgate's own users; the server sees the listener's account
    passthrough, // the server authenticates the client
};

enum class Protocol : std::uint8_t { postgres, mysql };

/// How clients of MySQL learn that their statement waits (others are always told at once).
enum class Announce : std::uint8_t {
    automatic, // those that can show it are told and wait; others wait shortly and are told to run it again
    wait,      // the others wait silently for as long as there is to answer
    retry,     // nobody is told while waiting
};

/// The server behind a listener, and the account used there with Authentication::proxy.
struct UpstreamOptions {
    std::string host;
    std::uint16_t port = 5432;
    net::ClientTlsOptions tls;
    std::string user, password;            // Authentication::proxy only
    std::optional<std::string> database;   // set: in place of what the client asks for
    bool allow_cleartext_password = false; // send it even without TLS, if the server asks
    std::chrono::seconds connect_timeout{10};
};

struct ListenerOptions {
    std::string name;
    std::string address = "127.0.0.1"; // an IP address, not a name
    std::uint16_t port = 0;            // 0: any free one, see Proxy::port
    Protocol protocol = Protocol::postgres;
    Announce announce = Announce::automatic; // PostgreSQL: retry or not
    bool local_infile = false;               // MySQL only: clients may send files that LOAD DATA LOCAL names
    bool compression = true;                 // MySQL only: clients may ask for zlib or zstd
    Mode mode = Mode::enforce;
    Authentication authentication = Authentication::proxy;
    net::ServerTlsOptions tls;
    UpstreamOptions upstream;
};

struct HoldOptions {
    std::chrono::seconds timeout{300};          // time to answer
    std::chrono::seconds in_transaction{60};    // the same while locks may be held
    std::chrono::seconds silent{15};            // for clients that cannot be told while they wait
    std::chrono::milliseconds pipelining{1000}; // bytes that arrive later mean that the client gave up
    std::chrono::milliseconds collect{20};      // wait for the rest of an extended group
    std::chrono::milliseconds keep_alive{10'000};
    std::chrono::milliseconds reminder{60'000};
};

struct Limits {
    std::size_t connections = 10'000;
    std::size_t connections_per_user = 200;
    std::size_t connections_per_address = 500;
    std::size_t message = std::size_t{64} << 20; // bytes, from the client
    std::chrono::milliseconds login{30'000};
    std::chrono::milliseconds idle{0}; // 0: no limit
};

/// Who may log in. `verifier` as PostgreSQL stores it: "SCRAM-SHA-256$4096:salt$StoredKey:ServerKey"; "" for none.
struct WireUser {
    std::string verifier;
    std::vector<std::string> groups; // sorted
    bool disabled = false;
    std::vector<std::string> more = {}; // verifiers of short-lived passwords, with the salt and rounds of `verifier`
};
/// Called on the relay's threads at each login: must not block (an in-memory snapshot), must be thread-safe.
using FindUser = std::function<std::optional<WireUser>(std::string_view name)>;

/// What is known of a database, shared by its sessions. Called on the relay's threads at each login: must not block.
using DatabaseOf =
    std::function<std::shared_ptr<upstream::DatabaseCatalog>(const std::string& listener, const std::string& database)>;

/// One line for the log: never payloads, passwords or literals. Called on the relay's threads; must not block.
enum class LogLevel : std::uint8_t { debug, info, warning, error };
using Log = std::function<void(LogLevel, std::string_view session, std::string_view text)>;

/// What the proxy needs from the rest of the process. Everything outlives it.
struct Services {
    audit::Writer* audit = nullptr;
    challenge_web::challenges::Challenges* challenges = nullptr;
    FindUser find_user;
    Log log; // may be empty
    /// What held statements would do, for the page of a challenge. Must not block; may be empty.
    std::function<void(std::string challenge, upstream::ImpactRequest request)> estimate_impact;
    /// The number that a pushed message asks for, "" if none went; in memory. May be empty.
    std::function<std::string(const challenge_web::challenges::Digest&)> number_of;
    LiveSessions* live_sessions = nullptr;               // for pages; may be null
    challenge_web::accounts::Lockout* lockout = nullptr; // of those who guess passwords; may be null
    DatabaseOf database_of;                              // may be empty: then nothing is known of any database
    std::string public_url; // of the web, without a trailing slash: "https://stepgate.example"
};

struct ProxyOptions {
    std::size_t threads = 0; // 0: one a core
    HoldOptions hold;
    Limits limits;
};

} // namespace stepgate::proxy::session
