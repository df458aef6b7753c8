#include "challenge-web/factors/jws.h"

#include "challenge-web/challenges/base64url.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <cjose/cjose.h>

#include <memory>
#include <optional>

namespace stepgate::challenge_web::factors
{

namespace
{

namespace json = boost::json;

constexpr std::size_t longest_token = std::size_t{32} << 10, longest_set = std::size_t{256} << 10;

using Jws = std::unique_ptr<cjose_jws_t, decltype(&cjose_jws_release)>;
using Jwk = std::unique_ptr<cjose_jwk_t, decltype(&cjose_jwk_release)>;

/// "" if it is absent or no string.
std::string_view text_in(const json::object& object, std::string_view key)
{
    const auto* value = object.if_contains(key);
    if (value == nullptr || !value->is_string())
        return {};
    const auto& text = value->get_string();
    return {text.data(), text.size()};
}

std::optional<json::object> parse_object(std::string_view text)
{
    boost::system::error_code failed;
    auto value = json::parse(text, failed);
    if (failed || !value.is_object())
        return std::nullopt;
    return std::move(value.get_object());
}

/// The type of key that an algorithm needs; "" for algorithms that are not accepted.
std::string_view key_type(std::string_view algorithm)
{
    if (algorithm == "RS256" || algorithm == "PS256")
        return "RSA";
    return algorithm == "ES256" ? "EC" : "";
}

bool fits(const json::object& key, std::string_view algorithm, std::string_view kid)
{
    const auto use = text_in(key, "use"), for_algorithm = text_in(key, "alg");
    return text_in(key, "kty") == key_type(algorithm) && (use.empty() || use == "sig") &&
           (for_algorithm.empty() || for_algorithm == algorithm) && (kid.empty() || text_in(key, "kid") == kid);
}

/// Public keys only: private parts have no business in the set, and none is kept.
std::string public_part(const json::object& key)
{
    json::object out;
    for (const auto* name : {"kty", "kid", "use", "alg", "n", "e", "crv", "x", "y"})
        if (const auto* value = key.if_contains(name))
            out[name] = *value;
    return json::serialize(out);
}

boost::system::result<std::string> find_key(std::string_view keys, std::string_view algorithm, std::string_view kid)
{
    const auto set = keys.size() <= longest_set ? parse_object(keys) : std::nullopt;
    const auto* list = set ? set->if_contains("keys") : nullptr;
    if (list == nullptr || !list->is_array())
        return errc::malformed;
    std::optional<std::string> found;
    for (const auto& key : list->get_array()) {
        if (!key.is_object() || !fits(key.get_object(), algorithm, kid))
            continue;
        if (found) // whose signature it is must be certain
            return errc::unknown_credential;
        found = public_part(key.get_object());
    }
    if (!found)
        return errc::unknown_credential;
    return std::move(*found);
}

} // namespace

boost::system::result<SignedToken> verify_token(std::string_view token, std::string_view keys)
{
    if (token.size() > longest_token)
        return errc::malformed;
    const auto header_text = challenges::base64url_decode(token.substr(0, token.find('.')));
    const auto header = header_text ? parse_object(*header_text) : std::nullopt;
    if (!header)
        return errc::malformed;
    const auto algorithm = text_in(*header, "alg");
    if (key_type(algorithm).empty() || header->contains("crit")) // RFC 7515 section 4.1.11
        return errc::unsupported;
    const auto key = find_key(keys, algorithm, text_in(*header, "kid"));
    if (!key)
        return key.error();
    cjose_err ignored{};
    const Jws jws{cjose_jws_import(token.data(), token.size(), &ignored), &cjose_jws_release};
    const Jwk jwk{cjose_jwk_import(key->data(), key->size(), &ignored), &cjose_jwk_release};
    if (!jws || !jwk)
        return errc::malformed;
    if (!cjose_jws_verify(jws.get(), jwk.get(), &ignored))
        return errc::bad_signature;
    std::uint8_t* payload = nullptr; // the token's own
    std::size_t size = 0;
    if (!cjose_jws_get_plaintext(jws.get(), &payload, &size, &ignored))
        return errc::malformed;
    return SignedToken{{reinterpret_cast<const char*>(payload), size}, *key};
}

} // namespace stepgate::challenge_web::factors
