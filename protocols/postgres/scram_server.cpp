#include "protocols/postgres/scram_server.h"

#include "protocols/postgres/crypto.h"
#include "protocols/postgres/scram_message.h"

#include <algorithm>
#include <array>

namespace stepgate::protocols::postgres
{

namespace
{

constexpr std::string_view binding_header = "p=tls-server-end-point,";

} // namespace

std::vector<std::string_view> ScramServer::mechanisms() const
{
    if (settings_.channel_binding.empty())
        return {scram_sha_256};
    return {scram_sha_256_plus, scram_sha_256};
}

ScramServer::Action ScramServer::reject(errc error)
{
    state_ = State::done;
    return Reject{error};
}

ScramServer::Action ScramServer::on(const SaslInitialResponse& message)
{
    if (state_ != State::start)
        return reject(errc::unexpected_message);
    const auto offered = mechanisms();
    if (std::ranges::find(offered, message.mechanism) == offered.end())
        return reject(errc::unsupported_mechanism);
    plus_ = message.mechanism == scram_sha_256_plus;
    if (message.response)
        return first(wire::as_text(*message.response));
    state_ = State::want_first; // RFC 4422, 3: ask for it with an empty challenge
    return Continue{};
}

ScramServer::Action ScramServer::on(const SaslResponse& message)
{
    switch (state_) {
    case State::want_first:
        return first(wire::as_text(message.response));
    case State::want_proof:
        return proof(wire::as_text(message.response));
    case State::start:
    case State::done:
        break;
    }
    return reject(errc::unexpected_message);
}

/// gs2-header, then client-first-message-bare (RFC 5802, 7).
ScramServer::Action ScramServer::first(std::string_view message)
{
    if (message.find('\0') != std::string_view::npos)
        return reject(errc::malformed_scram);
    std::size_t flag_size = 2; // "n," or "y,"
    if (plus_) {
        if (!message.starts_with(binding_header))
            return reject(errc::malformed_scram);
        flag_size = binding_header.size();
    } else if (message.starts_with("y,")) {
        // "I could bind the channel, but you did not offer it": if we did, someone has removed the offer.
        if (!settings_.channel_binding.empty())
            return reject(errc::downgraded);
    } else if (!message.starts_with("n,")) {
        return reject(errc::malformed_scram);
    }
    const auto after_flag = message.substr(flag_size);
    if (after_flag.starts_with("a="))
        return reject(errc::unsupported_scram);
    if (!after_flag.starts_with(','))
        return reject(errc::malformed_scram);
    gs2_header_ = message.substr(0, flag_size + 1);
    client_first_bare_ = message.substr(flag_size + 1);

    ScramMessage attributes{client_first_bare_};
    if (attributes.peek() == 'm')
        return reject(errc::unsupported_scram);
    const auto user = attributes.take('n'); // ignored: the start-up packet names the user
    const auto nonce = attributes.take('r');
    attributes.skip_until('\0');
    if (!user || !nonce || !is_nonce(*nonce) || !attributes.done())
        return reject(errc::malformed_scram);
    nonce_ = std::string{*nonce} + settings_.nonce;
    server_first_ = "r=" + nonce_ + ",s=" + encode_base64(settings_.verifier.salt) +
                    ",i=" + std::to_string(settings_.verifier.iterations);
    state_ = State::want_proof;
    return Continue{server_first_};
}

/// client-final-message (RFC 5802, 7).
ScramServer::Action ScramServer::proof(std::string_view message)
{
    if (message.find('\0') != std::string_view::npos)
        return reject(errc::malformed_scram);
    ScramMessage attributes{message};
    const auto binding = attributes.take('c');
    const auto nonce = attributes.take('r');
    attributes.skip_until('p');
    const auto proof = attributes.take('p');
    wire::Bytes proof_bytes;
    Sha256 proof_key;
    if (!binding || !nonce || !proof || !attributes.done() || !decode_base64(*proof, proof_bytes) ||
        proof_bytes.size() != proof_key.size())
        return reject(errc::malformed_scram);
    std::ranges::copy(proof_bytes, proof_key.begin());

    std::string bound = gs2_header_;
    if (plus_)
        bound += wire::as_text(settings_.channel_binding);
    if (*binding != encode_base64(wire::as_bytes(bound)))
        return reject(errc::wrong_channel_binding);
    if (*nonce != nonce_)
        return reject(errc::malformed_scram);
    const std::size_t proof_size = proof->size() + std::string_view{",p="}.size();
    return check(message.substr(0, message.size() - proof_size), proof_key);
}

ScramServer::Action ScramServer::check(std::string_view without_proof, const Sha256& proof)
{
    std::string signed_text = client_first_bare_ + ',' + server_first_ + ',';
    signed_text += without_proof;
    // All are computed before any counts, so that an unknown user takes the same time.
    auto accepted = accept(settings_.verifier, signed_text, proof);
    for (const auto& other : settings_.others)
        if (auto also = accept(other, signed_text, proof); also && !accepted)
            accepted = std::move(also);
    if (!accepted || !settings_.known_user)
        return reject(errc::wrong_password);
    state_ = State::done;
    return *accepted;
}

std::optional<ScramServer::Accept> ScramServer::accept(const ScramVerifier& verifier, std::string_view signed_text,
                                                       const Sha256& proof)
{
    const auto client_signature = hmac_sha256(verifier.stored_key, signed_text);
    const auto server_signature = hmac_sha256(verifier.server_key, signed_text);
    if (!client_signature || !server_signature)
        return std::nullopt;
    const Sha256 client_key = exclusive_or(*client_signature, proof);
    const auto stored_key = sha256(client_key);
    if (!stored_key || !equal_secretly(*stored_key, verifier.stored_key))
        return std::nullopt;
    return Accept{"v=" + encode_base64(*server_signature), client_key};
}

} // namespace stepgate::protocols::postgres
