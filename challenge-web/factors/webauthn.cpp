#include "challenge-web/factors/webauthn.h"

#include "challenge-web/challenges/base64url.h"
#include "challenge-web/challenges/digest.h"
#include "challenge-web/factors/cbor.h"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <map>

namespace stepgate::challenge_web::factors
{

namespace
{

constexpr std::size_t max_client_data = 8192;
constexpr std::size_t max_authenticator_data = 16384;
constexpr std::size_t max_attestation_object = 65536;
constexpr std::size_t max_credential_id = 1023; // 5.8.3

std::optional<std::string> string_member(const boost::json::object& object, std::string_view name)
{
    const auto* value = object.if_contains(name);
    if (value == nullptr || !value->is_string())
        return std::nullopt;
    return std::string{value->get_string()};
}

std::uint32_t big_endian(std::string_view bytes)
{
    std::uint32_t out = 0;
    for (const char c : bytes)
        out = out << 8 | static_cast<unsigned char>(c);
    return out;
}

// Attested credential data (6.5.1): AAGUID, length, id, key. Gives the number of bytes it took, 0 if malformed.
std::size_t read_attested(std::string_view bytes, AuthenticatorData& out)
{
    constexpr std::size_t fixed = 16 + 2;
    if (bytes.size() < fixed)
        return 0;
    const std::size_t id_size = big_endian(bytes.substr(16, 2));
    if (id_size == 0 || id_size > max_credential_id || bytes.size() - fixed < id_size)
        return 0;
    CborReader key{bytes.substr(fixed + id_size)};
    out.aaguid = bytes.substr(0, 16);
    out.credential_id = bytes.substr(fixed, id_size);
    out.public_key = key.item();
    return key.good() ? fixed + id_size + key.position() : 0;
}

// A COSE_Key is a map of integers to integers or bytes here; anything else in it is not a key we asked for.
struct KeyMembers {
    std::map<std::int64_t, std::int64_t> numbers;
    std::map<std::int64_t, std::string> strings;
};

std::optional<KeyMembers> read_key(std::string_view bytes)
{
    CborReader in{bytes};
    KeyMembers out;
    const auto pairs = in.map();
    if (pairs > 16)
        return std::nullopt;
    for (std::uint64_t i = 0; i < pairs && in.good(); ++i) {
        const auto label = in.integer();
        const bool fresh = in.integer_next() ? out.numbers.emplace(label, in.integer()).second
                                             : out.strings.emplace(label, in.bytes()).second;
        if (!fresh)
            return std::nullopt;
    }
    if (!in.good() || !in.at_end())
        return std::nullopt;
    return out;
}

} // namespace

boost::system::result<ClientData> parse_client_data(std::string_view json)
{
    if (json.size() > max_client_data)
        return errc::malformed;
    boost::json::parse_options options;
    options.max_depth = 8;
    boost::system::error_code failed;
    const auto value = boost::json::parse(json, failed, {}, options);
    if (failed || !value.is_object())
        return errc::malformed;
    const auto& object = value.get_object();
    const auto type = string_member(object, "type");
    const auto challenge = string_member(object, "challenge");
    const auto origin = string_member(object, "origin");
    if (!type || !challenge || !origin)
        return errc::malformed;
    const auto raw = challenges::base64url_decode(*challenge);
    if (!raw)
        return errc::malformed;
    ClientData out{*type, *raw, *origin, object.contains("topOrigin")};
    if (const auto* cross = object.if_contains("crossOrigin")) {
        if (!cross->is_bool())
            return errc::malformed;
        out.cross_origin = out.cross_origin || cross->get_bool();
    }
    return out;
}

boost::system::result<void> check_client_data(const ClientData& data, std::string_view type, std::string_view challenge,
                                              std::string_view origin)
{
    if (data.type != type)
        return errc::wrong_type;
    if (data.challenge != challenge)
        return errc::wrong_challenge;
    if (data.origin != origin || data.cross_origin)
        return errc::wrong_origin;
    return {};
}

boost::system::result<AuthenticatorData> parse_authenticator_data(std::string_view bytes)
{
    constexpr std::size_t fixed = 32 + 1 + 4;
    if (bytes.size() < fixed || bytes.size() > max_authenticator_data)
        return errc::malformed;
    AuthenticatorData out;
    out.rp_id_hash = bytes.substr(0, 32);
    out.flags = static_cast<std::uint8_t>(bytes[32]);
    out.sign_count = big_endian(bytes.substr(33, 4));
    if (out.has(AuthenticatorData::backed_up) && !out.has(AuthenticatorData::backup_eligible))
        return errc::malformed; // 6.1.3 of level 3: backed up, yet not eligible for it
    bytes.remove_prefix(fixed);
    if (out.has(AuthenticatorData::attested_data)) {
        const auto taken = read_attested(bytes, out);
        if (taken == 0)
            return errc::malformed;
        bytes.remove_prefix(taken);
    }
    if (out.has(AuthenticatorData::extension_data)) {
        const bool is_map = !bytes.empty() && static_cast<unsigned char>(bytes[0]) >> 5 == 5;
        CborReader extensions{bytes};
        extensions.item();
        if (!is_map || !extensions.good())
            return errc::malformed;
        bytes.remove_prefix(extensions.position());
    }
    if (!bytes.empty())
        return errc::malformed;
    return out;
}

boost::system::result<void> check_authenticator_data(const AuthenticatorData& data, std::string_view rp_id,
                                                     bool user_verification)
{
    if (data.rp_id_hash != challenges::bytes_of(challenges::sha256(rp_id)))
        return errc::wrong_relying_party;
    if (!data.has(AuthenticatorData::user_present))
        return errc::user_not_present;
    if (user_verification && !data.has(AuthenticatorData::user_verified))
        return errc::user_not_verified;
    return {};
}

boost::system::result<AttestationObject> parse_attestation_object(std::string_view bytes)
{
    if (bytes.size() > max_attestation_object)
        return errc::malformed;
    CborReader in{bytes};
    AttestationObject out;
    const auto pairs = in.map();
    if (pairs != 3)
        return errc::malformed;
    for (std::uint64_t i = 0; i < pairs && in.good(); ++i) {
        const auto key = in.text();
        if (key == "fmt" && out.format.empty())
            out.format = in.text();
        else if (key == "attStmt" && out.statement.empty())
            out.statement = in.item();
        else if (key == "authData" && out.authenticator_data.empty())
            out.authenticator_data = in.bytes();
        else
            return errc::malformed;
    }
    if (!in.good() || !in.at_end() || out.format.empty() || out.statement.empty() || out.authenticator_data.empty())
        return errc::malformed;
    return out;
}

boost::system::result<CoseKey> parse_cose_key(std::string_view bytes)
{
    // Labels of RFC 8152 section 7.1 and 13.1.1, RFC 8230 section 4.
    constexpr std::int64_t key_type = 1, algorithm = 3, curve = -1, x = -2, y = -3, modulus = -1, exponent = -2;
    const auto members = read_key(bytes);
    if (!members)
        return errc::malformed;
    const auto number = [&](std::int64_t label) {
        const auto it = members->numbers.find(label);
        return it == members->numbers.end() ? std::int64_t{0} : it->second;
    };
    const auto string = [&](std::int64_t label, std::size_t size) -> std::optional<std::string> {
        const auto it = members->strings.find(label);
        return it == members->strings.end() || it->second.size() != size ? std::nullopt : std::optional{it->second};
    };
    constexpr std::int64_t ec2 = 2, rsa = 3, p256 = 1;
    if (number(algorithm) == CoseKey::es256) {
        const auto x_value = string(x, 32), y_value = string(y, 32);
        if (number(key_type) != ec2 || number(curve) != p256 || !x_value || !y_value)
            return errc::malformed;
        return CoseKey{CoseKey::es256, *x_value + *y_value};
    }
    if (number(algorithm) == CoseKey::rs256) {
        const auto n_value = string(modulus, 256), e_value = string(exponent, 3);
        if (number(key_type) != rsa)
            return errc::malformed;
        if (!n_value || !e_value)
            return errc::unsupported; // other sizes exist, but not in passkeys
        return CoseKey{CoseKey::rs256, *n_value + *e_value};
    }
    return errc::unsupported;
}

} // namespace stepgate::challenge_web::factors
