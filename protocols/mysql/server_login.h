#pragma once

#include "protocols/mysql/handshake.h"
#include "protocols/mysql/rsa_key.h"
#include "protocols/mysql/scramble.h"

#include <functional>
#include <optional>
#include <string_view>
#include <variant>

namespace stepgate::protocols::mysql
{

/// The server's side of one login: caching_sha2_password and, if it is allowed, mysql_native_password. Client message
/// in, action out; no clock, no randomness of its own.
///
/// A full proof gives the password itself, over TLS or encrypted to the RSA key, so `check` can compare it with a
/// verifier of any kind. The fast proof needs the digest that an earlier full proof left behind.
class ServerLogin
{
  public:
    /// AuthSwitchRequest with these. Views into the machine.
    struct Switch {
        std::string_view plugin;
        wire::View data;
    };
    /// AuthMoreData with this. Views into the machine or the key.
    struct More {
        wire::View data;
    };
    /// First AuthMoreData with `data`, unless that is empty, then OK_Packet.
    struct Accept {
        wire::View data;
        std::optional<Sha256> learned; // of a full proof: for FastCache::keep
    };
    /// ERR_Packet. wrong_password is the same for unknown users.
    struct Reject {
        errc error;
    };
    using Action = std::variant<Switch, More, Accept, Reject>;

    struct Settings {
        Nonce nonce; // the greeting's, new for each login
        bool tls = false;
        const RsaKey* rsa = nullptr; // null: no full proof without TLS. Outlives the machine
        /// Says whether this is the user's password. For an unknown user it takes as long and says no.
        std::function<bool(std::string_view password)> check;
        std::optional<Sha256> digest = std::nullopt; // of FastCache::find
        bool allow_native = false;
        std::optional<Sha1> native = std::nullopt; // SHA1(SHA1(password)); nothing: clients switch, if they can
        std::size_t longest_password = 255;
    };
    explicit ServerLogin(Settings settings) : settings_{std::move(settings)} {}

    /// errc: unsupported_plugin, malformed_auth, wrong_password, insecure, crypto_failure, unexpected_message.
    [[nodiscard]] Action on(const HandshakeResponse& response);

    /// COM_CHANGE_USER: the same with the fields of that command. Servers send a new nonce then: name no plugin, and
    /// the client is switched to this machine's.
    [[nodiscard]] Action start(std::string_view plugin, wire::View auth, bool can_switch);

    /// What the client's plugin answers to Switch or More.
    [[nodiscard]] Action on_answer(wire::View payload);

  private:
    enum class State {
        start,       // nothing came
        want_sha2,   // the plugin was switched to caching_sha2_password
        want_native, // the plugin was switched to mysql_native_password
        want_full,   // the client was told that the fast proof will not do
        want_cipher, // the public key is out
        done,        // accepted or rejected: nothing is answered any more
    };

    Action switch_to(std::string_view plugin, State state);
    Action sha2(wire::View answer);
    Action native(wire::View answer);
    Action full(wire::View payload);
    Action decrypt(wire::View payload);
    Action check(std::string_view password);
    Action accept(wire::View data, std::optional<Sha256> learned = std::nullopt);
    Action reject(errc error);

    Settings settings_;
    State state_ = State::start;
    std::array<std::byte, 21> switch_data_{}; // the nonce and a 0
};

} // namespace stepgate::protocols::mysql
