#pragma once

#include "challenge-web/challenges/challenge.h"
#include "policies/rules/verdict.h"
#include "proxy/session/options.h"
#include "proxy/session/session.h"

#include <cstdint>
#include <optional>
#include <string>

namespace stepgate::proxy::session
{

/// One hold, from the moment that its challenge is open: what happened so far, and what to do about it. The same for
/// every dialect. No sockets and no clock; the dialect's coroutine tells it what it sees, asks, and sleeps.
class Gate
{
  public:
    /// Why the waiting is over.
    enum class End : std::uint8_t {
        approved,       // the requirement is met: the caller judges again, consumes, and releases
        denied,         // a person said no
        expired,        // nobody answered in time
        withdrawn,      // the challenge was cancelled elsewhere
        client_gone,    // the client closed its connection
        client_gave_up, // it sent something newer than the statement it waits for
        client_cancels, // it asked to cancel (Ctrl-C)
        server_gone,    // the server closed its connection, or said that it would
        session_ended,  // a person ended the session
        shutdown,       // the proxy ends
    };
    /// What the client should hear now.
    enum class Due : std::uint8_t { nothing, keep_alive, reminder };

    Gate(const HoldOptions& options, std::chrono::milliseconds time_to_answer, SteadyTime now);

    void settled(challenge_web::challenges::State state, std::string reason);
    /// New bytes of the client. Those that come together with the held statement are pipelining; later ones mean that
    /// nobody waits for its answer any more.
    void client_sent(SteadyTime now);
    void client_closed() { end_with(End::client_gone); }
    void client_cancelled() { end_with(End::client_cancels); }
    void server_closed() { end_with(End::server_gone); }
    void session_ended() { end_with(End::session_ended); }
    void proxy_ends() { end_with(End::shutdown); }

    /// The first end that came, but an approval gives way to any later reason not to release.
    [[nodiscard]] std::optional<End> end(SteadyTime now);
    [[nodiscard]] const std::string& reason() const { return reason_; }
    /// Ask once after each wake-up: what is due is taken as done.
    [[nodiscard]] Due due(SteadyTime now);
    /// When something is due next if nothing happens before.
    [[nodiscard]] SteadyTime next_wake() const;

  private:
    void end_with(End end);

    HoldOptions options_;
    SteadyTime opened_, expires_, next_keep_alive_, next_reminder_;
    std::optional<End> end_;
    std::string reason_;
};

/// Both verdicts on one batch: the strictest action, all requirements, the narrowest elevation.
[[nodiscard]] policies::rules::Verdict join(policies::rules::Verdict a, const policies::rules::Verdict& b);

/// True if what was shown for `given` is enough for `needed`: a release after a policy change needs this.
[[nodiscard]] bool covers(const policies::rules::Verdict& given, const policies::rules::Verdict& needed);

} // namespace stepgate::proxy::session
