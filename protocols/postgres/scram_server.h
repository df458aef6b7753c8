#pragma once

#include "protocols/postgres/authentication.h"
#include "protocols/postgres/scram_verifier.h"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace stepgate::protocols::postgres
{

/// The server's side of one SCRAM-SHA-256(-PLUS) login (RFC 5802, RFC 7677). Client message in, action out; no clock,
/// no randomness of its own. The user is the one of the start-up packet: the name inside SCRAM is ignored, as in
/// PostgreSQL.
class ScramServer
{
  public:
    /// AuthenticationSASLContinue with this.
    struct Continue {
        std::string data;
    };
    /// AuthenticationSASLFinal with this, then AuthenticationOk.
    struct Accept {
        std::string data;
        Sha256 client_key; // proves the password to another server that has the same salt and rounds
    };
    /// FATAL. wrong_password is the same for unknown users.
    struct Reject {
        errc error;
    };
    using Action = std::variant<Continue, Accept, Reject>;

    struct Settings {
        ScramVerifier verifier;
        bool known_user = true;                 // false: `verifier` is a mock, and even a matching proof is refused
        std::string nonce;                      // 18 or more random bytes as base64, new for each login
        wire::Bytes channel_binding = {};       // tls-server-end-point (RFC 5929); empty: no TLS, -PLUS is not offered
        std::vector<ScramVerifier> others = {}; // of the same user, salt and rounds: any of them will do
    };
    explicit ScramServer(Settings settings) : settings_{std::move(settings)} {}

    /// What to offer in AuthenticationSASL. Static text.
    [[nodiscard]] std::vector<std::string_view> mechanisms() const;

    /// errc: unsupported_mechanism, malformed_scram, unsupported_scram, downgraded, unexpected_message.
    [[nodiscard]] Action on(const SaslInitialResponse& message);

    /// errc: malformed_scram, wrong_channel_binding, wrong_password, unexpected_message, crypto_failure.
    [[nodiscard]] Action on(const SaslResponse& message);

  private:
    enum class State {
        start,      // nothing came
        want_first, // the mechanism was chosen without a first message
        want_proof, // our nonce is out
        done,       // accepted or rejected: nothing is answered any more
    };

    Action first(std::string_view message);
    Action proof(std::string_view message);
    Action reject(errc error);
    Action check(std::string_view without_proof, const Sha256& proof);
    std::optional<Accept> accept(const ScramVerifier& verifier, std::string_view signed_text, const Sha256& proof);

    Settings settings_;
    State state_ = State::start;
    bool plus_ = false;
    std::string gs2_header_, client_first_bare_, server_first_, nonce_;
};

} // namespace stepgate::protocols::postgres
