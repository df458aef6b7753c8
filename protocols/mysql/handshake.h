#pragma once

#include "protocols/mysql/capabilities.h"
#include "protocols/mysql/errc.h"
#include "protocols/mysql/frame.h"
#include "protocols/mysql/status.h"

#include <array>
#include <span>
#include <string_view>

namespace stepgate::protocols::mysql
{

class Cursor;

// The packets that open a connection (MySQL internals, "Connection Phase"). Decoded views point into the payload.

/// The server's random bytes of a login. No byte is 0: clients read them as a string.
using Nonce = std::array<std::byte, 20>;

/// Makes a nonce of random bytes, in the alphabet that servers use.
[[nodiscard]] Nonce nonce_of(std::span<const std::byte, 20> random);

/// Protocol::HandshakeV10: the server speaks first.
struct Greeting {
    std::string_view server_version; // "8.0.36", "5.5.5-10.11.6-MariaDB"
    std::uint32_t thread = 0;
    Nonce nonce{};
    Capabilities capabilities;
    std::uint8_t collation = 0; // the low byte of its number
    StatusFlags status;
    std::string_view plugin; // empty: none was named
};
/// errc: unsupported_protocol, malformed_greeting. A server that will not talk sends an ERR_Packet instead.
[[nodiscard]] result<Greeting> decode_greeting(wire::View payload);
void encode_greeting(wire::Bytes& out, const Greeting& greeting);

/// The first part of Protocol::HandshakeResponse41, alone on the wire: TLS begins behind it.
struct SslRequest {
    Capabilities capabilities;
    std::uint32_t largest_packet = 0;
    std::uint8_t collation = 0;
};
/// By its size and flag, as servers do it.
[[nodiscard]] bool is_ssl_request(wire::View payload);
[[nodiscard]] result<SslRequest> decode_ssl_request(wire::View payload);
void encode_ssl_request(wire::Bytes& out, std::uint8_t sequence, const SslRequest& request);

/// Connection attributes, read where they lie. They were checked by the decoder.
class Attributes
{
  public:
    Attributes() = default;
    explicit Attributes(wire::View bytes) : bytes_{bytes} {}

    /// As on the wire, without the length in front.
    [[nodiscard]] wire::View encoded() const { return bytes_; }
    [[nodiscard]] bool empty() const { return bytes_.empty(); }
    /// The value, or nothing. Of two with this name the first.
    [[nodiscard]] std::string_view find(std::string_view name) const;

  private:
    wire::View bytes_;
};

/// Reads the attributes and their length in front. Spoils the cursor if they are malformed.
[[nodiscard]] Attributes decode_attributes(Cursor& in);

/// Protocol::HandshakeResponse41: who the client is.
struct HandshakeResponse {
    Capabilities capabilities;
    std::uint32_t largest_packet = 0;
    std::uint8_t collation = 0;
    std::string_view user;
    wire::View auth;           // of the plugin; empty: none
    std::string_view database; // empty: none
    std::string_view plugin;   // empty: none was named
    Attributes attributes;
    std::uint8_t zstd_level = 0;
};
/// errc: unsupported_protocol, malformed_response.
[[nodiscard]] result<HandshakeResponse> decode_handshake_response(wire::View payload);
/// Writes what its capabilities announce; connect_with_db, connect_attrs and plugin_auth must be among them if the
/// fields are to be sent. Without secure_connection `auth` must not hold a 0.
void encode_handshake_response(wire::Bytes& out, std::uint8_t sequence, const HandshakeResponse& response);

/// AuthSwitchRequest: the server wants another plugin than the one that was tried.
struct AuthSwitch {
    std::string_view plugin;
    wire::View data; // for most plugins a nonce and a 0
};
[[nodiscard]] result<AuthSwitch> decode_auth_switch(wire::View payload);
void encode_auth_switch(wire::Bytes& out, std::uint8_t sequence, const AuthSwitch& request);

/// AuthMoreData: what a plugin of the server says to its plugin in the client.
[[nodiscard]] result<wire::View> decode_auth_more_data(wire::View payload);
void encode_auth_more_data(wire::Bytes& out, std::uint8_t sequence, wire::View data);

/// A packet without any structure: what the client's plugin answers.
void encode_auth_response(wire::Bytes& out, std::uint8_t sequence, wire::View data);

} // namespace stepgate::protocols::mysql
