#pragma once

#include "protocols/postgres/authentication.h"
#include "protocols/postgres/scram_keys.h"

#include <string>
#include <variant>

namespace stepgate::protocols::postgres
{

/// The client's side of one SCRAM-SHA-256(-PLUS) login, towards a database server. Server message in, action out.
class ScramClient
{
  public:
    /// SASLInitialResponse with these.
    struct Initial {
        std::string_view mechanism;
        std::string response;
    };
    /// SASLResponse with this.
    struct Respond {
        std::string response;
    };
    /// The server proved that it knows the password; AuthenticationOk may follow.
    struct Verified {
    };
    struct Fail {
        errc error;
    };
    using Action = std::variant<Initial, Respond, Verified, Fail>;

    struct Settings {
        std::string password;
        std::string nonce;                    // 18 or more random bytes as base64, new for each login
        wire::Bytes channel_binding = {};     // tls-server-end-point; empty: no TLS
        bool require_channel_binding = false; // refuse servers that do not offer -PLUS
        ScramKeyCache* keys = nullptr;        // of this account; null: derived anew
    };
    explicit ScramClient(Settings settings) : settings_{std::move(settings)} {}
    ScramClient(const ScramClient&) = delete;
    ScramClient& operator=(const ScramClient&) = delete;
    ~ScramClient(); // wipes the password

    /// errc: unsupported_mechanism, unexpected_message.
    [[nodiscard]] Action on(const AuthenticationSasl& message);

    /// Takes some milliseconds (PBKDF2) unless `keys` has them. errc: malformed_scram, weak_server, crypto_failure,
    /// unexpected_message.
    [[nodiscard]] Action on(const AuthenticationSaslContinue& message);

    /// errc: malformed_scram, wrong_password, wrong_server, unexpected_message.
    [[nodiscard]] Action on(const AuthenticationSaslFinal& message);

    /// AuthenticationOk counts only now: a server that skips its proof is not the one that was meant.
    [[nodiscard]] bool verified() const { return state_ == State::verified; }

  private:
    enum class State {
        start,      // waits for the mechanisms
        want_first, // our nonce is out
        want_proof, // our proof is out
        verified,   // the server proved itself
        failed,     // nothing is answered any more
    };
    Action fail(errc error);
    Action prove(wire::View salt, int iterations, std::string_view signed_text, std::string_view without_proof);

    Settings settings_;
    State state_ = State::start;
    std::string gs2_header_, client_first_bare_;
    Sha256 server_signature_{};
};

} // namespace stepgate::protocols::postgres
