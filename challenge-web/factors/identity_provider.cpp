#include "challenge-web/factors/identity_provider.h"

#include "challenge-web/challenges/base64url.h"
#include "challenge-web/challenges/digest.h"
#include "challenge-web/factors/jws.h"

#include <boost/algorithm/string/join.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <openssl/crypto.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace stepgate::challenge_web::factors
{

namespace
{

namespace json = boost::json;

constexpr std::chrono::hours metadata_lives{1};
constexpr std::chrono::seconds keys_rest{30};  // unknown key ids must not make us ask without end
constexpr std::chrono::seconds clock_skew{60}; // between the provider's clock and ours
constexpr std::chrono::minutes login_time{10};
constexpr std::size_t secret_bytes = 32;
constexpr std::size_t longest_document = std::size_t{512} << 10, longest_code = 2048;

bool same_text(const std::string& a, const std::string& b)
{
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string text_of(const json::object& object, std::string_view key)
{
    const auto* value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string{value->get_string()} : std::string{};
}

/// NumericDate (RFC 7519 section 2), without its fraction; nullopt if it is absent or no time.
std::optional<TimePoint> time_in(const json::object& object, std::string_view key)
{
    constexpr double latest = 1e10; // in the year 2286
    const auto* value = object.if_contains(key);
    if (value == nullptr || !value->is_number())
        return std::nullopt;
    boost::system::error_code failed;
    const auto seconds = value->to_number<double>(failed);
    if (failed || !(seconds >= 0 && seconds < latest))
        return std::nullopt;
    return TimePoint{std::chrono::seconds{static_cast<std::int64_t>(seconds)}};
}

std::optional<json::object> parse_answer(const std::optional<WebAnswer>& answer)
{
    if (!answer || answer->status != 200 || answer->body.size() > longest_document)
        return std::nullopt;
    boost::system::error_code failed;
    auto value = json::parse(answer->body, failed);
    if (failed || !value.is_object())
        return std::nullopt;
    return std::move(value.get_object());
}

/// For a form or a query (WHATWG URL, application/x-www-form-urlencoded), all but the unreserved.
std::string escaped(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
            c == '_') {
            out += c;
        } else {
            out += '%';
            out += "0123456789ABCDEF"[byte >> 4U];
            out += "0123456789ABCDEF"[byte & 15U];
        }
    }
    return out;
}

using Fields = std::vector<std::pair<std::string_view, std::string>>;

std::string form(const Fields& fields)
{
    std::string out;
    for (const auto& [key, value] : fields)
        out.append(out.empty() ? "" : "&").append(key).append("=").append(escaped(value));
    return out;
}

std::string hash_text(const std::string& bytes)
{
    return challenges::base64url_encode(challenges::bytes_of(challenges::sha256(bytes)));
}

/// Binds what the provider signs to the challenge, without showing it the challenge.
std::string nonce_of(const Ask& ask, const std::string& salt)
{
    return hash_text(std::string{reinterpret_cast<const char*>(ask.challenge.data()), ask.challenge.size()} + salt);
}

bool is_https(const std::string& url)
{
    return url.starts_with("https://") && url.find_first_of(" \t\r\n#") == std::string::npos;
}

/// OpenID Connect Core section 5.1: an address that nobody has verified is whatever somebody typed at the provider.
/// (Some providers write "true".)
bool is_verified_email(const json::object& claims)
{
    const auto* value = claims.if_contains("email_verified");
    if (value == nullptr)
        return false;
    return value->is_bool() ? value->get_bool() : value->is_string() && value->get_string() == "true";
}

/// Of a clock that was set back meanwhile nothing is known: what it read is old.
bool within(std::chrono::seconds time, TimePoint since, TimePoint now)
{
    return std::chrono::abs(now - since) < time;
}

bool has(const std::vector<std::string>& list, const std::string& item)
{
    return std::find(list.begin(), list.end(), item) != list.end();
}

/// OpenID Connect Core section 3.1.3.7, 3 to 5.
bool is_for(const json::object& claims, const std::string& client)
{
    const auto* audience = claims.if_contains("aud");
    if (audience == nullptr)
        return false;
    const auto party = text_of(claims, "azp");
    if (!party.empty() && party != client)
        return false;
    if (audience->is_string())
        return audience->get_string() == client;
    if (!audience->is_array())
        return false;
    const auto& all = audience->get_array();
    const bool named = std::any_of(
        all.begin(), all.end(), [&](const json::value& one) { return one.is_string() && one.get_string() == client; });
    return named && (all.size() == 1 || party == client);
}

} // namespace

