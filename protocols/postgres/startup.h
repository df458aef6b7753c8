#pragma once

#include "protocols/postgres/errc.h"
#include "protocols/postgres/frame.h"

#include <cstdint>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace stepgate::protocols::postgres
{

/// 3.0 sends 4-byte cancel keys; 3.2 (PostgreSQL 18) keys of 4 to 256 bytes.
struct Version {
    std::uint16_t major = 3, minor = 0;
    friend bool operator==(const Version&, const Version&) = default;
};

/// StartupMessage. Names and values point into the frame.
struct Startup {
    Version version;
    std::vector<std::pair<std::string_view, std::string_view>> parameters; // in order, each name once, with "user"

    /// The value, or nothing.
    [[nodiscard]] std::string_view find(std::string_view name) const;
};
struct SslRequest {
};
struct GssEncRequest {
};
/// CancelRequest. The key points into the frame.
struct CancelRequest {
    std::int32_t process = 0;
    wire::View key; // 4 to 256 bytes
};
using StartupPacket = std::variant<Startup, SslRequest, GssEncRequest, CancelRequest>;

/// errc: unsupported_protocol, malformed_startup, malformed_cancel.
[[nodiscard]] result<StartupPacket> decode_startup_packet(const Frame& frame);

void encode_startup(wire::Bytes& out, const Startup& startup);
void encode_ssl_request(wire::Bytes& out);
void encode_cancel_request(wire::Bytes& out, const CancelRequest& request);

/// NegotiateProtocolVersion ('v'): the server's answer to a newer minor version or to unknown _pq_. options.
struct NegotiateProtocolVersion {
    std::int32_t newest_minor = 0;
    std::vector<std::string_view> unknown_options;
};
[[nodiscard]] result<NegotiateProtocolVersion> decode_negotiate_protocol_version(const Frame& frame);
void encode_negotiate_protocol_version(wire::Bytes& out, const NegotiateProtocolVersion& negotiation);

/// BackendKeyData ('K'). The key points into the frame.
struct KeyData {
    std::int32_t process = 0;
    wire::View key; // 4 to 256 bytes
};
[[nodiscard]] result<KeyData> decode_key_data(const Frame& frame);
void encode_key_data(wire::Bytes& out, const KeyData& data);

} // namespace stepgate::protocols::postgres
