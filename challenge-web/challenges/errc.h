#pragma once

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>

#include <string>
#include <type_traits>

namespace stepgate::challenge_web::challenges
{

/// Why a challenge operation was refused.
enum class errc {
    not_found = 1,    // no such challenge, or forgotten already
    invalid_question, // nothing to ask: no user, not a challenge verdict, unknown level, no statement
    too_many,         // a limit was reached: challenges of the user or in all, or proofs of the challenge
    no_randomness,    // the random source failed: nothing is opened
    wrong_digest,     // the proof or the release is for another statement
    wrong_user,       // may neither answer nor approve this challenge
    replayed,         // this very proof was given before
    not_approved,     // still pending: nothing to release
    consumed,         // released already: an approval is used once
    denied,
    expired,
    cancelled,
    settled,                // approved already: no further proof is taken
    approver_gone,          // somebody who approved may not any more: nothing is released
    malformed_digest_input, // not an encoding that `digest_input` makes
};

[[nodiscard]] inline const boost::system::error_category& challenges_category()
{
    static const struct : boost::system::error_category {
        const char* name() const noexcept override { return "stepgate.challenges"; }
        std::string message(int code) const override
        {
            switch (static_cast<errc>(code)) {
            case errc::not_found:
                return "no such challenge";
            case errc::invalid_question:
                return "not a question that can be asked";
            case errc::too_many:
                return "too many challenges or proofs";
            case errc::no_randomness:
                return "no random numbers";
            case errc::wrong_digest:
                return "the answer is for another statement";
            case errc::wrong_user:
                return "not yours to answer";
            case errc::replayed:
                return "this answer was given before";
            case errc::not_approved:
                return "not approved";
            case errc::consumed:
                return "was released already";
            case errc::denied:
                return "was denied";
            case errc::expired:
                return "has expired";
            case errc::cancelled:
                return "was cancelled";
            case errc::settled:
                return "is decided already";
            case errc::approver_gone:
                return "somebody who approved may not any more";
            case errc::malformed_digest_input:
                return "malformed digest input";
            }
            return "unknown challenges error";
        }
    } category;
    return category;
}

[[nodiscard]] inline boost::system::error_code make_error_code(errc code)
{
    return {static_cast<int>(code), challenges_category()};
}

} // namespace stepgate::challenge_web::challenges

template <>
struct boost::system::is_error_code_enum<stepgate::challenge_web::challenges::errc> : std::true_type {
};
