#include "protocols/mysql/handshake.h"

#include "protocols/mysql/cursor.h"
#include "protocols/mysql/packet_writer.h"

#include <algorithm>

namespace stepgate::protocols::mysql
{

namespace
{

constexpr std::uint8_t version_10 = 10;
constexpr std::uint8_t switch_header = 0xfe, more_data_header = 0x01;
constexpr std::size_t first_nonce_part = 8;

/// MariaDB's flags stand in bytes that are reserved in MySQL; a peer that says CLIENT_MYSQL has none.
Capabilities joined(std::uint64_t base, std::uint64_t extended)
{
    const Capabilities mysql{base};
    return mysql.has(Capability::long_password) ? mysql : Capabilities{base | extended << 32};
}

std::uint32_t extended(Capabilities capabilities)
{
    return capabilities.has(Capability::long_password) ? 0 : static_cast<std::uint32_t>(capabilities.bits() >> 32);
}

SslRequest head(Cursor& in)
{
    SslRequest head;
    const std::uint32_t base = in.uint32();
    head.largest_packet = in.uint32();
    head.collation = in.uint8();
    in.bytes(19);
    head.capabilities = joined(base, in.uint32());
    return head;
}

void write_head(Writer& out, Capabilities capabilities, std::uint32_t largest, std::uint8_t collation)
{
    out.uint32(static_cast<std::uint32_t>(capabilities.bits()));
    out.uint32(largest);
    out.uint8(collation);
    out.zeros(19);
    out.uint32(extended(capabilities));
}

wire::View auth_response(Cursor& in, Capabilities capabilities)
{
    if (capabilities.has(Capability::plugin_auth_lenenc_client_data))
        return in.lenenc_bytes();
    if (capabilities.has(Capability::secure_connection))
        return in.short_bytes();
    return wire::as_bytes(in.c_string());
}

} // namespace

Nonce nonce_of(std::span<const std::byte, 20> random)
{
    // As servers do: 7 bits, neither 0, which would end it early, nor '$', at which stored hashes are cut.
    Nonce nonce;
    std::ranges::transform(random, nonce.begin(), [](std::byte octet) {
        const std::byte low = octet & std::byte{0x7f};
        return low == std::byte{0} || low == std::byte{'$'} ? low | std::byte{1} : low;
    });
    return nonce;
}

result<Greeting> decode_greeting(wire::View payload)
{
    Cursor in{payload};
    if (in.uint8() != version_10)
        return errc::unsupported_protocol;
    Greeting greeting;
    greeting.server_version = in.c_string();
    greeting.thread = in.uint32();
    const wire::View first = in.bytes(first_nonce_part);
    in.uint8();
    std::uint64_t base = in.uint16();
    greeting.collation = in.uint8();
    greeting.status = StatusFlags{in.uint16()};
    base |= static_cast<std::uint64_t>(in.uint16()) << 16;
    const std::size_t nonce_size = in.uint8();
    in.bytes(6);
    greeting.capabilities = joined(base, in.uint32());
    // The length counts a 0 at the end and may be 0 itself, but no less than 13 bytes ever follow.
    const wire::View second = in.bytes(std::max<std::size_t>(13, nonce_size > 8 ? nonce_size - 8 : 0));
    if (greeting.capabilities.has(Capability::plugin_auth))
        greeting.plugin = in.c_string();
    if (!greeting.capabilities.has_all(Capability::protocol_41 | Capability::secure_connection))
        return errc::unsupported_protocol;
    if (!in.good())
        return errc::malformed_greeting;
    std::ranges::copy(first, greeting.nonce.begin());
    std::ranges::copy(second.first(greeting.nonce.size() - first_nonce_part),
                      greeting.nonce.begin() + first_nonce_part);
    return in.finish(greeting, errc::malformed_greeting);
}

void encode_greeting(wire::Bytes& out, const Greeting& greeting)
{
    PacketWriter packet{out, 0};
    const std::uint64_t base = greeting.capabilities.bits();
    const wire::View nonce = greeting.nonce;
    packet.uint8(version_10);
    packet.c_string(greeting.server_version);
    packet.uint32(greeting.thread);
    packet.bytes(nonce.first(first_nonce_part));
    packet.uint8(0);
    packet.uint16(static_cast<std::uint16_t>(base & 0xffffU));
    packet.uint8(greeting.collation);
    packet.uint16(greeting.status.bits());
    packet.uint16(static_cast<std::uint16_t>(base >> 16 & 0xffffU));
    packet.uint8(static_cast<std::uint8_t>(nonce.size() + 1));
    packet.zeros(6);
    packet.uint32(extended(greeting.capabilities));
    packet.bytes(nonce.subspan(first_nonce_part));
    packet.uint8(0);
    if (greeting.capabilities.has(Capability::plugin_auth))
        packet.c_string(greeting.plugin);
}

bool is_ssl_request(wire::View payload)
{
    return decode_ssl_request(payload).has_value();
}

result<SslRequest> decode_ssl_request(wire::View payload)
{
    Cursor in{payload};
    const SslRequest request = head(in);
    if (!request.capabilities.has_all(Capability::protocol_41 | Capability::ssl))
        return errc::malformed_response;
    return in.finish(request, errc::malformed_response);
}

void encode_ssl_request(wire::Bytes& out, std::uint8_t sequence, const SslRequest& request)
{
    PacketWriter packet{out, sequence};
    write_head(packet, request.capabilities | Capability::ssl, request.largest_packet, request.collation);
}

std::string_view Attributes::find(std::string_view name) const
{
    Cursor in{bytes_};
    while (in.left() > 0) {
        const auto known = in.lenenc_text();
        const auto value = in.lenenc_text();
        if (known == name)
            return value;
    }
    return {};
}

Attributes decode_attributes(Cursor& in)
{
    const wire::View all = in.lenenc_bytes();
    Cursor ahead{all};
    while (ahead.good() && ahead.left() > 0) {
        ahead.lenenc_text();
        ahead.lenenc_text();
    }
    if (!ahead.good())
        in.fail();
    return Attributes{all};
}

result<HandshakeResponse> decode_handshake_response(wire::View payload)
{
    Cursor in{payload};
    HandshakeResponse response;
    const SslRequest start = head(in);
    if (!start.capabilities.has(Capability::protocol_41))
        return errc::unsupported_protocol;
    response.capabilities = start.capabilities;
    response.largest_packet = start.largest_packet;
    response.collation = start.collation;
    response.user = in.c_string();
    response.auth = auth_response(in, response.capabilities);
    if (response.capabilities.has(Capability::connect_with_db))
        response.database = in.c_string();
    // Clients that announce more than they send are known, and servers let them in.
    if (response.capabilities.has(Capability::plugin_auth) && in.left() > 0)
        response.plugin = in.c_string();
    if (response.capabilities.has(Capability::connect_attrs) && in.left() > 0)
        response.attributes = decode_attributes(in);
    if (response.capabilities.has(Capability::zstd_compression_algorithm) && in.left() > 0)
        response.zstd_level = in.uint8();
    return in.finish(response, errc::malformed_response);
}

void encode_handshake_response(wire::Bytes& out, std::uint8_t sequence, const HandshakeResponse& response)
{
    PacketWriter packet{out, sequence};
    const Capabilities capabilities = response.capabilities;
    write_head(packet, capabilities, response.largest_packet, response.collation);
    packet.c_string(response.user);
    if (capabilities.has(Capability::plugin_auth_lenenc_client_data)) {
        packet.lenenc_text(wire::as_text(response.auth));
    } else if (capabilities.has(Capability::secure_connection)) {
        const auto sent = response.auth.first(std::min<std::size_t>(response.auth.size(), 0xff));
        packet.uint8(static_cast<std::uint8_t>(sent.size()));
        packet.bytes(sent);
    } else {
        packet.c_string(wire::as_text(response.auth));
    }
    if (capabilities.has(Capability::connect_with_db))
        packet.c_string(response.database);
    if (capabilities.has(Capability::plugin_auth))
        packet.c_string(response.plugin);
    if (capabilities.has(Capability::connect_attrs))
        packet.lenenc_text(wire::as_text(response.attributes.encoded()));
    if (capabilities.has(Capability::zstd_compression_algorithm))
        packet.uint8(response.zstd_level);
}

result<AuthSwitch> decode_auth_switch(wire::View payload)
{
    Cursor in{payload};
    if (in.uint8() != switch_header)
        return errc::malformed_switch;
    AuthSwitch request;
    request.plugin = in.c_string();
    request.data = in.rest();
    return in.finish(request, errc::malformed_switch);
}

void encode_auth_switch(wire::Bytes& out, std::uint8_t sequence, const AuthSwitch& request)
{
    PacketWriter packet{out, sequence};
    packet.uint8(switch_header);
    packet.c_string(request.plugin);
    packet.bytes(request.data);
}

result<wire::View> decode_auth_more_data(wire::View payload)
{
    Cursor in{payload};
    if (in.uint8() != more_data_header)
        return errc::malformed_auth;
    return in.finish(in.rest(), errc::malformed_auth);
}

void encode_auth_more_data(wire::Bytes& out, std::uint8_t sequence, wire::View data)
{
    PacketWriter packet{out, sequence};
    packet.uint8(more_data_header);
    packet.bytes(data);
}

void encode_auth_response(wire::Bytes& out, std::uint8_t sequence, wire::View data)
{
    PacketWriter{out, sequence}.bytes(data);
}

} // namespace stepgate::protocols::mysql
