#pragma once

#include "protocols/mysql/handshake.h"
#include "protocols/mysql/rsa_key.h"
#include "protocols/mysql/scramble.h"

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace stepgate::protocols::mysql
{

/// The client's side of one login, towards a database server: caching_sha2_password, mysql_native_password,
/// client_ed25519, and mysql_clear_password over TLS. Server message in, action out.
class ClientLogin
{
  public:
    /// Start: the plugin and its answer, for HandshakeResponse.
    struct Answer {
        std::string_view plugin; // static text
        wire::Bytes auth;
    };
    /// A packet with this (encode_auth_response).
    struct Respond {
        wire::Bytes data;
    };
    /// Nothing to say: OK_Packet or ERR_Packet follows.
    struct Wait {
    };
    struct Fail {
        errc error;
    };
    using Action = std::variant<Answer, Respond, Wait, Fail>;

    struct Settings {
        std::string password;
        bool tls = false;                   // the server was verified as the configuration asks
        const RsaKey* server_key = nullptr; // known beforehand. Outlives the machine
        bool ask_for_key = false;           // without TLS: trust the key that the server sends
    };
    explicit ClientLogin(Settings settings) : settings_{std::move(settings)} {}
    ClientLogin(const ClientLogin&) = delete;
    ClientLogin& operator=(const ClientLogin&) = delete;
    ~ClientLogin(); // wipes the password

    /// The greeting's plugin; one that is not spoken is answered as caching_sha2_password, and the server switches.
    /// errc: crypto_failure, unexpected_message.
    [[nodiscard]] Action on(const Greeting& greeting);

    /// COM_CHANGE_USER has no greeting of its own.
    [[nodiscard]] Action start(std::string_view plugin, const Nonce& nonce);

    /// errc: unsupported_plugin, malformed_switch, insecure, crypto_failure, unexpected_message.
    [[nodiscard]] Action on(const AuthSwitch& request);

    /// AuthMoreData's data. errc: malformed_auth, insecure, invalid_key, crypto_failure, unexpected_message.
    [[nodiscard]] Action on_more(wire::View data);

    /// OK_Packet counts only now.
    [[nodiscard]] bool may_be_accepted() const { return state_ == State::answered; }

  private:
    enum class State {
        start,    // waits for the greeting
        answered, // our answer is out
        want_key, // the server's public key was asked for
        failed,   // nothing is answered any more
    };

    result<wire::Bytes> answer(std::string_view plugin) const;
    Action full_proof();
    Action encrypted(const RsaKey& key);
    Action fail(errc error);

    Settings settings_;
    State state_ = State::start;
    bool switched_ = false;
    bool sha2_ = false; // the plugin is caching_sha2_password
    Nonce nonce_{};
};

} // namespace stepgate::protocols::mysql