IdentityProvider::IdentityProvider(ProviderSettings settings, Fetch fetch, challenges::RandomSource random)
    : settings_(std::move(settings)), fetch_(std::move(fetch)), random_(std::move(random))
{
}

result<std::string> IdentityProvider::fetch_keys(const std::string& url)
{
    auto answer = fetch_({url, {}, {}, {}});
    if (!parse_answer(answer))
        return errc::provider_unavailable;
    return std::move(answer->body);
}

/// OpenID Connect Discovery section 4. Kept for an hour.
result<IdentityProvider::Metadata> IdentityProvider::metadata(TimePoint now)
{
    {
        const std::lock_guard lock{mutex_};
        if (metadata_ && within(metadata_lives, metadata_->read, now))
            return *metadata_;
    }
    const std::string slash = settings_.issuer.ends_with('/') ? "" : "/";
    const auto document =
        parse_answer(fetch_({settings_.issuer + slash + ".well-known/openid-configuration", {}, {}, {}}));
    if (!document || text_of(*document, "issuer") != settings_.issuer)
        return errc::provider_unavailable;
    Metadata found;
    found.authorization = text_of(*document, "authorization_endpoint");
    found.token = text_of(*document, "token_endpoint");
    found.keys_url = text_of(*document, "jwks_uri");
    if (!is_https(found.authorization) || !is_https(found.token) || !is_https(found.keys_url))
        return errc::provider_unavailable;
    auto keys = fetch_keys(found.keys_url);
    if (!keys)
        return keys.error();
    found.keys = std::move(*keys);
    found.read = found.keys_read = now;
    const std::lock_guard lock{mutex_};
    metadata_ = found;
    return found;
}

/// A token names a key that is not in the set: the provider may have begun to use another one.
result<IdentityProvider::Metadata> IdentityProvider::newer_keys(TimePoint now)
{
    std::string url;
    {
        const std::lock_guard lock{mutex_};
        if (!metadata_ || within(keys_rest, metadata_->keys_read, now))
            return errc::unknown_credential;
        metadata_->keys_read = now;
        url = metadata_->keys_url;
    }
    auto keys = fetch_keys(url);
    if (!keys)
        return keys.error();
    const std::lock_guard lock{mutex_};
    metadata_->keys = std::move(*keys);
    return *metadata_;
}

result<ProviderLoginStarted> IdentityProvider::start(const Ask& ask)
{
    const auto known = metadata(ask.now);
    if (!known)
        return known.error();
    const auto state = challenges::random_bytes(random_, secret_bytes);
    const auto verifier = challenges::random_bytes(random_, secret_bytes);
    const auto salt = challenges::random_bytes(random_, secret_bytes);
    if (!state || !verifier || !salt)
        return errc::no_randomness;
    ProviderLoginStarted out;
    auto& login = out.login;
    login.provider = settings_.name;
    login.state = challenges::base64url_encode(*state);
    login.verifier = challenges::base64url_encode(*verifier);
    login.salt = *salt;
    login.nonce = nonce_of(ask, *salt);
    login.started = ask.now;
    Fields fields{{"response_type", "code"},
                  {"client_id", settings_.client_id},
                  {"redirect_uri", settings_.redirect_uri},
                  {"scope", boost::algorithm::join(settings_.scopes, " ")},
                  {"state", login.state},
                  {"nonce", login.nonce},
                  {"code_challenge", hash_text(login.verifier)},
                  {"code_challenge_method", "S256"},
                  {"prompt", "login"},
                  {"max_age", "0"}};
    if (!settings_.acr_values.empty())
        fields.emplace_back("acr_values", boost::algorithm::join(settings_.acr_values, " "));
    if (!ask.user.empty())
        fields.emplace_back("login_hint", ask.user);
    out.url = known->authorization + (known->authorization.find('?') == std::string::npos ? "?" : "&") + form(fields);
    return out;
}

