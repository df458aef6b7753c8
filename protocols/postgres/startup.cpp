#include "protocols/postgres/startup.h"

#include "protocols/postgres/message_writer.h"
#include "protocols/wire/cursor.h"

#include <algorithm>

namespace stepgate::protocols::postgres
{

namespace
{

// Request codes look like protocol versions with the major number 1234 (PostgreSQL documentation, 55.7).
constexpr std::uint32_t cancel_code = 80877102;
constexpr std::uint32_t ssl_code = 80877103;
constexpr std::uint32_t gss_enc_code = 80877104;

// The documents speak of the minor version; servers send, and clients expect, the whole one.
constexpr std::int32_t version_3 = 3 << 16;

constexpr std::size_t smallest_key = 4, largest_key = 256;
constexpr std::size_t most_parameters = 128; // real clients send about ten

bool is_key(wire::View key)
{
    return key.size() >= smallest_key && key.size() <= largest_key;
}

result<StartupPacket> decode_startup(wire::Cursor in, Version version)
{
    Startup startup{version, {}};
    for (;;) {
        const auto name = in.c_string();
        if (!in.good() || name.empty())
            break;
        const auto value = in.c_string();
        // The server takes the last of two values; whoever looks at the first would be deceived.
        const bool twice =
            std::ranges::any_of(startup.parameters, [&](const auto& known) { return known.first == name; });
        if (twice || startup.parameters.size() == most_parameters)
            return errc::malformed_startup;
        startup.parameters.emplace_back(name, value);
    }
    if (startup.find("user").empty())
        return errc::malformed_startup;
    return in.finish(StartupPacket{std::move(startup)}, errc::malformed_startup);
}

result<StartupPacket> decode_cancel(wire::Cursor in)
{
    CancelRequest cancel;
    cancel.process = in.int32();
    cancel.key = in.rest();
    if (!is_key(cancel.key))
        in.fail();
    return in.finish(StartupPacket{cancel}, errc::malformed_cancel);
}

} // namespace

std::string_view Startup::find(std::string_view name) const
{
    const auto found = std::ranges::find(parameters, name, [](const auto& parameter) { return parameter.first; });
    return found == parameters.end() ? std::string_view{} : found->second;
}

result<StartupPacket> decode_startup_packet(const Frame& frame)
{
    if (frame.type != 0)
        return errc::unexpected_message;
    wire::Cursor in{frame.body()};
    const std::uint32_t code = in.uint32();
    if (!in.good())
        return errc::malformed_startup;
    switch (code) {
    case ssl_code:
        return in.finish(StartupPacket{SslRequest{}}, errc::malformed_startup);
    case gss_enc_code:
        return in.finish(StartupPacket{GssEncRequest{}}, errc::malformed_startup);
    case cancel_code:
        return decode_cancel(in);
    }
    const Version version{static_cast<std::uint16_t>(code >> 16), static_cast<std::uint16_t>(code & 0xffffU)};
    if (version.major != 3)
        return errc::unsupported_protocol;
    return decode_startup(in, version);
}

void encode_startup(wire::Bytes& out, const Startup& startup)
{
    MessageWriter message{out, '\0'};
    message.uint16(startup.version.major);
    message.uint16(startup.version.minor);
    for (const auto& [name, value] : startup.parameters) {
        message.c_string(name);
        message.c_string(value);
    }
    message.uint8(0);
}

void encode_ssl_request(wire::Bytes& out)
{
    MessageWriter{out, '\0'}.uint32(ssl_code);
}

void encode_cancel_request(wire::Bytes& out, const CancelRequest& request)
{
    MessageWriter message{out, '\0'};
    message.uint32(cancel_code);
    message.int32(request.process);
    message.bytes(request.key);
}

result<NegotiateProtocolVersion> decode_negotiate_protocol_version(const Frame& frame)
{
    if (!frame.is(Backend::negotiate_protocol_version))
        return errc::unexpected_message;
    wire::Cursor in{frame.body()};
    NegotiateProtocolVersion negotiation;
    negotiation.newest_minor = in.int32() & 0xffff; // with or without the major version before it
    const std::size_t count = in.count(in.int32(), 1);
    for (std::size_t i = 0; i < count && in.good(); ++i)
        negotiation.unknown_options.push_back(in.c_string());
    return in.finish(std::move(negotiation), errc::malformed_negotiation);
}

void encode_negotiate_protocol_version(wire::Bytes& out, const NegotiateProtocolVersion& negotiation)
{
    MessageWriter message{out, Backend::negotiate_protocol_version};
    message.int32(version_3 | negotiation.newest_minor);
    message.int32(static_cast<std::int32_t>(negotiation.unknown_options.size()));
    for (const auto option : negotiation.unknown_options)
        message.c_string(option);
}

result<KeyData> decode_key_data(const Frame& frame)
{
    if (!frame.is(Backend::key_data))
        return errc::unexpected_message;
    wire::Cursor in{frame.body()};
    KeyData data;
    data.process = in.int32();
    data.key = in.rest();
    if (!is_key(data.key))
        in.fail();
    return in.finish(data, errc::malformed_key);
}

void encode_key_data(wire::Bytes& out, const KeyData& data)
{
    MessageWriter message{out, Backend::key_data};
    message.int32(data.process);
    message.bytes(data.key);
}

} // namespace stepgate::protocols::postgres
