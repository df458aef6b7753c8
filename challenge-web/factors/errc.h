#pragma once

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>

#include <string>
#include <type_traits>

namespace stepgate::challenge_web::factors
{

/// Why a proof or an enrolment was refused. For logs and the audit; a page tells less before sign-in (one sentence for
/// all), and `locked_out`, `replayed` and `store_unavailable` where the user can act on them.
enum class errc {
    malformed = 1,       // not an answer of this factor: wrong JSON, wrong CBOR, wrong lengths
    unknown_credential,  // no such credential, or of another user, or the user is disabled
    not_enrolled,        // the user has no credential of this factor
    wrong_type,          // clientDataJSON of another ceremony
    wrong_challenge,     // signed something else
    wrong_origin,        // another site, or inside a frame of one
    wrong_relying_party, // rpIdHash
    user_not_present,
    user_not_verified,
    unsupported, // algorithm or attestation format
    bad_signature,
    replayed, // counter did not grow, or time step was used
    wrong_code,
    locked_out,           // too many wrong answers in the last minutes, or the last day
    exists,               // credential is enrolled already
    busy,                 // no room for another message now
    weak,                 // a PIN that anybody would try first
    expired,              // the enrolment took too long
    provider_unavailable, // the identity provider does not answer, or not as it should
    not_fresh,            // the identity provider did not ask the user anew
    too_weak,             // it did not ask for as much as was wanted
    untrusted,            // not an authenticator of a model that is allowed, or it does not prove that it is one
    refused_endpoint,     // not the address of a push service that may be called
    no_randomness,
    store_unavailable,
};

[[nodiscard]] inline const boost::system::error_category& factors_category()
{
    static const struct : boost::system::error_category {
        const char* name() const noexcept override { return "stepgate.factors"; }
        std::string message(int code) const override
        {
            switch (static_cast<errc>(code)) {
            case errc::malformed:
                return "malformed answer";
            case errc::unknown_credential:
                return "unknown credential";
            case errc::not_enrolled:
                return "nothing is enrolled for this factor";
            case errc::wrong_type:
                return "made for another purpose";
            case errc::wrong_challenge:
                return "made for another challenge";
            case errc::wrong_origin:
                return "made on another site";
            case errc::wrong_relying_party:
                return "made for another relying party";
            case errc::user_not_present:
                return "the user was not present";
            case errc::user_not_verified:
                return "the user was not verified";
            case errc::unsupported:
                return "unsupported algorithm or attestation";
            case errc::bad_signature:
                return "the signature does not verify";
            case errc::replayed:
                return "was used already";
            case errc::wrong_code:
                return "wrong code";
            case errc::locked_out:
                return "too many wrong answers; try again later";
            case errc::exists:
                return "is enrolled already";
            case errc::busy:
                return "too much is waiting; try again later";
            case errc::weak:
                return "too easy to guess";
            case errc::expired:
                return "took too long; start again";
            case errc::provider_unavailable:
                return "the identity provider does not answer as it should";
            case errc::not_fresh:
                return "the identity provider did not ask for a new login";
            case errc::too_weak:
                return "the identity provider's login was not of the kind that was asked for";
            case errc::untrusted:
                return "not an authenticator of a model that is allowed here";
            case errc::refused_endpoint:
                return "not a push service that may be called";
            case errc::no_randomness:
                return "no random numbers";
            case errc::store_unavailable:
                return "the store is not available";
            }
            return "unknown factors error";
        }
    } category;
    return category;
}

[[nodiscard]] inline boost::system::error_code make_error_code(errc code)
{
    return {static_cast<int>(code), factors_category()};
}

} // namespace stepgate::challenge_web::factors

template <>
struct boost::system::is_error_code_enum<stepgate::challenge_web::factors::errc> : std::true_type {
};
