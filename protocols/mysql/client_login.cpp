#include "protocols/mysql/client_login.h"

#include <algorithm>

namespace stepgate::protocols::mysql
{

namespace
{

constexpr std::byte fast_success{3}, want_full_proof{4}, want_public_key{2};
constexpr std::size_t ed25519_challenge_size = 32;

wire::Bytes copy_of(wire::View bytes)
{
    return {bytes.begin(), bytes.end()};
}

template <class Digest>
result<wire::Bytes> bytes_of(const result<Digest>& digest)
{
    if (!digest)
        return digest.error();
    return copy_of(*digest);
}

wire::Bytes with_zero(std::string_view password)
{
    wire::Bytes text = copy_of(wire::as_bytes(password));
    text.push_back(std::byte{0});
    return text;
}

} // namespace

ClientLogin::~ClientLogin()
{
    wipe(settings_.password);
}

ClientLogin::Action ClientLogin::fail(errc error)
{
    state_ = State::failed;
    wipe(settings_.password);
    return Fail{error};
}

ClientLogin::Action ClientLogin::on(const Greeting& greeting)
{
    return start(greeting.plugin, greeting.nonce);
}

ClientLogin::Action ClientLogin::start(std::string_view plugin, const Nonce& nonce)
{
    if (state_ != State::start)
        return fail(errc::unexpected_message);
    nonce_ = nonce;
    const auto tried = plugin == mysql_native_password ? mysql_native_password : caching_sha2_password;
    auto auth = answer(tried);
    if (!auth)
        return fail(errc::crypto_failure);
    sha2_ = tried == caching_sha2_password;
    state_ = State::answered;
    return Answer{tried, std::move(*auth)};
}

/// An empty password has an empty answer.
result<wire::Bytes> ClientLogin::answer(std::string_view plugin) const
{
    if (settings_.password.empty())
        return wire::Bytes{};
    if (plugin == mysql_native_password)
        return bytes_of(native_answer(settings_.password, nonce_));
    return bytes_of(sha2_answer(settings_.password, nonce_));
}

ClientLogin::Action ClientLogin::on(const AuthSwitch& request)
{
    if (state_ != State::answered || switched_)
        return fail(errc::unexpected_message);
    switched_ = true;
    sha2_ = request.plugin == caching_sha2_password;
    if (request.plugin == mysql_clear_password) {
        if (!settings_.tls)
            return fail(errc::insecure);
        return Respond{with_zero(settings_.password)};
    }
    if (request.plugin == client_ed25519) {
        if (request.data.size() != ed25519_challenge_size)
            return fail(errc::malformed_switch);
        auto signature = bytes_of(ed25519_answer(settings_.password, request.data));
        if (!signature)
            return fail(errc::crypto_failure);
        return Respond{std::move(*signature)};
    }
    if (!sha2_ && request.plugin != mysql_native_password)
        return fail(errc::unsupported_plugin);
    if (request.data.size() < nonce_.size() || request.data.size() > nonce_.size() + 1)
        return fail(errc::malformed_switch);
    std::ranges::copy(request.data.first(nonce_.size()), nonce_.begin());
    auto data = answer(request.plugin);
    if (!data)
        return fail(errc::crypto_failure);
    return Respond{std::move(*data)};
}

ClientLogin::Action ClientLogin::on_more(wire::View data)
{
    if (state_ == State::want_key) {
        const auto key = RsaKey::from_public_pem(wire::as_text(data));
        return key ? encrypted(*key) : fail(errc::invalid_key);
    }
    if (state_ != State::answered || !sha2_)
        return fail(errc::unexpected_message);
    if (data.size() != 1)
        return fail(errc::malformed_auth);
    if (data[0] == fast_success)
        return Wait{};
    if (data[0] == want_full_proof)
        return full_proof();
    return fail(errc::malformed_auth);
}

ClientLogin::Action ClientLogin::full_proof()
{
    sha2_ = false; // it is asked for once
    if (settings_.tls)
        return Respond{with_zero(settings_.password)};
    if (settings_.server_key != nullptr)
        return encrypted(*settings_.server_key);
    // Who stands in between could send a key of their own and read the password.
    if (!settings_.ask_for_key)
        return fail(errc::insecure);
    state_ = State::want_key;
    return Respond{{want_public_key}};
}

ClientLogin::Action ClientLogin::encrypted(const RsaKey& key)
{
    auto cipher = key.encrypt(settings_.password, nonce_);
    if (!cipher)
        return fail(errc::crypto_failure);
    state_ = State::answered;
    return Respond{std::move(*cipher)};
}

} // namespace stepgate::protocols::mysql
