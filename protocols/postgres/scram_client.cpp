#include "protocols/postgres/scram_client.h"

#include "protocols/postgres/crypto.h"
#include "protocols/postgres/scram_message.h"

#include <algorithm>
#include <iterator>

namespace stepgate::protocols::postgres
{

namespace
{

// Fewer rounds make it cheap for a false server to guess the password from our proof; more would only burn our time.
constexpr int fewest_iterations = 1000, most_iterations = 1'000'000;

bool offers(const AuthenticationSasl& message, std::string_view mechanism)
{
    return std::ranges::find(message.mechanisms, mechanism) != message.mechanisms.end();
}

} // namespace

ScramClient::~ScramClient()
{
    wipe(settings_.password);
}

ScramClient::Action ScramClient::fail(errc error)
{
    state_ = State::failed;
    wipe(settings_.password);
    return Fail{error};
}

ScramClient::Action ScramClient::on(const AuthenticationSasl& message)
{
    if (state_ != State::start)
        return fail(errc::unexpected_message);
    const bool tls = !settings_.channel_binding.empty();
    const bool plus = tls && offers(message, scram_sha_256_plus);
    if (!plus && (settings_.require_channel_binding || !offers(message, scram_sha_256)))
        return fail(errc::unsupported_mechanism);
    // "y": we could, you did not offer it; the server checks that it really did not (RFC 5802, 6).
    gs2_header_ = plus ? "p=tls-server-end-point,," : tls ? "y,," : "n,,";
    if (!plus)
        settings_.channel_binding.clear();
    client_first_bare_ = "n=,r=" + settings_.nonce; // the start-up packet names the user
    state_ = State::want_first;
    return Initial{plus ? scram_sha_256_plus : scram_sha_256, gs2_header_ + client_first_bare_};
}

ScramClient::Action ScramClient::on(const AuthenticationSaslContinue& message)
{
    if (state_ != State::want_first)
        return fail(errc::unexpected_message);
    const auto server_first = wire::as_text(message.data);
    ScramMessage attributes{server_first};
    const auto nonce = attributes.take('r');
    const auto salt_text = attributes.take('s');
    const auto iterations_text = attributes.take('i');
    attributes.skip_until('\0');
    wire::Bytes salt;
    if (!nonce || !salt_text || !iterations_text || !attributes.done() || !decode_base64(*salt_text, salt) ||
        salt.empty())
        return fail(errc::malformed_scram);
    // The server's nonce must extend ours, or an old conversation could be replayed to us.
    const bool fresh =
        is_nonce(*nonce) && nonce->starts_with(settings_.nonce) && nonce->size() > settings_.nonce.size();
    const auto iterations = iterations_of(*iterations_text);
    if (!fresh || !iterations)
        return fail(errc::malformed_scram);
    if (*iterations < fewest_iterations || *iterations > most_iterations)
        return fail(errc::weak_server);

    auto bound = wire::Bytes{};
    std::ranges::copy(wire::as_bytes(gs2_header_), std::back_inserter(bound));
    std::ranges::copy(settings_.channel_binding, std::back_inserter(bound));
    std::string without_proof = "c=" + encode_base64(bound) + ",r=";
    without_proof += *nonce;
    std::string signed_text = client_first_bare_ + ',';
    signed_text.append(server_first).append(1, ',').append(without_proof);
    return prove(salt, *iterations, signed_text, without_proof);
}

ScramClient::Action ScramClient::prove(wire::View salt, int iterations, std::string_view signed_text,
                                       std::string_view without_proof)
{
    const auto keys = settings_.keys != nullptr ? settings_.keys->keys(settings_.password, salt, iterations)
                                                : derive_scram_keys(settings_.password, salt, iterations);
    if (!keys)
        return fail(errc::crypto_failure);
    const auto stored_key = sha256(keys->client);
    if (!stored_key)
        return fail(errc::crypto_failure);
    const auto client_signature = hmac_sha256(*stored_key, signed_text);
    const auto server_signature = hmac_sha256(keys->server, signed_text);
    if (!client_signature || !server_signature)
        return fail(errc::crypto_failure);
    server_signature_ = *server_signature;
    std::string response{without_proof};
    response += ",p=" + encode_base64(exclusive_or(keys->client, *client_signature));
    wipe(settings_.password);
    state_ = State::want_proof;
    return Respond{std::move(response)};
}

ScramClient::Action ScramClient::on(const AuthenticationSaslFinal& message)
{
    if (state_ != State::want_proof)
        return fail(errc::unexpected_message);
    ScramMessage attributes{wire::as_text(message.data)};
    if (attributes.peek() == 'e')
        return fail(errc::wrong_password);
    const auto signature_text = attributes.take('v');
    attributes.skip_until('\0');
    wire::Bytes signature;
    Sha256 claimed;
    if (!signature_text || !attributes.done() || !decode_base64(*signature_text, signature) ||
        signature.size() != claimed.size())
        return fail(errc::malformed_scram);
    std::ranges::copy(signature, claimed.begin());
    if (!equal_secretly(claimed, server_signature_))
        return fail(errc::wrong_server);
    state_ = State::verified;
    return Verified{};
}

} // namespace stepgate::protocols::postgres
