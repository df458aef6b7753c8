#pragma once

#include "challenge-web/challenges/challenges.h"
#include "challenge-web/server/dependencies.h"
#include "challenge-web/server/errc.h"
#include "challenge-web/server/settings.h"

#include <boost/system/result.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace stepgate::challenge_web::server
{

struct Endpoint {
    std::string host;       // address or name to listen on
    std::uint16_t port = 0; // 0: any free one
};

struct ServerOptions {
    std::string public_url;                 // how browsers reach it: decides the origin and the passkeys' relying party
    std::optional<Endpoint> listen;         // no pages without it
    std::string certificate_file, key_file; // PEM; the certificate with its chain; both empty: a proxy on this machine
                                            // has TLS
    bool forwarded_for = false;             // that proxy appends its client's address to X-Forwarded-For
    std::optional<Endpoint> admin;          // plain HTTP, for /healthz, /readyz, /metrics: loopback or an inner network
    unsigned workers = 4;                   // threads for handlers, which block on the accounts
    ApiLimits api;
    TransportLimits transport;

    [[nodiscard]] bool plain() const { return certificate_file.empty() && key_file.empty(); }
};

/// The web server: the site's listener, admin listener, their thread and the handlers' threads. Thread-safe. Destroying
/// it stops it. Nothing may call `on_challenge` during or after destruction.
class Server
{
  public:
    [[nodiscard]] static boost::system::result<std::unique_ptr<Server>> start(ServerOptions options,
                                                                              Dependencies dependencies);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Call this from the observer of Challenges. Cheap, never blocks on I/O.
    void on_challenge(const challenges::Event& event);
    /// Reads certificate and key again, for new connections. On an error the old ones stay.
    [[nodiscard]] boost::system::result<void> reload_certificates();
    /// Ends event streams, lets requests under way finish for a moment, closes everything. Blocks; may be called twice.
    void stop();

    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] std::uint16_t admin_port() const; // 0: there is no admin listener

  private:
    struct Impl;
    explicit Server(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace stepgate::challenge_web::server
