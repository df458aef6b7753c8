#include "protocols/mysql/server_login.h"

#include <algorithm>

namespace stepgate::protocols::mysql
{

namespace
{

// What caching_sha2_password says besides passwords (MySQL internals, "Caching SHA-2 Pluggable Authentication").
constexpr std::array<std::byte, 1> fast_success{std::byte{3}}, want_full_proof{std::byte{4}};
constexpr std::byte want_public_key{2};

/// Clients say that they have no password with nothing, or with the 0 that ends it.
bool is_empty(wire::View answer)
{
    return answer.empty() || (answer.size() == 1 && answer[0] == std::byte{0});
}

} // namespace

ServerLogin::Action ServerLogin::on(const HandshakeResponse& response)
{
    // Without plugin_auth the answer is mysql_native_password's, and there is nothing to switch to.
    const bool can_switch = response.capabilities.has(Capability::plugin_auth);
    return start(can_switch ? response.plugin : mysql_native_password, response.auth, can_switch);
}

ServerLogin::Action ServerLogin::start(std::string_view plugin, wire::View auth, bool can_switch)
{
    if (state_ != State::start)
        return reject(errc::unexpected_message);
    if (plugin == caching_sha2_password)
        return sha2(auth);
    if (plugin == mysql_native_password && settings_.allow_native && (settings_.native || !can_switch)) {
        // Clients that were told to use it keep the greeting's nonce from it, since that was for another plugin.
        return auth.empty() && can_switch ? switch_to(mysql_native_password, State::want_native) : native(auth);
    }
    if (!can_switch)
        return reject(errc::unsupported_plugin);
    return switch_to(caching_sha2_password, State::want_sha2);
}

ServerLogin::Action ServerLogin::switch_to(std::string_view plugin, State state)
{
    std::ranges::copy(settings_.nonce, switch_data_.begin());
    state_ = state;
    return Switch{plugin, switch_data_};
}

ServerLogin::Action ServerLogin::on_answer(wire::View payload)
{
    switch (state_) {
    case State::want_sha2:
        return sha2(payload);
    case State::want_native:
        return native(payload);
    case State::want_full:
        return full(payload);
    case State::want_cipher:
        return decrypt(payload);
    case State::start:
    case State::done:
        break;
    }
    return reject(errc::unexpected_message);
}

ServerLogin::Action ServerLogin::sha2(wire::View answer)
{
    if (is_empty(answer))
        return check({});
    if (answer.size() != Sha256{}.size())
        return reject(errc::malformed_auth);
    if (settings_.digest) {
        const auto fast = answers(answer, *settings_.digest, settings_.nonce);
        if (!fast)
            return reject(errc::crypto_failure);
        if (*fast)
            return accept(fast_success);
    }
    // Wrong, not known yet, or no such user: all look the same.
    if (!settings_.tls && settings_.rsa == nullptr)
        return reject(errc::insecure);
    state_ = State::want_full;
    return More{want_full_proof};
}

ServerLogin::Action ServerLogin::native(wire::View answer)
{
    const Sha1 nobody{};
    const auto right = answers(answer, settings_.native.value_or(nobody), settings_.nonce);
    if (!right)
        return reject(errc::crypto_failure);
    return *right && settings_.native ? accept({}) : reject(errc::wrong_password);
}

ServerLogin::Action ServerLogin::full(wire::View payload)
{
    if (!settings_.tls) {
        if (payload.size() != 1 || payload[0] != want_public_key)
            return decrypt(payload);
        state_ = State::want_cipher;
        return More{wire::as_bytes(settings_.rsa->public_pem())};
    }
    if (payload.empty() || payload.back() != std::byte{0})
        return reject(errc::malformed_auth);
    return check(wire::as_text(payload.first(payload.size() - 1)));
}

ServerLogin::Action ServerLogin::decrypt(wire::View payload)
{
    auto password = settings_.rsa->decrypt(payload, settings_.nonce);
    if (!password)
        return reject(static_cast<errc>(password.error().value()));
    auto action = check(*password);
    wipe(*password);
    return action;
}

ServerLogin::Action ServerLogin::check(std::string_view password)
{
    const bool plain = password.size() <= settings_.longest_password && password.find('\0') == std::string_view::npos;
    if (!plain)
        return reject(errc::malformed_auth);
    const auto digest = sha2_digest(password);
    if (!digest)
        return reject(errc::crypto_failure);
    if (!settings_.check(password))
        return reject(errc::wrong_password);
    return accept({}, password.empty() ? std::nullopt : std::optional{*digest});
}

ServerLogin::Action ServerLogin::accept(wire::View data, std::optional<Sha256> learned)
{
    state_ = State::done;
    return Accept{data, learned};
}

ServerLogin::Action ServerLogin::reject(errc error)
{
    state_ = State::done;
    return Reject{error};
}

} // namespace stepgate::protocols::mysql
