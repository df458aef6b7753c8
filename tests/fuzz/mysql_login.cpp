// The packets of a login, there and back, and both machines against a peer that says anything.
#include "protocols/mysql/client_login.h"
#include "protocols/mysql/framer.h"
#include "protocols/mysql/reply.h"
#include "protocols/mysql/server_login.h"

#include <cstdint>
#include <cstdlib>

namespace
{

using namespace stepgate;
using namespace stepgate::protocols::mysql;

constexpr std::string_view secret = "a password nobody guesses";

void check(bool holds)
{
    if (!holds)
        std::abort();
}

const RsaKey& server_key()
{
    static const RsaKey key = *RsaKey::generate();
    return key;
}

void there_and_back(const Greeting& greeting)
{
    wire::Bytes out;
    encode_greeting(out, greeting);
    const auto again = decode_greeting(wire::View{out}.subspan(header_size));
    check(again.has_value() && again->server_version == greeting.server_version && again->plugin == greeting.plugin);
    check(again->capabilities == greeting.capabilities && again->thread == greeting.thread);
}

void there_and_back(const HandshakeResponse& response)
{
    (void)response.attributes.find("program_name");
    wire::Bytes out;
    encode_handshake_response(out, 1, response);
    const auto again = decode_handshake_response(wire::View{out}.subspan(header_size));
    check(again.has_value() && again->user == response.user && again->database == response.database);
    check(again->capabilities == response.capabilities && again->plugin == response.plugin);
}

void decode(wire::View payload)
{
    if (const auto greeting = decode_greeting(payload))
        there_and_back(*greeting);
    if (const auto response = decode_handshake_response(payload)) {
        there_and_back(*response);
        check(!is_ssl_request(payload));
    }
    for (const auto capabilities : {Capabilities{Capability::protocol_41}, Capabilities{Capability::session_track}}) {
        if (const auto ok = decode_ok(payload, capabilities)) {
            wire::Bytes out;
            encode_ok(out, 0, *ok, capabilities);
            check(decode_ok(wire::View{out}.subspan(header_size), capabilities).has_value());
        }
    }
    (void)decode_err(payload);
    (void)decode_eof(payload);
    (void)decode_progress(payload);
}

/// Nobody guesses the password, so nobody gets in.
void attack_server(wire::View left, bool tls, bool with_digest)
{
    ServerLogin::Settings settings{Nonce{}, tls, &server_key(),
                                   [](std::string_view password) { return password == secret; }};
    if (with_digest)
        settings.digest = *sha2_digest(secret);
    settings.allow_native = true;
    settings.native = *native_digest(secret);
    ServerLogin login{settings};
    MessageFramer framer{login_limit};
    for (bool first = true;; first = false) {
        const auto found = framer.next(left);
        const auto* frame = std::get_if<Frame>(&found);
        if (frame == nullptr)
            return;
        ServerLogin::Action action = ServerLogin::Reject{errc::unexpected_message};
        if (!first)
            action = login.on_answer(frame->payload);
        else if (const auto response = decode_handshake_response(frame->payload))
            action = login.on(*response);
        check(!std::holds_alternative<ServerLogin::Accept>(action));
        if (std::holds_alternative<ServerLogin::Reject>(action))
            return;
        left = left.subspan(frame->bytes.size());
    }
}

/// Without TLS the password itself is never in what the client says.
void attack_client(wire::View left)
{
    ClientLogin login{{std::string{secret}, false}};
    MessageFramer framer{login_limit};
    for (bool first = true;; first = false) {
        const auto found = framer.next(left);
        const auto* frame = std::get_if<Frame>(&found);
        if (frame == nullptr)
            return;
        ClientLogin::Action action = ClientLogin::Wait{};
        if (const auto greeting = decode_greeting(frame->payload); first && greeting)
            action = login.on(*greeting);
        else if (const auto change = decode_auth_switch(frame->payload))
            action = login.on(*change);
        else if (const auto data = decode_auth_more_data(frame->payload))
            action = login.on_more(*data);
        if (const auto* respond = std::get_if<ClientLogin::Respond>(&action))
            check(wire::as_text(respond->data).find(secret) == std::string_view::npos);
        left = left.subspan(frame->bytes.size());
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const std::uint8_t mode = data[0];
    const wire::View input{reinterpret_cast<const std::byte*>(data) + 1, size - 1};
    decode(input);
    if ((mode & 4U) != 0)
        attack_client(input);
    else
        attack_server(input, (mode & 1U) != 0, (mode & 2U) != 0);
    return 0;
}
