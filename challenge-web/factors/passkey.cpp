#include "challenge-web/factors/passkey.h"

#include "challenge-web/challenges/base64url.h"
#include "challenge-web/challenges/digest.h"
#include "challenge-web/factors/fido.h"
#include "challenge-web/factors/webauthn.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <optional>
#include <utility>
#include <vector>

namespace stepgate::challenge_web::factors
{

namespace
{

namespace json = boost::json;
using challenges::base64url_decode;
using challenges::base64url_encode;

constexpr std::size_t max_response = 128 * 1024;
constexpr int browser_timeout_ms = 300'000;

errc from_accounts(const boost::system::error_code& failed)
{
    if (failed == make_error_code(accounts::errc::replayed))
        return errc::replayed;
    if (failed == make_error_code(accounts::errc::exists))
        return errc::exists;
    if (failed == make_error_code(accounts::errc::not_found))
        return errc::unknown_credential;
    return errc::store_unavailable;
}

json::object descriptor(std::string_view credential_id)
{
    return {{"type", "public-key"}, {"id", base64url_encode(credential_id)}};
}

// The members of an answer that we use, decoded.
struct Answer {
    std::string id, client_data, authenticator_data, signature, user_handle, attestation_object;
};

std::optional<std::string> decoded(const json::object& object, std::string_view name)
{
    const auto* value = object.if_contains(name);
    if (value == nullptr || !value->is_string())
        return std::nullopt;
    return base64url_decode(std::string_view{value->get_string()});
}

result<json::object> response_of(std::string_view answer, Answer& out)
{
    if (answer.size() > max_response)
        return errc::malformed;
    json::parse_options options;
    options.max_depth = 16;
    boost::system::error_code failed;
    auto value = json::parse(answer, failed, {}, options);
    if (failed || !value.is_object())
        return errc::malformed;
    const auto& object = value.get_object();
    const auto id = decoded(object, "id");
    const auto* response = object.if_contains("response");
    if (!id || id->empty() || response == nullptr || !response->is_object())
        return errc::malformed;
    if (object.contains("rawId") && decoded(object, "rawId") != id)
        return errc::malformed;
    const auto client_data = decoded(response->get_object(), "clientDataJSON");
    if (!client_data)
        return errc::malformed;
    out.id = *id;
    out.client_data = *client_data;
    return response->get_object();
}

result<Answer> parse_assertion(std::string_view answer)
{
    Answer out;
    const auto response = response_of(answer, out);
    if (!response)
        return response.error();
    const auto authenticator_data = decoded(*response, "authenticatorData");
    const auto signature = decoded(*response, "signature");
    if (!authenticator_data || !signature)
        return errc::malformed;
    out.authenticator_data = *authenticator_data;
    out.signature = *signature;
    const auto* handle = response->if_contains("userHandle");
    if (handle != nullptr && !handle->is_null()) {
        const auto user_handle = decoded(*response, "userHandle");
        if (!user_handle)
            return errc::malformed;
        out.user_handle = *user_handle;
    }
    return out;
}

result<Answer> parse_registration(std::string_view answer)
{
    Answer out;
    const auto response = response_of(answer, out);
    if (!response)
        return response.error();
    const auto attestation_object = decoded(*response, "attestationObject");
    if (!attestation_object)
        return errc::malformed;
    out.attestation_object = *attestation_object;
    return out;
}

std::string keyed_hash(const std::array<std::byte, 32>& key, const std::string& text)
{
    std::string out(64, '\0');
    unsigned size = 0;
    HMAC(EVP_sha512(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
         text.size(), reinterpret_cast<unsigned char*>(out.data()), &size);
    return out;
}

// A credential id for a user who has none: always the same for the same name, and as long as those of usual phones,
// computers and security keys are, so it cannot be told from a real one.
std::string decoy(const std::array<std::byte, 32>& key, const std::string& user)
{
    constexpr std::array<std::size_t, 6> sizes{16, 20, 32, 32, 48, 64};
    const auto choice = static_cast<unsigned char>(keyed_hash(key, "stepgate-decoy-credential-size-1:" + user).front());
    return keyed_hash(key, "stepgate-decoy-credential-1:" + user).substr(0, sizes[choice % sizes.size()]);
}

// What the audit keeps: all that is needed to check the proof again, offline.
std::string evidence(const RelyingParty& rp, const accounts::PasskeyCredential& credential, const Answer& answer)
{
    return json::serialize(json::object{{"type", "webauthn"},
                                        {"credential_id", base64url_encode(credential.id)},
                                        {"public_key", base64url_encode(credential.public_key)},
                                        {"algorithm", credential.algorithm},
                                        {"client_data_json", base64url_encode(answer.client_data)},
                                        {"authenticator_data", base64url_encode(answer.authenticator_data)},
                                        {"signature", base64url_encode(answer.signature)},
                                        {"origin", rp.origin},
                                        {"rp_id", rp.id}});
}

} // namespace

Passkey::Passkey(RelyingParty rp, accounts::Accounts& accounts, std::array<std::byte, 32> decoy_key,
                 challenges::RandomSource random, AttestationPolicy policy)
    : rp_(std::move(rp)), accounts_(accounts), decoy_key_(decoy_key), random_(std::move(random)),
      policy_(std::move(policy))
{
}

result<bool> Passkey::enrolled(const std::string& user)
{
    const auto credentials = accounts_.passkeys(user);
    if (!credentials)
        return errc::store_unavailable;
    return !credentials->empty();
}

result<std::string> Passkey::begin(const Ask& ask)
{
    json::array allowed;
    if (!ask.user.empty()) {
        const auto user = accounts_.find_user(ask.user);
        const auto credentials = accounts_.passkeys(ask.user);
        if (!user || !credentials)
            return errc::store_unavailable;
        if (user->has_value() && !(*user)->disabled)
            for (const auto& credential : *credentials)
                allowed.push_back(descriptor(credential.id));
        if (allowed.empty() && ask.purpose == Ask::Purpose::challenge)
            return errc::not_enrolled;
        if (allowed.empty())
            allowed.push_back(descriptor(decoy(decoy_key_, ask.user)));
    }
    return json::serialize(json::object{{"challenge", base64url_encode(challenges::bytes_of(ask.challenge))},
                                        {"timeout", browser_timeout_ms},
                                        {"rpId", rp_.id},
                                        {"allowCredentials", std::move(allowed)},
                                        {"userVerification", ask.user_verification ? "required" : "preferred"}});
}

// The credential, if it belongs to who was asked (7.2 step 6).
result<accounts::PasskeyCredential> Passkey::credential_for(const Ask& ask, const std::string& id,
                                                            const std::string& user_handle)
{
    const auto credential = accounts_.find_passkey(id);
    if (!credential)
        return errc::store_unavailable;
    if (!credential->has_value() || (!ask.user.empty() && (*credential)->user != ask.user))
        return errc::unknown_credential;
    const auto user = accounts_.find_user((*credential)->user);
    if (!user)
        return errc::store_unavailable;
    if (!user->has_value() || (*user)->disabled)
        return errc::unknown_credential;
    // Without a name the authenticator says who it is; with one it may, and must say the same.
    const bool must_tell = ask.user.empty();
    if ((must_tell || !user_handle.empty()) && user_handle != (*user)->handle)
        return errc::unknown_credential;
    return **credential;
}

result<Proof> Passkey::verify(const Ask& ask, std::string_view text)
{
    // Nobody asked and no name: a challenge always has someone who must answer.
    if (ask.user.empty() && ask.purpose == Ask::Purpose::challenge)
        return errc::unknown_credential;
    const auto answer = parse_assertion(text);
    if (!answer)
        return answer.error();
    const auto client_data = parse_client_data(answer->client_data);
    if (!client_data)
        return client_data.error();
    if (const auto good =
            check_client_data(*client_data, "webauthn.get", challenges::bytes_of(ask.challenge), rp_.origin);
        !good)
        return good.error();
    const auto data = parse_authenticator_data(answer->authenticator_data);
    if (!data)
        return data.error();
    if (const auto good = check_authenticator_data(*data, rp_.id, ask.user_verification); !good)
        return good.error();
    const auto credential = credential_for(ask, answer->id, answer->user_handle);
    if (!credential)
        return credential.error();
    const auto verified = verify_assertion({credential->public_key, rp_.id, answer->client_data,
                                            answer->authenticator_data, answer->signature, ask.user_verification});
    if (!verified)
        return verified.error();
    if (const auto used = accounts_.passkey_used(credential->id, data->sign_count, ask.now); !used)
        return from_accounts(used.error());

    Proof proof;
    proof.user = credential->user;
    proof.factor = "passkey";
    proof.kind = "possession";
    proof.phishing_resistant = true;
    proof.user_verified = data->has(AuthenticatorData::user_verified);
    proof.credential = base64url_encode(credential->id);
    proof.evidence = evidence(rp_, *credential, *answer);
    return proof;
}

result<Enrolment> Passkey::begin_enrolment(const accounts::User& user, TimePoint now)
{
    std::array<std::byte, 32> challenge{};
    if (!random_(challenge))
        return errc::no_randomness;
    const auto credentials = accounts_.passkeys(user.name);
    if (!credentials)
        return errc::store_unavailable;
    json::array exclude;
    for (const auto& credential : *credentials)
        exclude.push_back(descriptor(credential.id));
    const json::object options{
        {"rp", {{"id", rp_.id}, {"name", rp_.name}}},
        {"user", {{"id", base64url_encode(user.handle)}, {"name", user.name}, {"displayName", user.name}}},
        {"challenge", base64url_encode(challenges::bytes_of(challenge))},
        {"pubKeyCredParams", json::array{json::object{{"type", "public-key"}, {"alg", CoseKey::es256}},
                                         json::object{{"type", "public-key"}, {"alg", CoseKey::rs256}}}},
        {"timeout", browser_timeout_ms},
        {"excludeCredentials", std::move(exclude)},
        {"authenticatorSelection",
         json::object{{"residentKey", "preferred"}, {"requireResidentKey", false}, {"userVerification", "preferred"}}},
        {"attestation", policy_.any() ? "none" : "direct"}};
    return Enrolment{user.name, json::serialize(options), std::string{challenges::bytes_of(challenge)},
                     now + enrolment_time};
}

result<Enrolled> Passkey::finish_enrolment(const Enrolment& enrolment, std::string_view text, const std::string& name,
                                           TimePoint now)
{
    if (now >= enrolment.expires)
        return errc::expired;
    if (name.size() > longest_name)
        return errc::malformed;
    const auto answer = parse_registration(text);
    if (!answer)
        return answer.error();
    const auto client_data = parse_client_data(answer->client_data);
    if (!client_data)
        return client_data.error();
    if (const auto good = check_client_data(*client_data, "webauthn.create", enrolment.state, rp_.origin); !good)
        return good.error();
    const auto attestation = parse_attestation_object(answer->attestation_object);
    if (!attestation)
        return attestation.error();
    const auto data = parse_authenticator_data(attestation->authenticator_data);
    if (!data)
        return data.error();
    if (const auto good = check_authenticator_data(*data, rp_.id, false); !good)
        return good.error();
    if (!data->has(AuthenticatorData::attested_data) || data->credential_id != answer->id)
        return errc::malformed;
    const auto key = parse_cose_key(data->public_key);
    if (!key)
        return key.error();
    const auto verified = verify_attestation({attestation->format, attestation->statement, rp_.id, answer->client_data,
                                              attestation->authenticator_data, data->credential_id, data->public_key});
    if (!verified)
        return verified.error();
    if (const auto allowed = check_attestation(policy_, *attestation, data->aaguid, now); !allowed)
        return allowed.error();

    accounts::PasskeyCredential credential;
    credential.id = data->credential_id;
    credential.user = enrolment.user;
    credential.public_key = data->public_key;
    credential.algorithm = key->algorithm;
    credential.sign_count = data->sign_count;
    credential.name = name.empty() ? "Passkey" : name;
    credential.created = now;
    if (const auto added = accounts_.add_passkey(credential); !added)
        return from_accounts(added.error());
    return Enrolled{"passkey", base64url_encode(credential.id), credential.name, format_aaguid(data->aaguid)};
}

} // namespace stepgate::challenge_web::factors
