#pragma once

#include "challenge-web/challenges/challenges.h"
#include "challenge-web/server/call.h"

namespace stepgate::challenge_web::server
{

/// Answers every request of the web address: API, pages, health. Thread-safe; may block; knows no sockets.
class Site
{
  public:
    Site(PublicUrl url, ApiLimits limits, Dependencies dependencies)
        : services_(std::move(url), limits, std::move(dependencies))
    {
    }

    [[nodiscard]] Response handle(const Request& request);
    /// The admin listener: /healthz, /readyz, /metrics and nothing else.
    [[nodiscard]] Response handle_admin(const Request& request);
    /// Something happened to a challenge: its user's pages hear of it.
    void on_challenge(const challenges::Event& event);
    /// Does the session, or the token, behind a stream still live?
    [[nodiscard]] bool session_alive(const std::string& token_hash);

    [[nodiscard]] EventHub& hub() { return services_.hub; }

  private:
    Services services_;
};

/// Security headers, the same for every answer of the web address.
void add_security_headers(Response& response, bool api);

/// A file of the web app, or its start page for addresses that the app routes itself.
[[nodiscard]] Response static_file(const FindAsset& assets, const Request& request, const Target& target);

} // namespace stepgate::challenge_web::server
