// Both sides of SCRAM against a peer that says anything. Messages of the input are separated by newlines.
#include "protocols/postgres/scram_client.h"
#include "protocols/postgres/scram_server.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace
{

using namespace stepgate;
using namespace stepgate::protocols::postgres;

std::string_view line(std::string_view& text)
{
    const auto end = text.find('\n');
    const auto first = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    return first;
}

const ScramVerifier& verifier()
{
    static const ScramVerifier made =
        *make_verifier("a password nobody guesses", wire::as_bytes("0123456789abcdef"), 1);
    return made;
}

void attack_server(std::string_view text, bool tls, bool plus)
{
    wire::Bytes binding(tls ? 32 : 0);
    ScramServer server{{verifier(), true, "serverNonce", std::move(binding)}};
    const auto mechanism = plus ? scram_sha_256_plus : scram_sha_256;
    auto action = server.on(SaslInitialResponse{mechanism, wire::as_bytes(line(text))});
    while (!std::holds_alternative<ScramServer::Reject>(action)) {
        if (std::holds_alternative<ScramServer::Accept>(action))
            std::abort();
        action = server.on(SaslResponse{wire::as_bytes(line(text))});
    }
}

void attack_client(std::string_view text)
{
    ScramClient client{{"a password nobody guesses", "clientNonce"}};
    (void)client.on(AuthenticationSasl{{scram_sha_256}});
    const std::string first = "r=clientNonce" + std::string{line(text)};
    (void)client.on(AuthenticationSaslContinue{wire::as_bytes(first)});
    (void)client.on(AuthenticationSaslFinal{wire::as_bytes(line(text))});
    if (client.verified())
        std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const std::uint8_t mode = data[0];
    const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
    if ((mode & 4U) != 0)
        attack_client(text);
    else
        attack_server(text, (mode & 1U) != 0, (mode & 2U) != 0);
    if (const auto parsed = parse_verifier(text); parsed && format_verifier(*parsed) != text)
        std::abort();
    (void)prepare_password(text);
    return 0;
}
