#pragma once

#include "protocols/mysql/client_login.h"
#include "proxy/upstream/mysql_server.h"

#include <cstdint>
#include <optional>
#include <string>

namespace stepgate::proxy::upstream
{

/// One login at a server after its greeting, message by message: what to send is appended to `out`. No sockets.
class MySqlLoginSteps
{
  public:
    /// `login.capabilities`: as agreed_with. `host`: where the server is.
    MySqlLoginSteps(MySqlLogin login, bool tls, const std::string& host);

    /// HandshakeResponse.
    std::optional<Failure> begin(const MySqlGreeting& greeting, std::uint8_t sequence, wire::Bytes& out);
    /// COM_CHANGE_USER: the same on a connection that is logged in.
    std::optional<Failure> begin_again(const MySqlGreeting& greeting, wire::Bytes& out);
    /// What the server says next. nullopt: go on.
    std::optional<Failure> on(const protocols::mysql::Frame& frame, wire::Bytes& out);
    [[nodiscard]] bool done() const { return done_; }

  private:
    std::optional<Failure> act(protocols::mysql::ClientLogin::Action action, std::uint8_t sequence, wire::Bytes& out);

    MySqlLogin login_;
    protocols::mysql::ClientLogin machine_;
    bool done_ = false;
};

/// What a login of this kind and the server that greeted agree on, but for TLS.
[[nodiscard]] protocols::mysql::Capabilities agreed_with(const MySqlGreeting& greeting, const MySqlLogin& login);

/// An ERR_Packet of a server that does not let us in. Class 28, and what names our account, is no business of the
/// client's.
[[nodiscard]] Failure mysql_failure(wire::View payload);

} // namespace stepgate::proxy::upstream
