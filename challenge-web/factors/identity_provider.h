#pragma once

#include "challenge-web/challenges/random.h"
#include "challenge-web/factors/factor.h"

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::challenge_web::factors
{

/// What is asked of the provider itself. A `body` makes it a POST of a form; `user` and `password`: HTTP's Basic.
struct WebRequest {
    std::string url, body, user, password;
};
struct WebAnswer {
    int status = 0;
    std::string body;
};
/// Blocks for a few seconds at most; nullopt: there was no answer. Redirects are answers, not followed.
using Fetch = std::function<std::optional<WebAnswer>(const WebRequest&)>;

struct ProviderSettings {
    std::string name;                         // "corp": in rules, pages and audit
    std::string issuer;                       // "https://login.example.com", as in its tokens
    std::string client_id, client_secret;     // no secret: a public client
    std::string claim = "preferred_username"; // its value is the name of the stepgate user
    std::vector<std::string> scopes{"openid", "profile"};
    std::vector<std::string> acr_values;         // asked for, and one of them must come back; empty: none is asked for
    std::vector<std::string> phishing_resistant; // of those, the ones that make a sign-in so
    std::string redirect_uri;
    bool sign_in = false; // it may also sign in to the pages
    bool operator==(const ProviderSettings&) const = default;
};

/// A login under way at the provider. It stays with the server; `state` and `nonce` are what the browser carries.
struct ProviderLogin {
    std::string provider;
    std::string state, nonce, verifier;
    std::string salt; // 32 random bytes: nonce = base64url(SHA-256(challenge's 32 bytes, salt))
    TimePoint started{};
};

struct ProviderLoginStarted {
    std::string url; // where the browser goes
    ProviderLogin login;
};

/// What came back in the redirect's query.
struct ProviderAnswer {
    std::string state, code;
    std::string issuer; // RFC 9207, "" if it does not say
};

/// A login at an identity provider as a factor: OpenID Connect's authorization code flow with PKCE (RFC 7636), and a
/// new login each time (`prompt=login`, `max_age=0`, and `acr_values`: RFC 9470). The nonce that the provider signs is
/// a hash over the challenge, so the ID token is a proof for that challenge only. It counts as knowledge; a sign-in
/// counts as phishing-resistant where the provider says so by an acr of the list. It makes no users: a claim names one
/// that there is. Thread-safe; blocks on the provider.
class IdentityProvider
{
  public:
    IdentityProvider(ProviderSettings settings, Fetch fetch,
                     challenges::RandomSource random = challenges::system_random());

    [[nodiscard]] const std::string& name() const { return settings_.name; }
    [[nodiscard]] bool signs_in() const { return settings_.sign_in; }

    /// errc::provider_unavailable, no_randomness.
    [[nodiscard]] result<ProviderLoginStarted> start(const Ask& ask);
    /// The proof of whoever logged in: `Proof.user` is the claim's value, and at a challenge it is `ask.user`. `ask` is
    /// the one of `start`, with a new `now`. errc::wrong_challenge (state, nonce), wrong_origin (issuer, audience),
    /// bad_signature, expired, not_fresh, too_weak (acr), unknown_credential (another user), provider_unavailable …
    [[nodiscard]] result<Proof> finish(const Ask& ask, const ProviderLogin& login, const ProviderAnswer& answer);

  private:
    struct Metadata {
        std::string authorization, token, keys_url, keys;
        TimePoint read{}, keys_read{};
    };
    [[nodiscard]] result<Metadata> metadata(TimePoint now);
    [[nodiscard]] result<Metadata> newer_keys(TimePoint now);
    [[nodiscard]] result<std::string> fetch_keys(const std::string& url);
    [[nodiscard]] result<std::string> id_token(const Metadata& metadata, const ProviderLogin& login,
                                               const std::string& code);
    [[nodiscard]] result<Proof> check(const Ask& ask, const ProviderLogin& login, const std::string& token,
                                      const std::string& payload, const std::string& key);

    const ProviderSettings settings_;
    Fetch fetch_;
    challenges::RandomSource random_;
    std::mutex mutex_;
    std::optional<Metadata> metadata_;
};

} // namespace stepgate::challenge_web::factors
