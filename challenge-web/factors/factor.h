#pragma once

#include "challenge-web/accounts/accounts.h"
#include "challenge-web/challenges/challenge.h"
#include "challenge-web/factors/errc.h"

#include <boost/system/result.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace stepgate::challenge_web::factors
{

using challenges::Proof;
using challenges::TimePoint;
template <class T>
using result = boost::system::result<T>;

/// What a proof is asked for.
struct Ask {
    enum class Purpose : std::uint8_t {
        sign_in,   // `challenge` is 32 random bytes that the server keeps, once, for this sign-in
        challenge, // `challenge` is the digest of a held statement
    };
    Purpose purpose = Purpose::sign_in;
    std::string user; // who must answer; "" at sign-in without a name (passkey only): Proof.user tells who it was
    std::array<std::byte, 32> challenge{};
    bool user_verification = false; // level 3: the authenticator must have verified the user
    TimePoint now{};
    std::string short_code{}; // of the challenge, "KX4-7PM", for people
};

/// An enrolment under way. The server keeps it (in memory, with the web session) and gives the page `options` only.
struct Enrolment {
    std::string user;
    std::string options; // JSON for the page
    std::string state;   // of the factor; never leaves the server
    TimePoint expires{};
};

struct Enrolled {
    std::string factor, credential, name; // credential: as in Proof.credential
    std::string model{};                  // of a passkey's authenticator: its AAGUID, as a UUID
};

/// A way to answer. One object a factor for the whole process; thread-safe; every method may block on the accounts.
/// It verifies, and claims what can be used once (counter, time step); it knows nothing of challenges' states.
/// errc::store_unavailable when the accounts cannot be read or written: nothing is verified then.
class Factor
{
  public:
    Factor() = default;
    Factor(const Factor&) = delete;
    Factor& operator=(const Factor&) = delete;
    virtual ~Factor() = default;

    /// As in policies, proofs and the audit: "passkey", "totp".
    [[nodiscard]] virtual std::string_view name() const = 0;
    /// Has the user a credential of this factor?
    [[nodiscard]] virtual result<bool> enrolled(const std::string& user) = 0;

    /// What the page needs to ask for an answer, as JSON. At sign-in it looks the same for users that do not exist.
    [[nodiscard]] virtual result<std::string> begin(const Ask& ask) = 0;
    /// Checks the page's answer (JSON) against the same `ask` that `begin` got, with a new `now`.
    [[nodiscard]] virtual result<Proof> verify(const Ask& ask, std::string_view answer) = 0;

    [[nodiscard]] virtual result<Enrolment> begin_enrolment(const accounts::User& user, TimePoint now) = 0;
    /// Stores the credential. The caller drops the enrolment whatever comes back but errc::wrong_code.
    [[nodiscard]] virtual result<Enrolled> finish_enrolment(const Enrolment& enrolment, std::string_view answer,
                                                            const std::string& name, TimePoint now) = 0;

  protected:
    /// Whose evidence is the credential alone: nothing of it can be checked again later.
    [[nodiscard]] Proof proof_of(const std::string& user, std::string_view kind, const std::string& credential) const;
};

/// Most bytes of the name that a user gives a credential.
inline constexpr std::size_t longest_name = 128;
/// How long an enrolment may take.
inline constexpr std::chrono::minutes enrolment_time{10};

} // namespace stepgate::challenge_web::factors