/// RFC 6749 section 4.1.3.
result<std::string> IdentityProvider::id_token(const Metadata& metadata, const ProviderLogin& login,
                                               const std::string& code)
{
    Fields fields{{"grant_type", "authorization_code"},
                  {"code", code},
                  {"redirect_uri", settings_.redirect_uri},
                  {"code_verifier", login.verifier}};
    WebRequest request;
    request.url = metadata.token;
    if (settings_.client_secret.empty()) {
        fields.emplace_back("client_id", settings_.client_id);
    } else { // section 2.3.1: both are escaped first
        request.user = escaped(settings_.client_id);
        request.password = escaped(settings_.client_secret);
    }
    request.body = form(fields);
    const auto answer = fetch_(request);
    if (answer && answer->status >= 400 && answer->status < 500)
        return errc::wrong_code; // used, too old, of somebody else
    const auto tokens = parse_answer(answer);
    if (!tokens)
        return errc::provider_unavailable;
    auto token = text_of(*tokens, "id_token");
    if (token.empty())
        return errc::malformed;
    return token;
}

result<Proof> IdentityProvider::finish(const Ask& ask, const ProviderLogin& login, const ProviderAnswer& answer)
{
    if (login.provider != settings_.name || login.state.empty() || !same_text(login.state, answer.state))
        return errc::wrong_challenge;
    if (ask.now < login.started || ask.now >= login.started + login_time)
        return errc::expired;
    if (!answer.issuer.empty() && answer.issuer != settings_.issuer) // RFC 9207: mix-up of providers
        return errc::wrong_origin;
    if (answer.code.empty() || answer.code.size() > longest_code)
        return errc::malformed;
    auto known = metadata(ask.now);
    if (!known)
        return known.error();
    const auto token = id_token(*known, login, answer.code);
    if (!token)
        return token.error();
    auto verified = verify_token(*token, known->keys);
    if (!verified && verified.error() == make_error_code(errc::unknown_credential)) {
        known = newer_keys(ask.now);
        if (!known)
            return known.error();
        verified = verify_token(*token, known->keys);
    }
    if (!verified)
        return verified.error();
    return check(ask, login, *token, verified->payload, verified->key);
}

/// OpenID Connect Core section 3.1.3.7, and what RFC 9470 section 5 asks of a step-up.
result<Proof> IdentityProvider::check(const Ask& ask, const ProviderLogin& login, const std::string& token,
                                      const std::string& payload, const std::string& key)
{
    boost::system::error_code failed;
    const auto parsed = json::parse(payload, failed);
    if (failed || !parsed.is_object())
        return errc::malformed;
    const auto& claims = parsed.get_object();
    if (text_of(claims, "iss") != settings_.issuer || !is_for(claims, settings_.client_id))
        return errc::wrong_origin;
    if (!same_text(text_of(claims, "nonce"), login.nonce) || login.nonce != nonce_of(ask, login.salt))
        return errc::wrong_challenge;
    const auto expires = time_in(claims, "exp"), issued = time_in(claims, "iat"),
               logged_in = time_in(claims, "auth_time");
    if (!expires || !issued || ask.now >= *expires + clock_skew || *issued > ask.now + clock_skew)
        return errc::expired;
    // Asked for with max_age=0: an old login at the provider says nothing about who sits there now.
    if (!logged_in || *logged_in + clock_skew < login.started || *logged_in > ask.now + clock_skew)
        return errc::not_fresh;
    const auto acr = text_of(claims, "acr");
    if (!settings_.acr_values.empty() && !has(settings_.acr_values, acr))
        return errc::too_weak;
    const auto subject = text_of(claims, "sub"), user = text_of(claims, settings_.claim);
    if (subject.empty() || user.empty())
        return errc::malformed;
    if (settings_.claim == "email" && !is_verified_email(claims))
        return errc::unknown_credential;
    if (ask.purpose == Ask::Purpose::challenge && user != ask.user)
        return errc::unknown_credential;
    Proof proof;
    proof.user = user;
    proof.factor = "identity_provider";
    proof.kind = "knowledge";
    // Whoever checks the audit later can check no such claim without the provider, so that a statement takes more.
    proof.phishing_resistant = ask.purpose == Ask::Purpose::sign_in && has(settings_.phishing_resistant, acr);
    proof.credential = settings_.name + "/" + subject;
    proof.evidence = json::serialize(json::object{{"type", "identity_provider"},
                                                  {"credential", proof.credential},
                                                  {"issuer", settings_.issuer},
                                                  {"acr", acr},
                                                  {"salt", challenges::base64url_encode(login.salt)},
                                                  {"id_token", token},
                                                  {"key", json::parse(key)}});
    return proof;
}

} // namespace stepgate::challenge_web::factors
